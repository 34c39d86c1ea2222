/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/copies.h"
#include "cli/commands.h"

int dr_cmd_backup(int argc, char **argv, struct dr_err *err)
{
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    bool json = false;
    const struct dr_option table[] = {
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 2, 2, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (strcmp(words.item[0], "verify") != 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "'%.60s' is not what drover backup does; it knows: verify FILE",
                       words.item[0]);
    return dr_copies_verify(words.item[1], json, err);
}
