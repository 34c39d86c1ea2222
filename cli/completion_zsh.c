/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"
#include "cli/completion.h"

/* Inside single quotes of a shell; `also` are more characters that want a backslash. */
static void print_quoted(FILE *out, const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr(also, *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_value(FILE *out, const char *value)
{
    fputc(':', out);
    print_quoted(out, value, ":[]()\\");
    fputc(':', out);
    switch (dr_completion_kind(value)) {
    case DR_COMPLETE_NOTHING:
        return;
    case DR_COMPLETE_FILE:
        fputs("_files", out);
        return;
    case DR_COMPLETE_FOLDER:
        fputs("_files -/", out);
        return;
    case DR_COMPLETE_CHOICE:
        fputc('(', out);
        dr_completion_choices(out, value, " ");
        fputc(')', out);
        return;
    }
}

static void zsh_name(FILE *out, const char *name, const struct dr_page_option *option)
{
    fprintf(out, " \\\n            '%s%s[", *option->value ? "*" : "", name);
    print_quoted(out, option->text, ":[]\\");
    fputc(']', out);
    if (*option->value)
        zsh_value(out, option->value);
    fputc('\'', out);
}

static void zsh_command(FILE *out, const char *command, const struct dr_embedded *page)
{
    struct dr_page_option option;
    char name[64];

    fprintf(out, "    %s)\n        words_of=(", command);
    dr_completion_words(out, command, " ");
    fputs(")\n        _arguments", out);
    for (const char *at = dr_page_options(page); (at = dr_page_next(at, &option));) {
        snprintf(name, sizeof name, "--%s", option.name);
        zsh_name(out, name, &option);
        snprintf(name, sizeof name, "-%c", option.letter);
        if (option.letter)
            zsh_name(out, name, &option);
    }
    fputs(" \\\n            '*: :_drover_words'\n        ;;\n", out);
}

void dr_completion_zsh(FILE *out)
{
    fputs("#compdef drover\n"
          "# zsh completion for drover; made by 'drover completion zsh'\n"
          "_drover_words() {\n"
          "    (($#words_of)) && compadd -a words_of\n"
          "    _files\n"
          "}\n\n"
          "_drover() {\n"
          "    local curcontext=$curcontext\n"
          "    local -a commands words_of\n"
          "    commands=(",
          out);
    for (const struct dr_command *command = dr_commands; command->name; command++) {
        fprintf(out, "\n        '%s:", command->name);
        print_quoted(out, command->summary, ":");
        fputc('\'', out);
    }
    fputs("\n    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case $words[1] in\n",
          out);
    for (const struct dr_command *command = dr_commands; command->name; command++) {
        const struct dr_embedded *page = dr_page_find(command->name);

        if (page)
            zsh_command(out, command->name, page);
    }
    fputs("    esac\n"
          "}\n\n"
          "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
          "    _drover \"$@\"\n"
          "else\n"
          "    compdef _drover drover\n"
          "fi\n",
          out);
}
