/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/sign.h"
#include "cli/commands.h"

int dr_cmd_attach(int argc, char **argv, struct dr_err *err)
{
    struct dr_attach_options options = {.pubkey = NULL};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"pubkey", 0, DR_OPTION_TEXT, &options.pubkey},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 2, 2, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    options.bundle = words.item[0];
    options.signature = words.item[1];
    return dr_attach(&options, &common.log, err);
}
