/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/page.h"

static bool is_marker(const char *line, const char *at)
{
    bool inside = at > line && (isalnum((unsigned char)at[-1]) || at[-1] == '_') &&
                  isalnum((unsigned char)at[1]);

    return *at == '*' || (*at == '_' && !inside);
}

/* One line without scdoc's markup: *bold*, _underlined_, escapes by backslash, "++" at the end. */
static void print_line(const char *line, size_t size)
{
    if (size >= 2 && line[0] == '#' && line[1] == ' ') {
        line += 2;
        size -= 2;
    }
    if (size >= 2 && memcmp(line + size - 2, "++", 2) == 0)
        size -= 2;
    for (size_t i = 0; i < size; i++) {
        if (line[i] == '\\' && i + 1 < size)
            putchar(line[++i]);
        else if (line[i] == '\t')
            fputs("    ", stdout);
        else if (!is_marker(line, line + i))
            putchar(line[i]);
    }
    putchar('\n');
}

bool dr_help_print(const char *command)
{
    const struct dr_embedded *page = dr_page_find(command);

    if (!page)
        return false;
    /* The first line is the page's title for man, not for people. */
    for (const char *line = strchr(page->text, '\n'); line && line[1];
         line = strchr(line + 1, '\n'))
        print_line(line + 1, strcspn(line + 1, "\n"));
    return true;
}
