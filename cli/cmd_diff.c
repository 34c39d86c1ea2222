/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bundle/diff.h"
#include "bundle/file/reader.h"
#include "cli/commands.h"
#include "cli/viewing.h"

static int diff(const struct dr_list *paths, const struct dr_bundle_trust *trust, bool json,
                const struct dr_log *log, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *from = dr_bundle_open(paths->item[0], trust, err);
    dr_auto_bundle struct dr_bundle *to = from ? dr_bundle_open(paths->item[1], trust, err) : NULL;

    if (!to)
        return -1;
    if (trust->unverified)
        dr_log_warn(log, "NOTHING WAS VERIFIED: anybody can have written either of these bundles; "
                         "--pubkey checks their signatures, 'drover verify' every byte");
    return dr_diff_print(from, to, json, stdout, err);
}

int dr_cmd_diff(int argc, char **argv, struct dr_err *err)
{
    dr_auto_viewing struct dr_viewing viewing = DR_VIEWING_INIT;

    if (dr_viewing_read(argc, argv, 2, &viewing, err) < 0)
        return -1;
    if (viewing.common.help)
        return 0;
    /* The older one may have expired since: it is compared, not taken. */
    viewing.trust.ignore_clock = true;
    return diff(&viewing.bundles, &viewing.trust, viewing.json, &viewing.common.log, err);
}
