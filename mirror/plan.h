/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_PLAN_H
#define DROVER_MIRROR_PLAN_H

/*
 * What has to be in the target registry, worked out from the bundle alone: where each image goes,
 * and which blob each repository needs. A blob that several repositories need is in `first` for one
 * of them, and for the others in `more` with that one as what to mount it from, so `first` has to be
 * done before `more`. Both are in the order of the file, so that a slow disk is read forwards.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "mirror/audit/destination.h"
#include "mirror/uploads.h"

struct dr_mirror_image {
    const struct dr_bundle_image *image;
    struct dr_reference target;
    bool tagged; /* the tag names it, or it has none; set by the survey, and when it was written */
};

/* A manifest that a repository needs, under its digest. */
struct dr_mirror_manifest {
    size_t image;                         /* whose it is, in `images` */
    const struct dr_descriptor *manifest; /* borrowed from the bundle */
    bool there;                           /* set by the survey, and when it was written */
};

struct dr_mirror_source; /* where dr_blob_put's `read` finds the bytes */

struct dr_mirror_plan {
    struct dr_mirror_image *images; /* in the bundle's order */
    size_t image_count;
    struct dr_mirror_manifest *manifests; /* in an order in which they can be written */
    size_t manifest_count;
    struct dr_blob_put *first;
    size_t first_count;
    struct dr_blob_put *more;
    size_t more_count;
    uint64_t bytes; /* of all `first` and `more` */
    struct dr_mirror_source *sources;
};

#define DR_MIRROR_PLAN_INIT                                                                        \
    {                                                                                              \
        .images = NULL                                                                             \
    }

/* Two images of the bundle that would get one name in the registry are DR_ERR_REFUSED; a manifest
 * that names a blob that the bundle lacks is DR_ERR_VERIFY; what a delta leaves out is not in the
 * plan (mirror/requires.h). The plan borrows from the bundle. */
int dr_mirror_plan_make(const struct dr_bundle *bundle, const struct dr_destination *destination,
                        struct dr_mirror_plan *ret_plan, struct dr_err *err);

/* Large blobs that are still missing go on where an earlier run's uploads were, and tell where they are. Both must
 * outlive the sending. */
void dr_mirror_plan_resume(struct dr_mirror_plan *plan, struct dr_mirror_uploads *uploads);

void dr_mirror_plan_release(struct dr_mirror_plan *plan);
#define dr_auto_mirror_plan __attribute__((cleanup(dr_mirror_plan_release)))

#endif
