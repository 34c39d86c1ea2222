/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bundle/parity/repair.h"
#include "cli/commands.h"
#include "cli/trusted.h"

int dr_cmd_repair(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_repair_options options = {.out = stdout};
    struct dr_list words = {.count = 0};
    struct dr_list media = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"output", 'o', DR_OPTION_TEXT, &options.folder},
        {"media", 0, DR_OPTION_LIST, &media},
        {"pubkey", 0, DR_OPTION_LIST, &whom.pubkeys},
        {"trust-dir", 0, DR_OPTION_TEXT, &whom.folder},
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_read(&whom, false, &common.log, &trusted, err) < 0)
        return -1;
    options.find = (struct dr_find_options){.paths = words.item,
                                            .path_count = words.count,
                                            .media = media.item,
                                            .media_count = media.count,
                                            .trust = &trusted.trust};
    return dr_repair_run(&options, &common.log, err);
}
