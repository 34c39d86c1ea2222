/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_JOIN_H
#define DROVER_BUNDLE_JOIN_H

/*
 * The one file of a bundle that was split into volumes (bundle/file/volumes.h): what `bundle` without --split would have
 * written. What comes out is read again as a whole before it gets its name.
 */

#include <stdbool.h>

#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_join_options {
    const char *volumes; /* one of them, or a folder */
    const char *output;
    bool replace;
    const struct dr_bundle_trust *trust;
};

/* Prints what was made. DR_ERR_USAGE: these are no volumes; DR_ERR_REFUSED: not all are here, or the output exists;
 * DR_ERR_VERIFY names what is damaged. On failure there is no new file. */
int dr_join_run(const struct dr_join_options *options, const struct dr_log *log,
                struct dr_err *err);

#endif
