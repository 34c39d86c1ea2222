/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

static void fish_value(FILE *out, const char *value)
{
    switch (dr_completion_kind(value)) {
    case DR_COMPLETE_NOTHING:
        fputs(" -x", out);
        return;
    case DR_COMPLETE_FILE:
        fputs(" -r -F", out);
        return;
    case DR_COMPLETE_FOLDER:
        fputs(" -x -a '(__fish_complete_directories)'", out);
        return;
    case DR_COMPLETE_CHOICE:
        fputs(" -x -a '", out);
        dr_completion_choices(out, value, " ");
        fputc('\'', out);
        return;
    }
}

/* In fish's single quotes only \ and ' want a backslash. */
static void fish_text(FILE *out, const char *text)
{
    fputs(" -d '", out);
    for (; *text; text++)
        fprintf(out, "%s%c", strchr("\\'", *text) ? "\\" : "", *text);
    fputs("'\n", out);
}

static void fish_command(FILE *out, const char *command, const struct dr_embedded *page)
{
    struct dr_page_option option;
    char when[96];

    snprintf(when, sizeof when, "complete -c drover -n '__fish_seen_subcommand_from %s'", command);
    for (const char *at = dr_page_options(page); (at = dr_page_next(at, &option));) {
        fprintf(out, "%s -l %s", when, option.name);
        if (option.letter)
            fprintf(out, " -s %c", option.letter);
        if (*option.value)
            fish_value(out, option.value);
        fish_text(out, option.text);
    }
    fprintf(out, "%s -F -a '", when);
    dr_completion_words(out, command, " ");
    fputs("'\n", out);
}

void dr_completion_fish(FILE *out)
{
    fputs("# fish completion for drover; made by 'drover completion fish'\n"
          "complete -c drover -e\n"
          "complete -c drover -n __fish_use_subcommand -f -l version -d 'print the version'\n"
          "complete -c drover -n __fish_use_subcommand -f -l help -d 'list the commands'\n",
          out);
    for (const struct dr_command *command = dr_commands; command->name; command++) {
        fprintf(out, "complete -c drover -n __fish_use_subcommand -f -a %s", command->name);
        fish_text(out, command->summary);
    }
    for (const struct dr_command *command = dr_commands; command->name; command++) {
        const struct dr_embedded *page = dr_page_find(command->name);

        if (page)
            fish_command(out, command->name, page);
    }
}
