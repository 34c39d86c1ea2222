/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/page_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "apply/record.h"
#include "lib/json.h"

static const char *const classes[] = {
    [DR_CELL_TEXT] = "text",  [DR_CELL_CODE] = "code", [DR_CELL_SPAN] = "span",
    [DR_CELL_KNOWN] = "span", [DR_CELL_TIME] = "time", [DR_CELL_NUMBER] = "number",
    [DR_CELL_YES] = "text",
};

void dr_page_time(struct dr_html *html, const char *time)
{
    if (time && strlen(time) == strlen("2016-05-26T18:13:38Z") && time[10] == 'T')
        dr_html_printf(html, "%.10s %.8s UTC", time, time + 11);
    else
        dr_html_text(html, time);
}

static const json_t *field(const json_t *row, const char *key)
{
    const char *dot = strchr(key, '.');
    char object[32];

    if (!dot)
        return json_object_get(row, key);
    snprintf(object, sizeof object, "%.*s", (int)(dot - key), key);
    return json_object_get(json_object_get(row, object), dot + 1);
}

static void put_value(struct dr_html *html, const json_t *row, const struct dr_page_column *column)
{
    const json_t *value = field(row, column->key);
    char span[32];

    if (column->cell == DR_CELL_KNOWN && json_is_null(value)) {
        dr_html_text(html, "not known");
    } else if ((column->cell == DR_CELL_SPAN || column->cell == DR_CELL_KNOWN) && value) {
        dr_record_span(row, column->key, span);
        dr_html_element(html, json_is_null(value) ? "span class=\"no\"" : "span", span);
    } else if (column->cell == DR_CELL_YES) {
        dr_html_markup(html, json_is_true(value) ? "<span class=\"yes\">yes</span>"
                                                 : "<span class=\"no\">no</span>");
    } else if (column->cell == DR_CELL_TIME && json_is_string(value)) {
        dr_page_time(html, json_string_value(value));
    } else if (json_is_integer(value)) {
        dr_html_printf(html, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value) && *json_string_value(value)) {
        dr_html_text(html, json_string_value(value));
    } else {
        dr_html_text(html, "–");
    }
}

static void put_cell(struct dr_html *html, const char *tag, const struct dr_page_column *column)
{
    dr_html_markup(html, "<");
    dr_html_markup(html, tag);
    dr_html_markup(html, " class=\"");
    dr_html_markup(html, classes[column->cell]);
    dr_html_markup(html, "\">");
}

/* What is not known of any row is not worth a column. */
static bool is_shown(const json_t *rows, const struct dr_page_column *column)
{
    const json_t *row;
    size_t i;

    if (column->cell != DR_CELL_KNOWN)
        return true;
    json_array_foreach(rows, i, row)
    {
        if (json_is_number(field(row, column->key)))
            return true;
    }
    return false;
}

#define COLUMNS_MOST 12

void dr_page_table(struct dr_html *html, const char *caption, const json_t *rows,
                   const struct dr_page_column *columns)
{
    const struct dr_page_column *shown[COLUMNS_MOST];
    size_t count = 0;
    const json_t *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    for (; columns->head && count < COLUMNS_MOST; columns++) {
        if (is_shown(rows, columns))
            shown[count++] = columns;
    }
    if (caption)
        dr_html_element(html, "h3", caption);
    dr_html_markup(html, "<table>\n<thead><tr>");
    for (size_t c = 0; c < count; c++) {
        put_cell(html, "th scope=\"col\"", shown[c]);
        dr_html_text(html, shown[c]->head);
        dr_html_markup(html, "</th>");
    }
    dr_html_markup(html, "</tr></thead>\n<tbody>\n");
    json_array_foreach(rows, i, row)
    {
        dr_html_markup(html, "<tr>");
        for (size_t c = 0; c < count; c++) {
            put_cell(html, "td", shown[c]);
            put_value(html, row, shown[c]);
            dr_html_markup(html, "</td>");
        }
        dr_html_markup(html, "</tr>\n");
    }
    dr_html_markup(html, "</tbody>\n</table>\n");
}
