/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_MANIFEST_H
#define DROVER_MANIFESTS_MANIFEST_H

/*
 * Image manifests, as bytes from a registry or a bundle, turned into plain structs: Docker schema 2
 * and OCI images, and the lists (manifest list, image index) that offer one image per platform.
 * Schema 1 is recognised. (docker/distribution manifest-v2-2; OCI image-spec manifest.md,
 * image-index.md, descriptor.md.)
 *
 *     enum dr_manifest_kind kind;
 *     if (dr_manifest_classify(data, size, content_type, &kind, err) < 0) ...
 *     if (kind == DR_MANIFEST_INDEX && dr_index_choose(data, size, &platform, &child, err) < 0) ...
 *     dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
 *     if (kind == DR_MANIFEST_IMAGE && dr_image_manifest_parse(data, size, &image, err) < 0) ...
 *
 * Callers bound `size` (DR_MANIFEST_MAX) and compare the digest of the bytes before. The bytes
 * themselves are what is stored and pushed: nothing here is ever serialised again. What does not
 * parse is DR_ERR_FORMAT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "manifests/platform.h"

#define DR_MEDIA_TYPE_MAX 128

#define DR_MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DR_MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DR_MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define DR_MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DR_MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define DR_MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"

/* No image has more: docker itself stops at 127. */
#define DR_LAYERS_MAX 1024

/* No layer comes near a TiB, and a million of such sizes add up without wrapping. */
#define DR_BLOB_MAX (UINT64_C(1) << 40)

/* One blob as a manifest names it; `size` is at most DR_BLOB_MAX. */
struct dr_descriptor {
    char media_type[DR_MEDIA_TYPE_MAX];
    struct dr_digest digest;
    uint64_t size;
};

enum dr_manifest_kind {
    DR_MANIFEST_IMAGE,   /* schema 2 or OCI image: has config and layers */
    DR_MANIFEST_INDEX,   /* list of images, one per platform */
    DR_MANIFEST_SCHEMA1, /* Docker's old form */
};

/* Docker's or OCI's list. */
bool dr_manifest_is_list(const char *media_type);

/* One of the four kinds that drover stores and pushes: such a list or image. */
bool dr_manifest_is_carried(const char *media_type);

/* Says what the document is. `content_type` is what the registry served, NULL: unknown; generic
 * types (application/json, text/plain ...) are ignored. A document that says of itself something
 * else than the registry did, or is two kinds at once (CVE-2021-41190), is DR_ERR_FORMAT. */
int dr_manifest_classify(const void *data, size_t size, const char *content_type,
                         enum dr_manifest_kind *ret_kind, struct dr_err *err);

/* The image ID, as `docker images` shows it, is config.digest. A layer may appear several times. */
struct dr_image_manifest {
    char media_type[DR_MEDIA_TYPE_MAX]; /* of the manifest itself: what a registry has to be told */
    struct dr_descriptor config;
    struct dr_descriptor *layers; /* base first; owned */
    size_t layer_count;
};

#define DR_IMAGE_MANIFEST_INIT                                                                     \
    {                                                                                              \
        .layers = NULL                                                                             \
    }

/* Schema 1 and lists are DR_ERR_FORMAT here, by name. Foreign layers (fetched from elsewhere) are
 * taken like others. */
int dr_image_manifest_parse(const void *data, size_t size, struct dr_image_manifest *ret_image,
                            struct dr_err *err);
void dr_image_manifest_release(struct dr_image_manifest *image);
#define dr_auto_image_manifest __attribute__((cleanup(dr_image_manifest_release)))

/* The child for this platform: of those that run there the best (dr_platform_rank()), of equals the first. A list
 * without a platform in the list may hold it as well, so where nothing else fits it is the answer. None: DR_ERR_ABSENT,
 * naming the platforms that there are. */
int dr_index_choose(const void *data, size_t size, const struct dr_platform *platform,
                    struct dr_descriptor *ret_child, struct dr_err *err);

struct dr_index_entry {
    struct dr_descriptor manifest;
    struct dr_platform platform; /* unknown where the list does not say it */
};

/* All entries of a list. One that can't be read is DR_ERR_FORMAT. */
struct dr_index {
    char media_type[DR_MEDIA_TYPE_MAX]; /* as the list says it of itself; "" */
    struct dr_index_entry *entries;     /* owned */
    size_t count;
};

#define DR_INDEX_INIT                                                                              \
    {                                                                                              \
        .entries = NULL                                                                            \
    }

#define DR_INDEX_MAX 1024

int dr_index_parse(const void *data, size_t size, struct dr_index *ret_index, struct dr_err *err);
void dr_index_release(struct dr_index *index);
#define dr_auto_index __attribute__((cleanup(dr_index_release)))

/* Foreign (docker) or nondistributable (OCI) layers: registries need not have them. */
bool dr_layer_is_foreign(const char *media_type);

/* The addresses that an image's manifest names for one of its layers (OCI descriptor.md "urls"), a list of texts; new
 * reference. What is no text is left out. */
json_t *dr_image_manifest_urls(const void *data, size_t size, const struct dr_digest *layer,
                               struct dr_err *err);

/* What later readers of this image may trip over, as words for the operator: writes at most
 * DR_WARNINGS_MAX static texts and returns how many. */
#define DR_WARNINGS_MAX 4
size_t dr_image_manifest_warnings(const struct dr_image_manifest *image,
                                  const char *ret_warnings[DR_WARNINGS_MAX]);

#endif
