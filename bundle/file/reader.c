/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/reader_parts.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/document.h"
#include "bundle/file/envelope.h"
#include "bundle/file/media.h"
#include "bundle/file/policy.h"
#include "bundle/file/sums.h"
#include "bundle/file/whole.h"
#include "lib/cleanup.h"
#include "lib/text.h"

#define README_MAX (64u << 10)

static int compare_blobs(const void *a, const void *b)
{
    return dr_digest_compare(&(*(const struct dr_bundle_blob *const *)a)->digest,
                             &(*(const struct dr_bundle_blob *const *)b)->digest);
}

static const struct dr_member *member_at(const struct dr_bundle *bundle, size_t index)
{
    return &bundle->envelope.layout.members[index];
}

void dr_reader_forget_blobs(struct dr_bundle *bundle)
{
    free(dr_steal(bundle->blobs));
    free(dr_steal(bundle->by_digest));
    bundle->blob_count = 0;
}

/* The blobs as the list has them, sorted for searching. */
int dr_reader_index_blobs(struct dr_bundle *bundle, struct dr_err *err)
{
    size_t count = bundle->envelope.layout.count - AT_BLOBS;

    bundle->blobs = calloc(count + 1, sizeof *bundle->blobs);
    bundle->by_digest = calloc(count + 1, sizeof *bundle->by_digest);
    if (!bundle->blobs || !bundle->by_digest)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct dr_member *member = member_at(bundle, AT_BLOBS + i);

        if (!dr_sums_is_blob(member->name))
            break;
        bundle->blobs[i] = (struct dr_bundle_blob){
            .digest = member->digest, .offset = member->offset, .size = member->size};
        bundle->by_digest[i] = &bundle->blobs[i];
        bundle->blob_count++;
    }
    qsort(bundle->by_digest, bundle->blob_count, sizeof *bundle->by_digest, compare_blobs);
    for (size_t i = 1; i < bundle->blob_count; i++) {
        if (compare_blobs(&bundle->by_digest[i - 1], &bundle->by_digest[i]) == 0)
            return dr_fail(err, DR_ERR_VERIFY, "a blob is listed twice");
    }
    return 0;
}

const struct dr_bundle_blob *dr_bundle_find_blob(const struct dr_bundle *bundle,
                                                 const struct dr_digest *digest)
{
    const struct dr_bundle_blob wanted = {.digest = *digest};
    const struct dr_bundle_blob *key = &wanted;
    const struct dr_bundle_blob *const *found = bsearch(&key, bundle->by_digest, bundle->blob_count,
                                                        sizeof *bundle->by_digest, compare_blobs);

    return found ? *found : NULL;
}

static const struct dr_member *member_of(const struct dr_bundle *bundle,
                                         const struct dr_bundle_blob *blob)
{
    return member_at(bundle, AT_BLOBS + (size_t)(blob - bundle->blobs));
}

int dr_bundle_blob_load(const struct dr_bundle *bundle, const struct dr_digest *digest,
                        struct dr_buf *ret_data, struct dr_err *err)
{
    const struct dr_bundle_blob *blob = dr_bundle_find_blob(bundle, digest);
    char text[DR_DIGEST_TEXT];

    if (!blob)
        return dr_fail(err, DR_ERR_VERIFY, "the bundle does not hold %s",
                       dr_digest_text(digest, text));
    return dr_envelope_load(&bundle->envelope, member_of(bundle, blob), DR_SMALL_MAX, ret_data,
                            err);
}

/* Before the policy is asked, which goes by it. Its content is compared in dr_reader_check_tail(). */
static int name_whole(struct dr_bundle *bundle, struct dr_err *err)
{
    struct dr_bundle_about *about = &bundle->document.about;
    const struct dr_sums *sums = &bundle->envelope.sums;
    const struct dr_digest *list = NULL;

    for (size_t i = 0; i < sums->count; i++) {
        if (strcmp(sums->lines[i].name, DR_NAME_WHOLE_SUMS) == 0)
            list = &sums->lines[i].digest;
    }
    if (!about->delta != !list)
        return dr_fail(err, DR_ERR_VERIFY,
                       "it is %s delta and has %s '" DR_NAME_WHOLE_SUMS "' in it",
                       list ? "no" : "a", list ? "a" : "no");
    about->whole = list ? *list : about->sums;
    return 0;
}

