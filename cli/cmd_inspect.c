/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>

#include "bundle/file/reader.h"
#include "bundle/inspect.h"
#include "cli/commands.h"
#include "cli/trusted.h"

static int inspect(const char *path, const struct dr_bundle_trust *trust, bool json,
                   const struct dr_log *log, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(path, trust, err);

    if (!bundle)
        return -1;
    if (trust->unverified)
        dr_log_warn(log, "NOT VERIFIED: anybody can have written what follows; --pubkey checks the "
                         "signature, 'drover verify' every byte");
    return dr_inspect_print(bundle, json, stdout, err);
}

int dr_cmd_inspect(int argc, char **argv, struct dr_err *err)
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

    if (dr_options_read(argc, argv, table, 1, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (pubkeys.count > 0 && dr_trusted_read_keys(&pubkeys, &trusted, err) < 0)
        return -1;
    return inspect(words.item[0], pubkeys.count > 0 ? &trusted.trust : &nobody, json, &common.log,
                   err);
}
