/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_VOLUMES_PARTS_H
#define DROVER_BUNDLE_FILE_VOLUMES_PARTS_H

/* What bundle/file/volumes.c and bundle/file/volumes_here.c share, and nobody else. */

#include "bundle/file/volumes.h"

struct dr_volumes {
    const struct dr_bundle_trust *trust;
    char **folders; /* owned, as all below */
    size_t folder_count;
    char *file; /* that was named; NULL: a folder was */
    uint64_t named;
    bool chosen; /* which bundle it is */
    struct dr_volume_set set;
    struct dr_volumes_item *items; /* set.count of them */
    struct dr_stray strays[DR_STRAYS_MAX];
    size_t stray_count;
};

/* Appends the first thing to `err` that was found in the place of a volume; -1. */
int dr_volumes_advise(const struct dr_volumes *volumes, struct dr_err *err);

#endif
