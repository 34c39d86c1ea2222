/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/capacity.h"
#include "bundle/cut.h"
#include "cli/commands.h"
#include "cli/trusted.h"
#include "lib/text.h"

int dr_cmd_split(int argc, char **argv, struct dr_err *err)
{
    struct dr_cut_options options = {.ask = dr_ask_passphrase};
    const char *passphrase_file = NULL;
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_list pubkeys = {.count = 0};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"key", 0, DR_OPTION_TEXT, &options.key},
        {"passphrase-file", 0, DR_OPTION_TEXT, &passphrase_file},
        {"pubkey", 0, DR_OPTION_LIST, &pubkeys},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {"force", 0, DR_OPTION_FLAG, &options.replace},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 2, 2, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    options.bundle = words.item[0];
    if (!options.output || !*options.output || dr_text_ends(options.output, "/"))
        return dr_fail(err, DR_ERR_USAGE,
                       "-o NAME is needed: the volumes are called NAME.001 and so on");
    if (!options.key)
        return dr_fail(err, DR_ERR_USAGE,
                       "--key KEY is needed: every volume ends with a signed label");
    if (dr_capacity_read(words.item[1], &options.size, err) < 0 ||
        (pubkeys.count > 0 && dr_trusted_read_keys(&pubkeys, &trusted, err) < 0))
        return -1;
    options.believed = trusted.trust.keys;
    options.believed_count = trusted.trust.key_count;
    options.ask_context = (void *)(uintptr_t)passphrase_file;
    return dr_cut_run(&options, &common.log, err);
}
