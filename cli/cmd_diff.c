/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>

#include "bundle/diff.h"
#include "bundle/file/reader.h"
#include "cli/commands.h"
#include "cli/trusted.h"

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
    const struct dr_bundle_trust nobody = {.unverified = true, .now = INT64_MIN};
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_list pubkeys = {.count = 0};
    struct dr_list words = {.count = 0};
    struct dr_common common = {.help = false};
    bool json = false;
    const struct dr_option table[] = {
        {"pubkey", 0, DR_OPTION_LIST, &pubkeys},
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 2, 2, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (pubkeys.count > 0 && dr_trusted_read_keys(&pubkeys, &trusted, err) < 0)
        return -1;
    /* The older one may have expired since: it is compared, not taken. */
    trusted.trust.ignore_clock = true;
    return diff(&words, pubkeys.count > 0 ? &trusted.trust : &nobody, json, &common.log, err);
}
