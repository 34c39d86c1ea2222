/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_REQUIRES_H
#define DROVER_MIRROR_REQUIRES_H

/*
 * What a delta leaves out has to be in the target registry. All of it is asked for before anything is written: in the
 * repository where it is needed, then in those from which the registry can mount it: the other repositories of this
 * bundle, and those of the images of its bases. If anything is nowhere, nothing is done, and the error names the
 * bundles to bring.
 */

#include <stddef.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/registry/registry.h"
#include "mirror/audit/destination.h"
#include "mirror/plan.h"

struct dr_requires {
    struct dr_blob_put *mounts; /* what is there, but in another repository; to be done first */
    size_t mount_count;
    size_t count;   /* layers that are left out, once for each repository that needs them */
    size_t present; /* of them, in these repositories */
    size_t missing; /* that are nowhere */
};

#define DR_REQUIRES_INIT                                                                           \
    {                                                                                              \
        .mounts = NULL                                                                             \
    }

/* `ret_requires` is empty for a bundle that is no delta; it borrows from bundle and plan. DR_ERR_REFUSED: something is
 * missing, and the numbers in `ret_requires` say how much; DR_ERR_PROOF: something is there in another size. */
int dr_requires_check(struct dr_registry *registry, const struct dr_bundle *bundle,
                      const struct dr_mirror_plan *plan, const struct dr_destination *destination,
                      const struct dr_log *log, struct dr_requires *ret_requires,
                      struct dr_err *err);
void dr_requires_release(struct dr_requires *requires);
#define dr_auto_requires __attribute__((cleanup(dr_requires_release)))

#endif
