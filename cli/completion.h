/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_COMPLETION_H
#define DROVER_CLI_COMPLETION_H

/*
 * Completions for shells, made from the manual pages and the table of commands alone (cli/page.h), so that a new command
 * or option is completed as soon as it has a page. cli/completion.c has what the shells have in common, and bash.
 */

#include <stdbool.h>
#include <stdio.h>

#include "cli/page.h"

/* What a value is, judged by its placeholder. */
enum dr_completion_kind {
    DR_COMPLETE_NOTHING,
    DR_COMPLETE_FILE,
    DR_COMPLETE_FOLDER,
    DR_COMPLETE_CHOICE, /* "report|recreate|upgrade" */
};

enum dr_completion_kind dr_completion_kind(const char *value);

/* The choices, or the words that a command begins with (verbs, releases), with `separator` between. False: there are
 * none, and nothing was printed. */
void dr_completion_choices(FILE *out, const char *value, const char *separator);
bool dr_completion_words(FILE *out, const char *command, const char *separator);

void dr_completion_bash(FILE *out);
void dr_completion_zsh(FILE *out);
void dr_completion_fish(FILE *out);

#endif
