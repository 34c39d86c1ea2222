/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_FIND_H
#define DROVER_BUNDLE_PARITY_FIND_H

/*
 * Finds all files of one bundle: the bundle or its volumes, and parity files. Looked at are the files that were named,
 * the folders that those are in, and further folders. Labels decide what a file is; only the bundle itself, which has
 * none, and volumes whose label is damaged are known by what is in them: a chunk that is as the parity files say.
 */

#include <stddef.h>

#include "bundle/file/trust.h"
#include "bundle/parity/pool.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_find_options {
    const char *const *paths; /* files (which may be missing), or folders; at least one */
    size_t path_count;
    const char *const *media; /* further folders */
    size_t media_count;
    const struct dr_bundle_trust *trust;
};

/* Fills the pool: files that are missing are in it with fd -1. DR_ERR_ABSENT: there is neither parity nor a volume;
 * DR_ERR_VERIFY: none that is signed by one who is believed; DR_ERR_REFUSED: a file that was named is of another bundle. */
int dr_find_files(const struct dr_find_options *options, struct dr_pool *pool, struct dr_err *err);

#endif
