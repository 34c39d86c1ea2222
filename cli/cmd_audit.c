/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/reaching.h"
#include "cli/receipting.h"
#include "cli/trusted.h"
#include "mirror/audit/report.h"

int dr_cmd_audit(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_audit_options options = {.trust = &trusted.trust};
    struct dr_reaching reaching = {.rate = 0};
    dr_auto_receipting struct dr_receipting receipting = DR_RECEIPTING_INIT;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"registry", 0, DR_OPTION_TEXT, &options.registry},
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        DR_REACHING_OPTIONS(reaching),
        DR_RECEIPTING_OPTIONS(receipting),
        {"deep", 0, DR_OPTION_FLAG, &options.deep},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_volumes(&whom, &words, 2, err) < 0)
        return -1;
    if (words.count == 2)
        options.registry = words.item[1];
    if (!options.registry)
        return dr_fail(err, DR_ERR_USAGE, "say which: drover audit BUNDLE HOST[:PORT][/PREFIX]");
    if (dr_receipting_read(&receipting, &options.receipt, err) < 0 ||
        dr_trusted_read(&whom, false, &common.log, &trusted, err) < 0)
        return -1;
    options.bundle = words.item[0];
    options.reach = dr_reaching_options(&reaching);
    dr_reaching_warn(&reaching, &options.registry, 1, &common.log);
    return dr_audit_run(&options, &common.log, err);
}
