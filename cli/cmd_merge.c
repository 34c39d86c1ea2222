/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/join.h"
#include "bundle/merge.h"
#include "cli/commands.h"
#include "cli/trusted.h"

int dr_cmd_merge(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_merge_options options = {.trust = &trusted.trust};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"media", 0, DR_OPTION_LIST, &whom.media},
        {"pubkey", 0, DR_OPTION_LIST, &whom.pubkeys},
        {"trust-dir", 0, DR_OPTION_TEXT, &whom.folder},
        {"threshold", 0, DR_OPTION_NUMBER, &whom.threshold},
        {"ignore-clock", 0, DR_OPTION_FLAG, &whom.ignore_clock},
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"force", 0, DR_OPTION_FLAG, &options.replace},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (!options.output || !*options.output)
        return dr_fail(err, DR_ERR_USAGE, "-o FILE is needed: where the whole bundle goes");
    if (dr_trusted_read(&whom, false, &common.log, &trusted, err) < 0)
        return -1;
    if (words.count == 1)
        return dr_join_run(&(struct dr_join_options){.volumes = words.item[0],
                                                     .output = options.output,
                                                     .replace = options.replace,
                                                     .trust = options.trust},
                           &common.log, err);
    options.olds = words.item;
    options.old_count = words.count - 1;
    options.delta = words.item[words.count - 1];
    return dr_merge_run(&options, &common.log, err);
}