int dr_reader_load_document(struct dr_bundle *bundle, const struct dr_bundle_trust *trust,
                            struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_DOCUMENT_MAX);

    if (dr_envelope_load(&bundle->envelope, member_at(bundle, AT_DOCUMENT), DR_DOCUMENT_MAX, &text,
                         err) < 0)
        return -1;
    if (dr_document_parse(text.data, text.size, &bundle->document, err) < 0)
        return -1;
    bundle->document.about.sums = bundle->envelope.list.digest;
    bundle->document.about.signers = bundle->envelope.signers;
    if (name_whole(bundle, err) < 0)
        return -1;
    return dr_policy_check(trust, &bundle->document.about, err);
}

struct family_source {
    const struct dr_bundle *bundle;
    struct dr_buf bytes; /* of the one that was asked for last */
};

static const struct dr_buf *load_member(void *context, const struct dr_descriptor *manifest,
                                        struct dr_err *err)
{
    struct family_source *source = context;

    dr_buf_clear(&source->bytes);
    return dr_bundle_blob_load(source->bundle, &manifest->digest, &source->bytes, err) < 0
               ? NULL
               : &source->bytes;
}

static int load_family(struct dr_bundle *bundle, struct dr_bundle_image *image,
                       const struct dr_buf *list, struct dr_err *err)
{
    struct family_source source = {.bundle = bundle, .bytes = DR_BUF_INIT(DR_SMALL_MAX)};
    dr_auto_family struct dr_family family = DR_FAMILY_INIT;
    int done = dr_family_read(list->data, list->size, load_member, &source, &family, err);

    dr_buf_release(&source.bytes);
    return done < 0 ? -1 : dr_bundle_image_adopt(image, &family, err);
}

static int load_manifest(struct dr_bundle *bundle, struct dr_bundle_image *image,
                         struct dr_err *err)
{
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_SMALL_MAX);
    enum dr_manifest_kind kind;

    if (dr_bundle_blob_load(bundle, &image->manifest.digest, &bytes, err) < 0 ||
        dr_manifest_classify(bytes.data, bytes.size, image->manifest.media_type, &kind, err) < 0)
        return -1;
    if (kind == DR_MANIFEST_INDEX)
        return load_family(bundle, image, &bytes, err);
    if (dr_image_manifest_parse(bytes.data, bytes.size, &image->content, err) < 0)
        return -1;
    memcpy(image->content.media_type, image->manifest.media_type, sizeof image->content.media_type);
    return 0;
}

int dr_reader_load_images(struct dr_bundle *bundle, struct dr_err *err)
{
    for (size_t i = 0; i < bundle->document.image_count; i++) {
        struct dr_bundle_image *image = &bundle->document.images[i];
        struct dr_err why = DR_ERR_INIT;
        char name[DR_REFERENCE_TEXT];

        if (load_manifest(bundle, image, &why) < 0)
            return dr_fail(err, why.code == DR_ERR_FORMAT ? DR_ERR_VERIFY : why.code,
                           "the image '%s': %s", dr_reference_familiar(&image->reference, name),
                           why.text);
    }
    return 0;
}

/* The blobs must be those that the images need, in the one order that there is, with the sizes that the manifests
 * say. Marks the layers. */
int dr_reader_check_blobs(struct dr_bundle *bundle, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    dr_autofree struct dr_bundle_blob *right = NULL;
    size_t count;

    if (dr_images_blobs(bundle->document.images, bundle->document.image_count, &right, &count,
                        &why) < 0 ||
        dr_delta_leave_out(bundle->document.delta, right, &count, &why) < 0)
        return dr_fail(err, why.code == DR_ERR_FORMAT ? DR_ERR_VERIFY : why.code, "%s", why.text);
    if (count != bundle->blob_count)
        return dr_fail(err, DR_ERR_VERIFY, "it holds %zu blobs where its images have %zu",
                       bundle->blob_count, count);
    for (size_t i = 0; i < count; i++) {
        struct dr_bundle_blob *found = &bundle->blobs[i];

        if (!dr_digest_equal(&found->digest, &right[i].digest) || found->size != right[i].size)
            return dr_fail(err, DR_ERR_VERIFY, "'%s' is not the blob that belongs there",
                           member_of(bundle, found)->name);
        found->layer = right[i].layer;
    }
    return 0;
}

