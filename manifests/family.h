/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_FAMILY_H
#define DROVER_MANIFESTS_FAMILY_H

/*
 * Everything that stands below a list of images (manifest list, image index): images for platforms, attestations,
 * lists again. Who carries the list itself must carry all of them, since registries take no list without what it
 * names. From where their bytes come is the caller's business:
 *
 *     dr_auto_family struct dr_family family = DR_FAMILY_INIT;
 *     if (dr_family_read(list.data, list.size, load, context, &family, err) < 0) ...
 *     const struct dr_family_member *member = dr_family_choose(&family, &platform, &exact);
 *
 * Since a manifest is named by its digest there are no circles; how deep and how many is bounded here. An entry that
 * is no image or list (schema 1, other documents), or whose size, type or kind is another than the list says, is
 * DR_ERR_FORMAT.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/manifest.h"
#include "manifests/platform.h"

/* Lists in lists in lists; nobody makes more than two. */
#define DR_FAMILY_DEPTH 4

/* Manifests below one list, and their bytes. Docker's official images have 20 or so. */
#define DR_FAMILY_MAX 256
#define DR_FAMILY_BYTES (16u << 20)

struct dr_family_member {
    struct dr_descriptor manifest;
    struct dr_platform platform;      /* as the list that names it says */
    struct dr_image_manifest content; /* of an image */
};

struct dr_family {
    struct dr_family_member *
        members; /* each manifest once: images, then lists, deeper ones first: as they are pushed */
    size_t count;
    size_t image_count; /* the first of them */
};

#define DR_FAMILY_INIT                                                                             \
    {                                                                                              \
        .members = NULL                                                                            \
    }

/* Gives the bytes of a manifest, which have the digest that `manifest` says: who gives them checks that. Borrowed,
 * until it is called again. NULL on failure. */
typedef const struct dr_buf *dr_family_load_fn(void *context, const struct dr_descriptor *manifest,
                                               struct dr_err *err);

/* Reads all that is below the list of these bytes. Images come in the order in which they are first named. */
int dr_family_read(const void *list, size_t size, dr_family_load_fn *load, void *context,
                   struct dr_family *ret_family, struct dr_err *err);
void dr_family_release(struct dr_family *family);
#define dr_auto_family __attribute__((cleanup(dr_family_release)))

/* The image for a platform. Where there is none: the first one that says its platform, else the first one, and
 * `ret_fits` is false. NULL: there is no image at all. */
const struct dr_family_member *dr_family_choose(const struct dr_family *family,
                                                const struct dr_platform *platform, bool *ret_fits);

/* NULL: it is none of them. */
const struct dr_family_member *dr_family_find(const struct dr_family *family,
                                              const struct dr_digest *digest);

#endif
