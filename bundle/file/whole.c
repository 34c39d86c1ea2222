/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/whole.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/sums.h"
#include "lib/cleanup.h"
#include "lib/json.h"

const struct dr_member *dr_whole_find(const struct dr_envelope *envelope, const char *name)
{
    for (size_t i = envelope->layout.count; i > 0; i--) {
        if (strcmp(envelope->layout.members[i - 1].name, name) == 0)
            return &envelope->layout.members[i - 1];
    }
    return NULL;
}

static int add(struct dr_buf *list, const char *name, const char *data, size_t size,
               struct dr_err *err)
{
    struct dr_digest digest;

    dr_digest_of(data, size, &digest);
    return dr_sums_add(list, name, &digest, err);
}

static int add_blobs(struct dr_buf *list, const struct dr_bundle_image *images, size_t count,
                     struct dr_err *err)
{
    dr_autofree struct dr_bundle_blob *blobs = NULL;
    size_t blob_count;

    if (dr_images_blobs(images, count, &blobs, &blob_count, err) < 0)
        return -1;
    for (size_t i = 0; i < blob_count; i++) {
        char name[DR_MEMBER_NAME];

        if (dr_sums_add(list, dr_sums_blob_name(&blobs[i].digest, name), &blobs[i].digest, err) < 0)
            return -1;
    }
    return 0;
}

int dr_whole_list(const char *document, size_t size, const struct dr_bundle_image *images,
                  size_t count, struct dr_buf *ret_list, struct dr_err *err)
{
    dr_autofree char *index = dr_images_index(images, count, err);
    dr_autofree char *docker = index ? dr_images_docker(images, count, err) : NULL;

    if (!docker || add(ret_list, DR_NAME_DOCUMENT, document, size, err) < 0 ||
        add(ret_list, DR_NAME_OCI_LAYOUT, DR_OCI_LAYOUT, strlen(DR_OCI_LAYOUT), err) < 0 ||
        add(ret_list, DR_NAME_INDEX, index, strlen(index), err) < 0 ||
        add(ret_list, DR_NAME_DOCKER, docker, strlen(docker), err) < 0)
        return -1;
    return add_blobs(ret_list, images, count, err);
}

static int load(const struct dr_envelope *envelope, const char *name, size_t max,
                struct dr_buf *ret_data, struct dr_err *err)
{
    const struct dr_member *member = dr_whole_find(envelope, name);

    if (!member)
        return dr_fail(err, DR_ERR_VERIFY, "it is a delta and has no '%s'", name);
    return dr_envelope_load(envelope, member, max, ret_data, err);
}

/* bundle.json of the whole is the delta's own without what makes it a delta. */
static int check_document(const struct dr_document *document, const struct dr_buf *text,
                          struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *whole = dr_json_parse(text->data, text->size, DR_NAME_WHOLE_DOCUMENT, &why);
    json_auto_t *own = json_copy(document->json);
    int reader = dr_document_reader(document->images, document->image_count, false);

    if (!whole)
        return dr_fail(err, why.code == DR_ERR_FORMAT ? DR_ERR_VERIFY : why.code, "%s", why.text);
    if (!own)
        return dr_fail_memory(err);
    json_object_del(own, "bases");
    if (json_array_size(json_object_get(whole, "requires")) > 0 ||
        json_object_set(own, "requires", json_object_get(whole, "requires")) < 0 ||
        json_object_set_new(own, "min_reader", json_integer(reader)) < 0 || !json_equal(own, whole))
        return dr_fail(err, DR_ERR_VERIFY,
                       "'" DR_NAME_WHOLE_DOCUMENT "' is not of the bundle that this delta is of");
    return 0;
}

/* What stands behind the blobs in both. */
static int add_extras(const struct dr_envelope *envelope, struct dr_buf *list, struct dr_err *err)
{
    for (size_t i = 0; i < envelope->layout.count; i++) {
        const struct dr_member *member = &envelope->layout.members[i];

        if ((strcmp(member->name, DR_NAME_README) == 0 || dr_sums_is_program(member->name)) &&
            dr_sums_add(list, member->name, &member->digest, err) < 0)
            return -1;
    }
    return 0;
}

int dr_whole_check(const struct dr_envelope *envelope, const struct dr_document *document,
                   struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_DOCUMENT_MAX);
    dr_auto_buf struct dr_buf list = DR_BUF_INIT(DR_SUMS_MAX);
    dr_auto_buf struct dr_buf right = DR_BUF_INIT(DR_SUMS_MAX);
    dr_auto_buf struct dr_buf signature = DR_BUF_INIT(DR_SIGNATURE_MAX);

    if (load(envelope, DR_NAME_WHOLE_DOCUMENT, DR_DOCUMENT_MAX, &text, err) < 0 ||
        load(envelope, DR_NAME_WHOLE_SUMS, DR_SUMS_MAX, &list, err) < 0 ||
        load(envelope, DR_NAME_WHOLE_SIGNATURE, DR_SIGNATURE_MAX, &signature, err) < 0)
        return -1;
    if (signature.size == 0)
        return dr_fail(err, DR_ERR_VERIFY, "'" DR_NAME_WHOLE_SIGNATURE "' is empty");
    if (check_document(document, &text, err) < 0 ||
        dr_whole_list(text.data, text.size, document->images, document->image_count, &right, err) <
            0 ||
        add_extras(envelope, &right, err) < 0)
        return -1;
    if (right.size != list.size || memcmp(right.data, list.data, right.size) != 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "'" DR_NAME_WHOLE_SUMS "' is not of the bundle that this delta is of");
    return 0;
}