static int check_member(const struct dr_bundle *bundle, const struct dr_member *member,
                        const char *right, struct dr_err *err)
{
    size_t size = strlen(right);
    dr_auto_buf struct dr_buf found = DR_BUF_INIT(size);

    if (member->size == size && dr_envelope_load(&bundle->envelope, member, size, &found, err) < 0)
        return -1;
    if (member->size != size || memcmp(found.data, right, size) != 0)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' is not what the images make it", member->name);
    return 0;
}

/* What other tools go by must tell what bundle.json tells. */
int dr_reader_check_indexes(const struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_document *document = &bundle->document;
    bool delta = document->delta;
    dr_autofree char *index = delta ? dr_text_copy(DR_DELTA_INDEX, err)
                                    : dr_images_index(document->images, document->image_count, err);
    dr_autofree char *docker = NULL;

    if (!index)
        return -1;
    docker = delta ? dr_text_copy(DR_DELTA_DOCKER, err)
                   : dr_images_docker(document->images, document->image_count, err);
    if (!docker ||
        check_member(bundle, member_at(bundle, AT_OCI_LAYOUT),
                     delta ? DR_DELTA_OCI_LAYOUT : DR_OCI_LAYOUT, err) < 0 ||
        check_member(bundle, member_at(bundle, AT_INDEX), index, err) < 0)
        return -1;
    return check_member(bundle, member_at(bundle, AT_DOCKER), docker, err);
}

static int check_config(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob,
                        struct dr_err *err)
{
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_SMALL_MAX);

    return dr_envelope_load(&bundle->envelope, member_of(bundle, blob), DR_SMALL_MAX, &bytes, err);
}

int dr_reader_check_small(struct dr_bundle *bundle, struct dr_err *err)
{
    for (size_t i = 0; i < bundle->blob_count; i++) {
        if (bundle->blobs[i].layer)
            bundle->document.about.layer_bytes += bundle->blobs[i].size;
        else if (check_config(bundle, &bundle->blobs[i], err) < 0)
            return -1;
    }
    return 0;
}

int dr_reader_check_tail(struct dr_bundle *bundle, struct dr_err *err)
{
    for (size_t i = AT_BLOBS + bundle->blob_count; i < bundle->envelope.layout.count; i++) {
        const struct dr_member *member = member_at(bundle, i);
        dr_auto_buf struct dr_buf text = DR_BUF_INIT(README_MAX);

        if (dr_sums_is_program(member->name))
            bundle->document.about.layer_bytes += member->size;
        else if (dr_sums_is_whole(member->name))
            continue; /* by dr_whole_check() */
        else if (dr_envelope_load(&bundle->envelope, member, README_MAX, &text, err) < 0)
            return -1;
    }
    bundle->document.about.bytes = bundle->envelope.size;
    bundle->document.about.members = bundle->envelope.layout.count;
    return bundle->document.delta ? dr_whole_check(&bundle->envelope, &bundle->document, err) : 0;
}

void dr_reader_describe(struct dr_bundle *bundle, const struct dr_bundle_trust *trust)
{
    struct dr_bundle_about *about = &bundle->document.about;

    about->signatures = bundle->envelope.slots.filled;
    about->free_slots = bundle->envelope.slots.count - bundle->envelope.slots.filled;
    about->verified = !trust->unverified;
}

int dr_reader_open_inside(struct dr_bundle *bundle, const struct dr_bundle_trust *trust,
                          struct dr_err *err)
{
    if (dr_reader_load_document(bundle, trust, err) < 0 || dr_reader_index_blobs(bundle, err) < 0 ||
        dr_reader_load_images(bundle, err) < 0 || dr_reader_check_blobs(bundle, err) < 0 ||
        dr_reader_check_indexes(bundle, err) < 0 || dr_reader_check_small(bundle, err) < 0 ||
        dr_reader_check_tail(bundle, err) < 0)
        return -1;
    dr_reader_describe(bundle, trust);
    return 0;
}

