/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/plan.h"

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

#define CELL_MAX 512
#define WORD_MAX 60

int dr_plan_add(json_t *rows, const struct dr_plan_row *row, struct dr_err *err)
{
    return dr_json_append(rows,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "step", row->step, "object",
                                    row->object ? row->object : "", "action",
                                    row->action ? row->action : "", "why", row->why ? row->why : "",
                                    "interruption", row->interruption ? row->interruption : ""),
                          err);
}

/* Characters, not bytes: the continuation bytes of UTF-8 take no room. */
static int width_of(const char *text, size_t size)
{
    int width = 0;

    for (size_t i = 0; i < size && text[i]; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Bytes of `text` that go into one line of at most `width` characters: up to the last space that fits, else (a long
 * word) up to the limit. */
static size_t take_line(const char *text, int width)
{
    size_t fits = 0;
    size_t end = 0;
    int used = 0;

    for (size_t i = 0;; i++) {
        bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;

        if (!text[i] || text[i] == ' ')
            fits = i;
        if (!text[i])
            return i;
        if (begins && used++ == width)
            break;
        end = i + 1;
    }
    return fits > 0 ? fits : end;
}

static const char *text_of(const json_t *row, const json_t *above, const struct dr_column *column)
{
    const char *text = dr_json_string_or(row, column->key, "");

    if (!*text)
        return "-";
    if (column->ditto && above && strcmp(text, dr_json_string_or(above, column->key, "")) == 0)
        return "\"";
    return text;
}

/* One line of every column; what is left of each text in `rest`. True while something is left. */
static bool print_line(FILE *out, const struct dr_column *columns, const int *widths,
                       const char **rest)
{
    bool more = false;
    int pad = 0;

    for (size_t i = 0; columns[i].head; i++) {
        size_t size = take_line(rest[i], widths[i]);

        if (size > 0)
            fprintf(out, "%*s%.*s", pad, "", (int)size, rest[i]);
        pad = (size > 0 ? 0 : pad) + widths[i] - width_of(rest[i], size) + 2;
        rest[i] += size;
        while (*rest[i] == ' ')
            rest[i]++;
        more |= *rest[i] != '\0';
    }
    fputc('\n', out);
    return more;
}

static void print_row(FILE *out, const struct dr_column *columns, const int *widths,
                      const json_t *row, const json_t *above)
{
    char texts[DR_COLUMNS_MAX][CELL_MAX];
    const char *rest[DR_COLUMNS_MAX];

    for (size_t i = 0; columns[i].head; i++) {
        snprintf(texts[i], CELL_MAX, "%s",
                 row ? text_of(row, above, &columns[i]) : columns[i].head);
        dr_text_clean(texts[i]);
        rest[i] = texts[i];
    }
    while (print_line(out, columns, widths, rest))
        ;
}

/* References and paths are not broken unless they are very long. */
static int longest_word(const char *text)
{
    int longest = 0;

    while (*text) {
        size_t size = strcspn(text, " ");
        int width = width_of(text, size);

        longest = width > longest ? width : longest;
        text += size + strspn(text + size, " ");
    }
    return longest < WORD_MAX ? longest : WORD_MAX;
}

static int column_width(const json_t *rows, const struct dr_column *column)
{
    int width = width_of(column->head, CELL_MAX);
    int word = column->width;
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *text = text_of(row, NULL, column);
        int whole = width_of(text, CELL_MAX);
        int longest = longest_word(text);

        width = whole > width ? whole : width;
        word = longest > word ? longest : word;
    }
    return column->width > 0 && width > word ? word : width;
}

void dr_plan_table(FILE *out, const json_t *rows, const struct dr_column *columns)
{
    int widths[DR_COLUMNS_MAX] = {0};
    const json_t *above = NULL;
    json_t *row;
    size_t r;

    for (size_t i = 0; columns[i].head; i++)
        widths[i] = column_width(rows, &columns[i]);
    print_row(out, columns, widths, NULL, NULL);
    json_array_foreach(rows, r, row)
    {
        print_row(out, columns, widths, row, above);
        above = row;
    }
}

/* ---- the plan */

/* A terminal at a console has 80 columns or not many more, and the plan is what must be read there: a table with all five
 * columns would need twice that. So a row is a line, and under it why, and after '!' what it interrupts. */
#define PLAN_WIDTH 100

/* `label` stands in the first line's `indent` columns, the other lines have spaces there. */
static void print_wrapped(FILE *out, int indent, const char *label, const char *text)
{
    char clean[CELL_MAX];
    const char *rest = clean;

    snprintf(clean, sizeof clean, "%s", text);
    dr_text_clean(clean);
    while (*rest) {
        size_t size = take_line(rest, PLAN_WIDTH - indent);

        fprintf(out, "%-*s%.*s\n", indent, label, (int)size, rest);
        rest += size + strspn(rest + size, " ");
        label = "";
    }
}

static bool same(const json_t *row, const json_t *above, const char *key)
{
    return above && strcmp(dr_json_string_or(row, key, ""), dr_json_string_or(above, key, "")) == 0;
}

static void print_plan_row(FILE *out, int indent, const json_t *row, const json_t *above)
{
    bool same_step = same(row, above, "step");
    bool all_same = same_step && same(row, above, "action") && same(row, above, "why") &&
                    same(row, above, "interruption");
    char mark[64];
    char text[CELL_MAX];

    snprintf(text, sizeof text, "%s: %s", dr_json_string_or(row, "object", ""),
             all_same ? "the same" : dr_json_string_or(row, "action", ""));
    print_wrapped(out, indent, same_step ? "" : dr_json_string_or(row, "step", ""), text);
    if (all_same)
        return;
    snprintf(mark, sizeof mark, "%*s! ", indent, "");
    print_wrapped(out, indent + 2, "", dr_json_string_or(row, "why", ""));
    print_wrapped(out, indent + 2, mark, dr_json_string_or(row, "interruption", ""));
}

void dr_plan_print(FILE *out, const json_t *rows)
{
    static const struct dr_column step = {"STEP", "step", 0, false};
    int indent = column_width(rows, &step) + 2;
    const json_t *above = NULL;
    json_t *row;
    size_t i;

    print_wrapped(out, indent, step.head, "WHAT, WHY, AND AFTER '!' WHAT IT INTERRUPTS");
    json_array_foreach(rows, i, row)
    {
        print_plan_row(out, indent, row, above);
        above = row;
    }
}
