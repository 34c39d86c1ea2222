/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/status.h"
#include "cli/commands.h"

int dr_cmd_status(int argc, char **argv, struct dr_err *err)
{
    struct dr_apply_options options = {.state_dir = DR_APPLY_STATE_DIR};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"state-dir", 0, DR_OPTION_TEXT, &options.state_dir},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {"report", 0, DR_OPTION_TEXT, &options.report},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 0, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    options.log = &common.log;
    return dr_status(&options, err);
}
