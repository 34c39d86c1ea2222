/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_MIRROR_H
#define DROVER_MIRROR_MIRROR_H

/*
 * Stage 2: a bundle into private registries. Each is asked first what it has. Where a layer has to be sent, the whole
 * bundle is verified before the first byte is written (signature, then every byte), once for all registries; what one
 * lacks is then read from the same open file and hashed again on its way out, so a file that changes in between can't
 * get in. Where everything is there, no layer is read at all. The order of writing is in mirror/push.h: at any moment
 * every tag names something complete.
 *
 * Several registries are served at once, each at its own pace and each read for by itself, in the order of the file: a
 * block that two of them lack comes from the disk once and from the kernel's memory after that, as long as the slower
 * one is not behind by more than that memory. What fails in one stops no other.
 *
 * Results on stdout: one line per image, "TARGET  DIGEST  sent|present", or one JSON object. Talk and progress through
 * the log.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pace.h"
#include "mirror/audit/destination.h"
#include "mirror/audit/receipt.h"

struct dr_mirror_options {
    const char *bundle; /* path; "-": stdin (mirror/pour.h) */
    const char *spool;  /* for stdin: a folder where a layer is kept while it is sent; NULL: none */
    bool
        wait; /* of volumes that are not all in: ask for them, one after the other (mirror/feed.h) */
    const char *const *registries; /* HOST[:PORT][/PREFIX] */
    size_t registry_count;
    const struct dr_bundle_trust *trust; /* whose signature counts */
    struct dr_destination_options reach;
    const char *state_dir; /* where the journal is: mirror/journal.h */
    bool dry_run;          /* say what is missing, write nothing */
    struct dr_pace pace;   /* and how long it would take */
    bool json;
    struct dr_receipt_wish receipt; /* of what is there in the end; for one registry only */
};

/* DR_ERR_VERIFY: the bundle is not what was signed, nothing was written. Other codes: no tag was
 * changed, unless the text says how many. Of several registries that failed it is the code of the
 * first. `ret_taken`: at least one registry has all of the bundle now. */
int dr_mirror_run(const struct dr_mirror_options *options, const struct dr_log *log,
                  bool *ret_taken, struct dr_err *err);

#endif
