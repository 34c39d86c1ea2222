/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "lib/embed.h"

/* docs/licenses, then LICENSE, which is drover's own and the text that OpenSSL's notice refers to. */
extern const struct dr_embedded dr_licenses[];

int dr_cmd_licenses(int argc, char **argv, struct dr_err *err)
{
    dr_auto_common struct dr_common common = {.help = false};
    struct dr_list words = {.count = 0};
    const struct dr_option table[] = {
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 0, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    puts("drover is licensed under the Apache License 2.0, whose text is at the end. It contains, "
         "or\n"
         "runs with, these libraries:");
    for (const struct dr_embedded *notice = dr_licenses; notice->name; notice++) {
        bool own = strcmp(notice->name, "LICENSE") == 0;

        printf("\n---- %s\n\n%s", own ? "Apache License 2.0" : notice->name, notice->text);
    }
    return 0;
}
