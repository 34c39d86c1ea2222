/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <ctype.h>
#include <string.h>

#include "cli/cli.h"
#include "manifests/release.h"

enum dr_completion_kind dr_completion_kind(const char *value)
{
    static const char *const files[] = {"FILE", "PUB", "KEY", "SIG", "BUNDLE"};

    if (strcmp(value, "FOLDER") == 0 || strcmp(value, "PATH") == 0)
        return DR_COMPLETE_FOLDER;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strncmp(value, files[i], strlen(files[i])) == 0)
            return DR_COMPLETE_FILE;
    }
    return strchr(value, '|') && islower((unsigned char)*value) ? DR_COMPLETE_CHOICE
                                                                : DR_COMPLETE_NOTHING;
}

void dr_completion_choices(FILE *out, const char *value, const char *separator)
{
    for (; *value; value++) {
        if (*value == '|')
            fputs(separator, out);
        else
            fputc(*value, out);
    }
}

bool dr_completion_words(FILE *out, const char *command, const char *separator)
{
    const struct dr_embedded *page = dr_page_find(command);
    const char *name;
    char verb[32];
    unsigned count = 0;

    if (!page)
        return false;
    for (; dr_page_verb(page, command, count, verb); count++)
        fprintf(out, "%s%s", count ? separator : "", verb);
    if (!dr_page_takes(page, "_RELEASE_"))
        return count > 0;
    for (size_t i = 0; (name = dr_release_name(i)); i++)
        fprintf(out, "%s%s", count++ ? separator : "", name);
    return true;
}

/* ---- bash */

static const char bash_begin[] =
    "# bash completion for drover; made by 'drover completion bash'\n"
    "_drover() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local options= words= kind=\n"
    "    COMPREPLY=()\n"
    "    if [[ $word == '=' ]]; then\n"
    "        word=\n"
    "    elif [[ $before == '=' ]] && ((COMP_CWORD > 2)); then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W '";

static const char bash_commands[] = "--help --version' -- \"$word\")\n"
                                    "        return\n"
                                    "    fi\n"
                                    "    case ${COMP_WORDS[1]} in\n";

static const char bash_end[] =
    "    *) return ;;\n"
    "    esac\n"
    "    case $kind in\n"
    "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$word\") "
    ";;\n"
    "    folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "
    "\"$word\") ;;\n"
    "    none) ;;\n"
    "    ?*) mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$word\") ;;\n"
    "    *)\n"
    "        if [[ $word == -* ]]; then\n"
    "            mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
    "            return\n"
    "        fi\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"; compgen -f -- "
    "\"$word\")\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _drover drover\n";

static void bash_values(FILE *out, const struct dr_embedded *page)
{
    struct dr_page_option option;

    fputs("        case $before in\n", out);
    for (const char *at = dr_page_options(page); (at = dr_page_next(at, &option));) {
        if (!*option.value)
            continue;
        fputs("        ", out);
        if (option.letter)
            fprintf(out, "-%c | ", option.letter);
        fprintf(out, "--%s) kind='", option.name);
        switch (dr_completion_kind(option.value)) {
        case DR_COMPLETE_NOTHING:
            fputs("none", out);
            break;
        case DR_COMPLETE_FILE:
            fputs("file", out);
            break;
        case DR_COMPLETE_FOLDER:
            fputs("folder", out);
            break;
        case DR_COMPLETE_CHOICE:
            dr_completion_choices(out, option.value, " ");
            break;
        }
        fputs("' ;;\n", out);
    }
    fputs("        esac\n", out);
}

static void bash_command(FILE *out, const char *command, const struct dr_embedded *page)
{
    struct dr_page_option option;

    fprintf(out, "    %s)\n        options='", command);
    for (const char *at = dr_page_options(page); (at = dr_page_next(at, &option));) {
        if (option.letter)
            fprintf(out, "-%c ", option.letter);
        fprintf(out, "--%s ", option.name);
    }
    fputs("'\n        words='", out);
    dr_completion_words(out, command, " ");
    fputs("'\n", out);
    bash_values(out, page);
    fputs("        ;;\n", out);
}

void dr_completion_bash(FILE *out)
{
    fputs(bash_begin, out);
    for (const struct dr_command *command = dr_commands; command->name; command++)
        fprintf(out, "%s ", command->name);
    fputs(bash_commands, out);
    for (const struct dr_command *command = dr_commands; command->name; command++) {
        const struct dr_embedded *page = dr_page_find(command->name);

        if (page)
            bash_command(out, command->name, page);
    }
    fputs(bash_end, out);
}
