/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/plan.h"

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

#define COLUMNS_MAX 8
#define CELL_MAX 160

int dr_plan_add(json_t *rows, const struct dr_plan_row *row, struct dr_err *err)
{
    return dr_json_append(rows,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "step", row->step, "object",
                                    row->object ? row->object : "", "action",
                                    row->action ? row->action : "", "why", row->why ? row->why : "",
                                    "interruption", row->interruption ? row->interruption : ""),
                          err);
}

/* The text of a cell, cut and made harmless; returns its width on a terminal. */
static int cell(const json_t *row, const char *key, char ret[CELL_MAX])
{
    const char *text = dr_json_string_or(row, key, "");
    int width = 0;

    snprintf(ret, CELL_MAX, "%s", *text ? text : "-");
    dr_text_clean(ret);
    for (const char *c = ret; *c; c++)
        width += ((unsigned char)*c & 0xc0) != 0x80;
    return width;
}

static void print_row(FILE *out, const json_t *row, const char *const *keys, const int *widths)
{
    char text[CELL_MAX];

    for (size_t i = 0; keys[i]; i++) {
        int width = cell(row, keys[i], text);
        int pad = keys[i + 1] ? widths[i] - width + 2 : 0;

        fprintf(out, "%s%*s", text, pad, "");
    }
    fputc('\n', out);
}

void dr_plan_table(FILE *out, const json_t *rows, const char *const *keys, const char *const *heads)
{
    int widths[COLUMNS_MAX] = {0};
    json_auto_t *head = json_object();
    char text[CELL_MAX];
    json_t *row;
    size_t r;

    for (size_t i = 0; keys[i] && i < COLUMNS_MAX; i++)
        json_object_set_new(head, keys[i], json_string(heads[i]));
    for (size_t i = 0; keys[i] && i < COLUMNS_MAX; i++) {
        widths[i] = cell(head, keys[i], text);
        json_array_foreach(rows, r, row)
        {
            int width = cell(row, keys[i], text);

            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    print_row(out, head, keys, widths);
    json_array_foreach(rows, r, row) print_row(out, row, keys, widths);
}

void dr_plan_print(FILE *out, const json_t *rows)
{
    static const char *const keys[] = {"step", "object", "action", "interruption", "why", NULL};
    static const char *const heads[] = {"STEP", "OBJECT", "ACTION", "INTERRUPTION", "WHY", NULL};

    dr_plan_table(out, rows, keys, heads);
}