struct dr_bundle *dr_reader_new(struct dr_err *err)
{
    struct dr_bundle *bundle = calloc(1, sizeof *bundle);

    if (bundle)
        bundle->envelope = (struct dr_envelope)DR_ENVELOPE_INIT;
    else
        dr_fail_memory(err);
    return bundle;
}

static struct dr_bundle *open_file(const char *path, const struct dr_bundle_trust *trust,
                                   struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_reader_new(err);

    if (!bundle)
        return NULL;
    if (dr_envelope_open(&bundle->envelope, path, trust, err) < 0 ||
        dr_reader_open_inside(bundle, trust, err) < 0) {
        dr_err_wrap(err, "read the bundle '%s'", path);
        if (err && err->code == DR_ERR_VERIFY && dr_media_is_named(path))
            dr_err_advise(err, "a volume of a bundle has a label at its end, and this has none: it "
                               "is damaged there, or cut off");
        return NULL;
    }
    return dr_steal(bundle);
}

struct dr_bundle *dr_bundle_open(const char *path, const struct dr_bundle_trust *trust,
                                 struct dr_err *err)
{
    return dr_media_is_at(path) ? dr_reader_open_volumes(path, trust, err)
                                : open_file(path, trust, err);
}

void dr_bundle_free(struct dr_bundle *bundle)
{
    if (!bundle)
        return;
    dr_envelope_release(&bundle->envelope);
    dr_document_release(&bundle->document);
    dr_reader_forget_blobs(bundle);
    dr_stream_free(bundle->stream);
    dr_volumes_free(bundle->volumes);
    free(bundle);
}

const struct dr_member *dr_bundle_programs(const struct dr_bundle *bundle, size_t *ret_count)
{
    const struct dr_layout *layout = &bundle->envelope.layout;
    size_t first = layout->count;

    while (first > 0 && dr_sums_is_program(layout->members[first - 1].name))
        first--;
    *ret_count = layout->count - first;
    return layout->members + first;
}

const struct dr_bundle_about *dr_bundle_about(const struct dr_bundle *bundle)
{
    return &bundle->document.about;
}

const struct dr_bundle_image *dr_bundle_images(const struct dr_bundle *bundle, size_t *ret_count)
{
    *ret_count = bundle->document.image_count;
    return bundle->document.images;
}

const struct dr_member *dr_bundle_find_member(const struct dr_bundle *bundle, const char *name)
{
    return dr_whole_find(&bundle->envelope, name);
}

int dr_bundle_refuse_delta(const struct dr_bundle *bundle, const char *what, struct dr_err *err)
{
    const struct dr_delta *delta = bundle->document.delta;
    char text[DR_BASE_TEXT];
    char size[16];

    if (!delta)
        return 0;
    dr_text_size(delta->bytes, size);
    return dr_fail(err, DR_ERR_REFUSED,
                   "%s: it is a delta, which leaves out %zu layer%s (%s) of %s; 'drover merge' "
                   "makes the whole bundle of both",
                   what, delta->count, delta->count == 1 ? "" : "s", size,
                   dr_base_text(&delta->bases[0], text));
}

const struct dr_bundle_image *dr_bundle_image_with_role(const struct dr_bundle *bundle,
                                                        const char *role)
{
    for (size_t i = 0; i < bundle->document.image_count; i++) {
        if (strcmp(bundle->document.images[i].role, role) == 0)
            return &bundle->document.images[i];
    }
    return NULL;
}

const struct dr_bundle_blob *dr_bundle_blobs(const struct dr_bundle *bundle, size_t *ret_count)
{
    *ret_count = bundle->blob_count;
    return bundle->blobs;
}

int dr_bundle_load_list(const struct dr_bundle *bundle, struct dr_buf *ret_list, struct dr_err *err)
{
    return dr_envelope_load_list(&bundle->envelope, ret_list, err);
}
