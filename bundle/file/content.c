/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/content.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/sums.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define LINES_MAX (16u << 20)

const struct dr_image_manifest *dr_bundle_image_content(const struct dr_bundle_image *image,
                                                        size_t index)
{
    if (!dr_bundle_image_is_list(image))
        return index == 0 ? &image->content : NULL;
    return index < image->family.image_count ? &image->family.members[index].content : NULL;
}

size_t dr_bundle_image_layer_count(const struct dr_bundle_image *image)
{
    const struct dr_image_manifest *content;
    size_t count = 0;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++)
        count += content->layer_count;
    return count;
}

bool dr_bundle_image_has_layer(const struct dr_bundle_image *image, const struct dr_digest *digest)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        for (size_t j = 0; j < content->layer_count; j++) {
            if (dr_digest_equal(&content->layers[j].digest, digest))
                return true;
        }
    }
    return false;
}

const char *dr_images_name_owner(const struct dr_bundle_image *images, size_t count,
                                 const struct dr_digest *layer, char ret[DR_REFERENCE_TEXT])
{
    for (size_t i = 0; i < count; i++) {
        if (dr_bundle_image_has_layer(&images[i], layer))
            return dr_reference_familiar(&images[i].reference, ret);
    }
    snprintf(ret, DR_REFERENCE_TEXT, "?");
    return ret;
}

size_t dr_bundle_image_platform_count(const struct dr_bundle_image *image)
{
    size_t count = 0;

    while (image->platforms && image->platforms[count])
        count++;
    return count > 0 ? count : 1;
}

int dr_bundle_image_adopt(struct dr_bundle_image *image, struct dr_family *family,
                          struct dr_err *err)
{
    const struct dr_family_member *chosen = dr_family_find(family, &image->chosen);

    if (!chosen || chosen >= family->members + family->image_count)
        return dr_fail(err, DR_ERR_FORMAT, "the chosen image is none of its list");
    dr_bundle_image_release(image);
    image->content = chosen->content; /* whose layers the family keeps */
    image->family = *family;
    *family = (struct dr_family)DR_FAMILY_INIT;
    return 0;
}

void dr_bundle_image_release(struct dr_bundle_image *image)
{
    if (image->family.count == 0)
        dr_image_manifest_release(&image->content);
    image->content = (struct dr_image_manifest)DR_IMAGE_MANIFEST_INIT;
    dr_family_release(&image->family);
}

static int by_name(const void *a, const void *b)
{
    const struct dr_reference *one = *(const struct dr_reference *const *)a;
    const struct dr_reference *other = *(const struct dr_reference *const *)b;
    int compared = strcmp(one->host, other->host);

    if (!compared)
        compared = strcmp(one->repository, other->repository);
    if (!compared)
        compared = strcmp(one->tag, other->tag);
    if (!compared && !*one->tag)
        compared = dr_digest_compare(&one->digest, &other->digest);
    return compared;
}

int dr_images_check_names(const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    dr_autofree const struct dr_reference **names = calloc(count + 1, sizeof *names);
    char text[DR_REFERENCE_TEXT];

    if (!names)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        names[i] = &images[i].reference;
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 1; i < count; i++) {
        if (by_name(&names[i - 1], &names[i]) == 0)
            return dr_fail(err, DR_ERR_FORMAT, "two images go by the name '%s'",
                           dr_reference_text(names[i], text));
    }
    return 0;
}

int dr_images_id(const struct dr_bundle_image *images, size_t count, struct dr_digest *ret_id,
                 struct dr_err *err)
{
    dr_auto_buf struct dr_buf lines = DR_BUF_INIT(LINES_MAX);

    for (size_t i = 0; i < count; i++) {
        char name[DR_REFERENCE_TEXT];
        char digest[DR_DIGEST_TEXT];

        if (dr_buf_printf(&lines, err, "%s %s\n", dr_reference_text(&images[i].reference, name),
                          dr_digest_text(&images[i].manifest.digest, digest)) < 0)
            return -1;
    }
    dr_digest_of(lines.data, lines.size, ret_id);
    return 0;
}

/* A blob and where it was first named. */
struct use {
    struct dr_bundle_blob blob;
    size_t order;
};

static int by_digest(const void *a, const void *b)
{
    const struct use *one = a;
    const struct use *other = b;
    int compared = dr_digest_compare(&one->blob.digest, &other->blob.digest);

    if (compared)
        return compared;
    if (one->blob.layer != other->blob.layer)
        return one->blob.layer - other->blob.layer;
    return one->order < other->order ? -1 : one->order > other->order;
}

static int by_place(const void *a, const void *b)
{
    const struct use *one = a;
    const struct use *other = b;

    if (one->blob.layer != other->blob.layer)
        return one->blob.layer - other->blob.layer;
    if (!one->blob.layer)
        return dr_digest_compare(&one->blob.digest, &other->blob.digest);
    return one->order < other->order ? -1 : one->order > other->order;
}

static void add_use(struct use *uses, size_t *count, const struct dr_descriptor *descriptor,
                    bool layer)
{
    uses[*count] = (struct use){
        .blob = {.digest = descriptor->digest, .size = descriptor->size, .layer = layer},
        .order = *count,
    };
    (*count)++;
}

