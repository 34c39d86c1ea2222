/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"

int dr_cmd_completion(int argc, char **argv, struct dr_err *err)
{
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };
    static const struct {
        const char *shell;
        void (*print)(FILE *out);
    } shells[] = {
        {"bash", dr_completion_bash},
        {"zsh", dr_completion_zsh},
        {"fish", dr_completion_fish},
    };

    if (dr_options_read(argc, argv, table, 1, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(words.item[0], shells[i].shell) == 0) {
            shells[i].print(stdout);
            return 0;
        }
    }
    return dr_fail(err, DR_ERR_USAGE,
                   "there are completions for bash, zsh and fish, not for '%.40s'", words.item[0]);
}
