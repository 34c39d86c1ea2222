/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "bundle/sign.h"
#include "cli/commands.h"

int dr_cmd_sign(int argc, char **argv, struct dr_err *err)
{
    struct dr_sign_options options = {.ask = dr_ask_passphrase};
    const char *passphrase_file = NULL;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"key", 0, DR_OPTION_TEXT, &options.key},
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"passphrase-file", 0, DR_OPTION_TEXT, &passphrase_file},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (!options.key)
        return dr_fail(err, DR_ERR_USAGE, "--key FILE is needed: the private key to sign with");
    options.bundle = words.item[0];
    options.ask_context = (void *)(uintptr_t)passphrase_file;
    return dr_sign(&options, &common.log, err);
}
