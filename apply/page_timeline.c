/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/page_timeline.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "apply/page_table.h"
#include "apply/record.h"
#include "lib/json.h"
#include "lib/text.h"

#define ROWS_MOST 80 /* with more, hosts and balancers are in their tables only */

struct scale {
    double from;
    double span;
    const char *day; /* of the first row */
};

static double number_of(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static struct scale scale_of(const json_t *rows)
{
    const json_t *first = json_array_get(rows, 0);
    struct scale scale = {number_of(first, "at_seconds"), 0, dr_json_string_or(first, "at", "")};
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        double end = number_of(row, "at_seconds") + number_of(row, "seconds") - scale.from;

        scale.span = end > scale.span ? end : scale.span;
    }
    if (scale.span <= 0)
        scale.span = 1;
    return scale;
}

/* A bar from `at` on; a point where nothing is known of its length. */
static void put_bar(struct dr_html *html, const struct scale *scale, double at,
                    const json_t *seconds, const char *class)
{
    double left = (at - scale->from) / scale->span * 100;
    double width = json_number_value(seconds) / scale->span * 100;
    char style[160];

    left = left < 0 ? 0 : left > 100 ? 100 : left;
    width = width > 100 - left ? 100 - left : width;
    if (json_is_number(seconds))
        snprintf(style, sizeof style,
                 "<span class=\"bar%s\" style=\"left:%.2f%%;width:%.2f%%\"></span>", class, left,
                 width);
    else
        snprintf(style, sizeof style, "<span class=\"bar point\" style=\"left:%.2f%%\"></span>",
                 left);
    dr_html_markup(html, "<span class=\"track\">");
    dr_html_markup(html, style);
    dr_html_markup(html, "</span>");
}

static void put_row(struct dr_html *html, const struct scale *scale, const json_t *row,
                    const char *class, const char *bar)
{
    const json_t *seconds = json_object_get(row, "seconds");
    bool run = strcmp(dr_json_string_or(row, "kind", ""), "run") == 0;
    const char *at = dr_json_string_or(row, "at", "");
    char time[32] = "";

    if (json_is_number(seconds))
        dr_record_span(row, "seconds", time);
    dr_html_markup(html, "<tr class=\"");
    dr_html_markup(html, class);
    dr_html_markup(html, "\"><td class=\"time\">");
    if (strncmp(at, scale->day, strlen("2016-05-26")) != 0)
        dr_html_printf(html, "%.10s ", at);
    dr_html_printf(html, "%.8s", strlen(at) > 11 ? at + 11 : at);
    dr_html_markup(html, "</td><td>");
    dr_html_text(html, dr_json_string_or(row, "what", "?"));
    if (!run && !dr_json_true(row, "done"))
        dr_html_markup(html, " <span class=\"no\">(not finished)</span>");
    dr_html_markup(html, "</td>");
    dr_html_element(html, "td class=\"span\"", time);
    dr_html_markup(html, "<td>");
    put_bar(html, scale, number_of(row, "at_seconds"), seconds, bar);
    dr_html_markup(html, "</td></tr>\n");
}

static void put_down(struct dr_html *html, const struct scale *scale, const json_t *down)
{
    const char *from = dr_json_string_or(down, "from", "");
    json_auto_t *row = NULL;
    int64_t at;

    if (dr_text_untime(from, &at) < 0)
        return;
    row = json_pack("{s:s, s:f, s:O, s:s, s:s, s:b}", "at", from, "at_seconds", (double)at,
                    "seconds", json_object_get(down, "seconds"), "what",
                    "Rancher's server does not answer", "kind", "run", "done", 1);
    put_row(html, scale, row, "down", " down");
}

static bool is_part(const json_t *row)
{
    const char *kind = dr_json_string_or(row, "kind", "");

    return strcmp(kind, "run") != 0 && strcmp(kind, "step") != 0;
}

static void put_legend(struct dr_html *html, const struct scale *scale, size_t left_out)
{
    dr_html_markup(html, "<p class=\"soft legend\">");
    dr_html_printf(html, "Times of %.10s, UTC.", scale->day);
    dr_html_markup(
        html,
        "<span></span>work<span class=\"away\"></span>one host or one balancer instance is away"
        "<span class=\"down\"></span>the server is away");
    if (left_out > 0)
        dr_html_printf(html, ". %zu network agents and balancer instances are in the tables below.",
                       left_out);
    dr_html_markup(html, "</p>\n");
}

void dr_page_timeline(struct dr_html *html, const json_t *record)
{
    const json_t *rows = json_object_get(record, "timeline");
    const json_t *down = json_object_get(json_object_get(record, "server"), "down");
    struct scale scale = scale_of(rows);
    bool all = json_array_size(rows) <= ROWS_MOST;
    size_t left_out = 0;
    const json_t *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    json_array_foreach(rows, i, row)
    {
        left_out += !all && is_part(row);
    }
    dr_html_markup(html, "<section><h2>Timeline</h2>\n");
    put_legend(html, &scale, left_out);
    dr_html_markup(html, "<table>\n<thead><tr><th scope=\"col\">At</th><th scope=\"col\">What</th>"
                         "<th scope=\"col\" class=\"span\">Took</th><th "
                         "scope=\"col\">When</th></tr></thead>\n<tbody>\n");
    put_down(html, &scale, down);
    json_array_foreach(rows, i, row)
    {
        bool run = strcmp(dr_json_string_or(row, "kind", ""), "run") == 0;

        if (is_part(row) && !all)
            continue;
        put_row(html, &scale, row,
                is_part(row) ? "part"
                : run        ? "run"
                             : "step",
                is_part(row) ? " away" : "");
    }
    dr_html_markup(html, "</tbody>\n</table></section>\n");
}
