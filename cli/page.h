/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_PAGE_H
#define DROVER_CLI_PAGE_H

/*
 * What the program knows of its own manual pages (docs/man, scdoc), which are compiled in: they are the one source of
 * --help (cli/help.c) and of the shells' completions (cli/completion.c). That they name exactly the options of each
 * command's table is proven by tests/style/options.
 *
 *     struct dr_page_option option;
 *     for (const char *at = dr_page_options(page); (at = dr_page_next(at, &option));)
 *         ... option ...
 */

#include <stdbool.h>

#include "lib/embed.h"

/* One option of the section OPTIONS: a line "*-o*, *--output* _FILE_", or a part of one like
 * "*-q*, *--quiet*; *-v*, *--verbose*". Texts are without markup. */
struct dr_page_option {
    char name[48];  /* without the dashes */
    char letter;    /* 0: none */
    char value[64]; /* "FILE", "report|recreate|upgrade"; "": it takes none, or need not */
    char text[128]; /* the first sentence of its explanation, or the beginning of that */
};

/* NULL: the command has no page. */
const struct dr_embedded *dr_page_find(const char *command);

/* Where the options begin, for dr_page_next(). */
const char *dr_page_options(const struct dr_embedded *page);

/* The next option; NULL: there is none. */
const char *dr_page_next(const char *at, struct dr_page_option *ret_option);

/* The `index`-th verb that the synopsis knows ("new" of "*drover key new* -o _FILE_"). False: there is none. */
bool dr_page_verb(const struct dr_embedded *page, const char *command, unsigned index,
                  char ret_verb[32]);

/* The synopsis has this word ("_RELEASE_"). */
bool dr_page_takes(const struct dr_embedded *page, const char *word);

#endif
