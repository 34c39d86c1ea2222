/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_ROLLBACK_H
#define DROVER_MIRROR_ROLLBACK_H

/*
 * `drover mirror --rollback`: the tags that the last run moved name again what they named before, by its journal
 * (mirror/journal.h). Nothing is deleted: manifests and layers of that run stay, and so does a tag that did not exist
 * before, since most registries delete a tag only together with the image that it names, and with all its other tags.
 *
 * For each registry all tags are looked at before one is written. A tag that names neither what the run made of it nor
 * what it was before was moved by somebody else since; what a tag named may be gone, or parts of it. Both refuse that
 * registry as a whole, with every reason named, and nothing is changed. A rollback that is cut off is run again.
 *
 * Results on stdout: one line per tag, "TARGET  DIGEST  put back|as before|stays".
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/log.h"
#include "mirror/audit/destination.h"

struct dr_rollback_options {
    const char *const *registries; /* HOST[:PORT][/PREFIX], as the run was told */
    size_t registry_count;
    struct dr_destination_options reach;
    const char *state_dir;
    bool dry_run; /* look, and say what would be done */
    bool json;
};

/* DR_ERR_REFUSED: a tag was moved by somebody else, or there is no run to take back; DR_ERR_ABSENT: what a tag named is
 * not there any more. Of several registries that failed it is the code of the first; the others were put back. */
int dr_mirror_rollback(const struct dr_rollback_options *options, const struct dr_log *log,
                       struct dr_err *err);

#endif
