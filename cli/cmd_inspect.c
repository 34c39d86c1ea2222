/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bundle/file/reader.h"
#include "bundle/inspect.h"
#include "cli/commands.h"
#include "cli/viewing.h"

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
    dr_auto_viewing struct dr_viewing viewing = DR_VIEWING_INIT;

    if (dr_viewing_read(argc, argv, 1, &viewing, err) < 0)
        return -1;
    if (viewing.common.help)
        return 0;
    /* It may have expired: that is shown. */
    viewing.trust.ignore_clock = true;
    return inspect(viewing.bundles.item[0], &viewing.trust, viewing.json, &viewing.common.log, err);
}
