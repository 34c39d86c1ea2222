/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_MIRROR_H
#define DROVER_MIRROR_MIRROR_H

/*
 * Stage 2: a bundle into a private registry. The whole bundle is verified before the first byte is
 * written (signature, then every byte); what the registry lacks is then read a second time from the
 * same open file and hashed again on its way out, so a file that changes in between can't get in.
 * The order of writing is in mirror/push.h: at any moment every tag names something complete.
 *
 * Results on stdout: one line per image, "TARGET  DIGEST  sent|present", or one JSON object. Talk
 * and progress through the log.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "mirror/audit/destination.h"

struct dr_mirror_options {
    const char *bundle;                  /* path */
    const char *registry;                /* HOST[:PORT][/PREFIX] */
    const struct dr_bundle_trust *trust; /* whose signature counts */
    struct dr_destination_options reach;
    bool json;
};

/* DR_ERR_VERIFY: the bundle is not what was signed, nothing was written. Other codes: no tag was
 * changed, unless the text says how many. */
int dr_mirror_run(const struct dr_mirror_options *options, const struct dr_log *log,
                  struct dr_err *err);

#endif
