/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_MERGE_H
#define DROVER_BUNDLE_MERGE_H

/*
 * The whole bundle of a delta and the bundles that hold what it leaves out: byte for byte the one that was signed
 * together with the delta, which carries its list, its signature and its bundle.json (bundle/file/whole.h). Every
 * bundle that is read is verified first; every layer is hashed while it is copied; the new file is read again as a
 * whole before it gets its name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_merge_options {
    const char *const *olds; /* bundles that have the layers; deltas too, for what they hold */
    size_t old_count;        /* at most DR_BASES_MAX */
    const char *delta;
    const char *output;
    bool replace;
    const struct dr_bundle_trust *trust;
};

/* Prints what was made. DR_ERR_ABSENT: no bundle has a layer, which is named with the bundle that has it; DR_ERR_VERIFY:
 * a bundle, or what would come out, is not what was signed; DR_ERR_REFUSED: the output exists. On failure there is no
 * new file. */
int dr_merge_run(const struct dr_merge_options *options, const struct dr_log *log,
                 struct dr_err *err);

#endif
