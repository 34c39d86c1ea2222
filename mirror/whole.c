/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/whole.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "manifests/manifest.h"
#include "manifests/schema1.h"

/* Lists in lists are allowed by the specification, and nobody makes them deeper. */
#define DEPTH_MAX 4
#define PARALLEL 16

static int check_blobs(struct dr_registry *registry, struct dr_registry_look *looks, size_t count,
                       struct dr_err *err)
{
    if (dr_registry_look(registry, looks, count, PARALLEL, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char digest[DR_DIGEST_TEXT];

        if (!looks[i].there)
            return dr_fail(err, DR_ERR_ABSENT, "its blob %s is not there",
                           dr_digest_text(&looks[i].digest, digest));
    }
    return 0;
}

/* Foreign layers engines fetch from elsewhere, and docker push leaves them out. */
static int check_image(struct dr_registry *registry, const char *repository,
                       const struct dr_image_manifest *image, struct dr_err *err)
{
    dr_autofree struct dr_registry_look *looks = calloc(image->layer_count + 1, sizeof *looks);
    size_t count = 0;

    if (!looks)
        return dr_fail_memory(err);
    for (size_t i = 0; i < image->layer_count; i++) {
        if (!dr_layer_is_foreign(image->layers[i].media_type))
            looks[count++] = (struct dr_registry_look){.repository = repository,
                                                       .digest = image->layers[i].digest};
    }
    looks[count++] =
        (struct dr_registry_look){.repository = repository, .digest = image->config.digest};
    return check_blobs(registry, looks, count, err);
}

/* What docker would refuse anyway cannot get worse by a tag. */
static int check_schema1(struct dr_registry *registry, const char *repository,
                         const struct dr_digest *digest,
                         const struct dr_registry_manifest *manifest, struct dr_err *err)
{
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
    dr_autofree struct dr_registry_look *looks = NULL;

    if (dr_schema1_parse(manifest->body.data, manifest->body.size, &image, NULL) < 0)
        return 0;
    if (!dr_digest_equal(&image.digest, digest))
        return dr_fail(err, DR_ERR_VERIFY, "the registry serves another image under its digest");
    looks = calloc(image.layer_count + 1, sizeof *looks);
    if (!looks)
        return dr_fail_memory(err);
    for (size_t i = 0; i < image.layer_count; i++)
        looks[i] =
            (struct dr_registry_look){.repository = repository, .digest = image.layers[i].blob};
    return check_blobs(registry, looks, image.layer_count, err);
}

static int check(struct dr_registry *registry, const char *repository,
                 const struct dr_digest *digest, unsigned depth, struct dr_err *err);

static int check_members(struct dr_registry *registry, const char *repository,
                         const struct dr_registry_manifest *list, unsigned depth,
                         struct dr_err *err)
{
    json_auto_t *document = dr_json_parse(list->body.data, list->body.size, "the list", err);
    json_t *entries;
    json_t *entry;
    size_t i;

    if (!document || dr_json_get_array(document, "manifests", &entries, err) < 0)
        return -1;
    if (depth == 0)
        return dr_fail(err, DR_ERR_FORMAT, "lists in lists, more than %d deep", DEPTH_MAX);
    json_array_foreach(entries, i, entry)
    {
        struct dr_digest digest;
        const char *text;

        if (dr_json_get_string(entry, "digest", &text, err) < 0 ||
            dr_digest_parse(text, &digest, err) < 0 ||
            check(registry, repository, &digest, depth - 1, err) < 0)
            return -1;
    }
    return 0;
}

static int check(struct dr_registry *registry, const char *repository,
                 const struct dr_digest *digest, unsigned depth, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
    enum dr_manifest_kind kind;
    char text[DR_DIGEST_TEXT];

    if (dr_registry_get_manifest(registry, repository, dr_digest_text(digest, text), &manifest,
                                 err) < 0 ||
        dr_manifest_classify(manifest.body.data, manifest.body.size, manifest.media_type, &kind,
                             err) < 0)
        return -1;
    switch (kind) {
    case DR_MANIFEST_INDEX:
        return check_members(registry, repository, &manifest, depth, err);
    case DR_MANIFEST_IMAGE:
        break;
    case DR_MANIFEST_SCHEMA1:
        return check_schema1(registry, repository, digest, &manifest, err);
    }
    if (dr_image_manifest_parse(manifest.body.data, manifest.body.size, &image, err) < 0)
        return -1;
    return check_image(registry, repository, &image, err);
}

int dr_mirror_check_whole(struct dr_registry *registry, const char *repository,
                          const struct dr_digest *digest, struct dr_err *err)
{
    return check(registry, repository, digest, DEPTH_MAX, err);
}