static size_t count_uses(const struct dr_bundle_image *image)
{
    const struct dr_image_manifest *content;
    size_t count = 1 + image->family.count;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++)
        count += 1 + content->layer_count;
    return count;
}

static void add_uses(struct use *uses, size_t *count, const struct dr_bundle_image *image)
{
    const struct dr_image_manifest *content;

    add_use(uses, count, &image->manifest, false);
    for (size_t i = 0; i < image->family.count; i++)
        add_use(uses, count, &image->family.members[i].manifest, false);
    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        add_use(uses, count, &content->config, false);
        for (size_t j = 0; j < content->layer_count; j++)
            add_use(uses, count, &content->layers[j], true);
    }
}

static struct use *all_uses(const struct dr_bundle_image *images, size_t image_count,
                            size_t *ret_count, struct dr_err *err)
{
    size_t room = 1;
    struct use *uses;

    for (size_t i = 0; i < image_count; i++)
        room += count_uses(&images[i]);
    uses = calloc(room, sizeof *uses);
    if (!uses) {
        dr_fail_memory(err);
        return NULL;
    }
    *ret_count = 0;
    for (size_t i = 0; i < image_count; i++)
        add_uses(uses, ret_count, &images[i]);
    return uses;
}

/* Keeps the first of each digest. */
static int merge(struct use *uses, size_t *count, struct dr_err *err)
{
    size_t kept = 0;

    qsort(uses, *count, sizeof *uses, by_digest);
    for (size_t i = 0; i < *count; i++) {
        const struct dr_bundle_blob *last = kept ? &uses[kept - 1].blob : NULL;

        if (!last || !dr_digest_equal(&last->digest, &uses[i].blob.digest)) {
            uses[kept++] = uses[i];
        } else if (last->size != uses[i].blob.size) {
            char digest[DR_DIGEST_TEXT];

            return dr_fail(err, DR_ERR_FORMAT, "the blob %s is named with %llu and with %llu bytes",
                           dr_digest_text(&last->digest, digest), (unsigned long long)last->size,
                           (unsigned long long)uses[i].blob.size);
        }
    }
    *count = kept;
    return 0;
}

int dr_images_blobs(const struct dr_bundle_image *images, size_t count,
                    struct dr_bundle_blob **ret_blobs, size_t *ret_count, struct dr_err *err)
{
    size_t used;
    dr_autofree struct use *uses = all_uses(images, count, &used, err);
    struct dr_bundle_blob *blobs;

    if (!uses || merge(uses, &used, err) < 0)
        return -1;
    qsort(uses, used, sizeof *uses, by_place);
    blobs = calloc(used + 1, sizeof *blobs);
    if (!blobs)
        return dr_fail_memory(err);
    for (size_t i = 0; i < used; i++)
        blobs[i] = uses[i].blob;
    *ret_blobs = blobs;
    *ret_count = used;
    return 0;
}

/* The name under which readers find the image: with its tag where it has one, else with its digest. */
static const char *reader_name(const struct dr_bundle_image *image, char ret[DR_REFERENCE_TEXT])
{
    struct dr_reference reference = image->reference;

    if (*reference.tag)
        reference.has_digest = false;
    return dr_reference_text(&reference, ret);
}

static json_t *index_entry(const struct dr_bundle_image *image)
{
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    reader_name(image, name);
    return json_pack("{s:s, s:s, s:I, s:{s:s, s:s}}", "mediaType", image->manifest.media_type,
                     "digest", dr_digest_text(&image->manifest.digest, digest), "size",
                     (json_int_t)image->manifest.size, "annotations", "io.containerd.image.name",
                     name, "org.opencontainers.image.ref.name", name);
}

char *dr_images_index(const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    json_auto_t *index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
                                   DR_MEDIA_OCI_INDEX, "manifests");
    json_t *entries = json_object_get(index, "manifests");

    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(entries, index_entry(&images[i]), err) < 0)
            return NULL;
    }
    return dr_json_text(index, false, err);
}

static json_t *docker_entry(const struct dr_bundle_image *image, struct dr_err *err)
{
    char path[DR_MEMBER_NAME];
    char name[DR_REFERENCE_TEXT];
    json_auto_t *entry =
        json_pack("{s:s, s:[], s:[]}", "Config",
                  dr_sums_blob_name(&image->content.config.digest, path), "RepoTags", "Layers");
    json_t *tags = json_object_get(entry, "RepoTags");
    json_t *layers = json_object_get(entry, "Layers");

    if (*image->reference.tag &&
        dr_json_append(tags, json_string(reader_name(image, name)), err) < 0)
        return NULL;
    for (size_t i = 0; i < image->content.layer_count; i++) {
        dr_sums_blob_name(&image->content.layers[i].digest, path);
        if (dr_json_append(layers, json_string(path), err) < 0)
            return NULL;
    }
    return json_incref(entry);
}

char *dr_images_docker(const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *entry = docker_entry(&images[i], err);

        if (!entry || dr_json_append(list, entry, err) < 0)
            return NULL;
    }
    return dr_json_text(list, false, err);
}
