/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FETCHED_H
#define DROVER_BUNDLE_FETCHED_H

/*
 * One image as it was found in its registry: manifest and config in memory (each at most DR_MANIFEST_MAX), and
 * parsed. Its layers are still where they were; their sizes are known. Of a schema 1 image, manifest and config are
 * only as large as they will be until dr_conversion_finish().
 */

#include "bundle/file/content.h"
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
    struct dr_schema1 schema1;    /* where image.conversion says so */
    struct dr_registry *registry; /* borrowed from the sources */
    char repository[512];
    bool has_found; /* `found` is what the reference stands for: a list's own digest, for one */
    struct dr_digest found; /* to ask for again */
    char platform[64];
    char other_platform[96];
    const char *warnings[DR_WARNINGS_MAX + 4];
};

/* Gets the image that `wanted` names: of a list the one for linux/amd64. Warnings are said and kept.
 * `past` is what an earlier run of the same bundle found, NULL: none. `ret_fetched` holds nothing before. */
int dr_fetched_get(struct dr_fetched *ret_fetched, struct dr_sources *sources,
                   const struct dr_wanted *wanted, const struct dr_digest *past,
                   struct dr_err *err);
void dr_fetched_release(struct dr_fetched *fetched);

#endif
