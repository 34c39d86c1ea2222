/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/page.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"

extern const struct dr_embedded dr_man_pages[];

const struct dr_embedded *dr_page_find(const char *command)
{
    char name[64];

    snprintf(name, sizeof name, "drover-%s.1", command);
    for (const struct dr_embedded *page = dr_man_pages; page->name; page++) {
        if (strcmp(page->name, name) == 0)
            return page;
    }
    return NULL;
}

/* The line after a heading; "" when there is none. */
static const char *section(const struct dr_embedded *page, const char *heading)
{
    const char *found = strstr(page->text, heading);

    return found ? found + strlen(heading) : "";
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end ? end + 1 : line + strlen(line);
}

/* Without scdoc's markup, and not more than fits. */
static void plain(const char *from, size_t size, char *ret, size_t room)
{
    size_t used = strlen(ret);

    for (size_t i = 0; i < size && used + 1 < room; i++) {
        if (!strchr("*_\\\t", from[i]))
            ret[used++] = from[i] == '\n' ? ' ' : from[i];
    }
    ret[used] = '\0';
}

/* The first sentence of the indented lines that begin here. */
static void read_text(const char *line, char *ret, size_t room)
{
    static const char *const ends[] = {". ", ": ", "; "};
    char *end;

    *ret = '\0';
    for (; *line == '\t'; line = next_line(line))
        plain(line, (size_t)(next_line(line) - line), ret, room);
    end = ret + strlen(ret);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *found = strstr(ret, ends[i]);

        if (found && found < end)
            end = found;
    }
    while (end > ret && strchr(" .:", end[-1]))
        end--;
    *end = '\0';
}

static void read_names(const char *from, size_t size, struct dr_page_option *option)
{
    char line[192] = "";
    const char *name;
    size_t length;

    plain(from, size, line, sizeof line);
    option->letter = '\0';
    if (line[0] == '-' && line[1] != '-')
        option->letter = line[1];
    name = strstr(line, "--");
    name = name ? name + 2 : "";
    length = strcspn(name, " ,[");
    snprintf(option->name, sizeof option->name, "%.*s", (int)length, name);
    name += length;
    snprintf(option->value, sizeof option->value, "%s", *name && *name != '[' ? name + 1 : "");
}

const char *dr_page_options(const struct dr_embedded *page)
{
    return section(page, "\n# OPTIONS\n");
}

const char *dr_page_next(const char *at, struct dr_page_option *ret_option)
{
    for (; *at && !dr_text_starts(at, "# "); at = next_line(at)) {
        size_t size;

        at += strspn(at, "; ");
        if (!dr_text_starts(at, "*-"))
            continue;
        size = strcspn(at, ";\n");
        read_names(at, size, ret_option);
        read_text(next_line(at), ret_option->text, sizeof ret_option->text);
        return at + size;
    }
    return NULL;
}

bool dr_page_verb(const struct dr_embedded *page, const char *command, unsigned index,
                  char ret_verb[32])
{
    char begin[64];

    snprintf(begin, sizeof begin, "*drover %s ", command);
    for (const char *line = section(page, "\n# SYNOPSIS\n\n"); *line && *line != '#';
         line = next_line(line)) {
        const char *verb;

        if (!dr_text_starts(line, begin) || index-- > 0)
            continue;
        verb = line + strlen(begin);
        snprintf(ret_verb, 32, "%.*s", (int)strcspn(verb, "*\n"), verb);
        return true;
    }
    return false;
}

bool dr_page_takes(const struct dr_embedded *page, const char *word)
{
    const char *begin = section(page, "\n# SYNOPSIS\n\n");
    const char *end = strstr(begin, "\n# ");
    const char *found = strstr(begin, word);

    return found && end && found < end;
}
