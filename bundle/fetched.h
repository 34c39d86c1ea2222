/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FETCHED_H
#define DROVER_BUNDLE_FETCHED_H

/*
 * One image as it was found in its registry: manifest and config in memory (each at most DR_MANIFEST_MAX), and
 * parsed. Its layers are still where they were; their sizes are known. Of a schema 1 image, manifest and config are
 * only as large as they will be until dr_conversion_finish(). Where a list is carried as such, `manifest` is the list,
 * and what stands below it is among the children.
 */

#include "bundle/children.h"
#include "bundle/file/content.h"
#include "bundle/foreign.h"
#include "bundle/source.h"
#include "bundle/wanted.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/manifest.h"
#include "manifests/schema1.h"

struct dr_fetched {
    struct dr_bundle_image image; /* points into this struct: do not move it */
    struct dr_buf manifest;
    struct dr_buf config;
    struct dr_children children;  /* of a list; its configs are here, too */
    struct dr_foreign foreign;    /* layers that the registry does not have */
    struct dr_schema1 schema1;    /* where image.conversion says so */
    struct dr_registry *registry; /* borrowed from the sources */
    char repository[512];
    bool has_found; /* `found` is what the reference stands for: a list's own digest, for one */
    struct dr_digest found; /* to ask for again */
    bool from_list;         /* chosen there for the platform that is wanted */
    bool has_other;         /* there was none for it in the list that is carried */
    struct dr_platform is_for;
    char platform[DR_PLATFORM_TEXT];
    char other_platform[3 * DR_PLATFORM_TEXT];
    const char *warnings[DR_WARNINGS_MAX + 4];
};

/* Gets the image that `wanted` names: of a list the one for the platform that is asked for, or with all platforms the
 * list and all of its images. Warnings are said and kept.
 * `past` is what an earlier run of the same bundle found, NULL: none. `ret_fetched` holds nothing before. */
int dr_fetched_get(struct dr_fetched *ret_fetched, struct dr_sources *sources,
                   const struct dr_wanted *wanted, const struct dr_digest *past,
                   struct dr_err *err);
void dr_fetched_release(struct dr_fetched *fetched);

/* The bytes of one of its manifests or configs; NULL: it has none with that digest. */
const struct dr_buf *dr_fetched_find(const struct dr_fetched *fetched,
                                     const struct dr_digest *digest);

/* Of all its manifests and configs. */
size_t dr_fetched_bytes(const struct dr_fetched *fetched);

#endif
