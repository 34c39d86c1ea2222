/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/page_parts.h"
#include "apply/page_table.h"
#include "lib/json.h"
#include "lib/text.h"

static void put_list(struct dr_html *html, const char *heading, const json_t *list)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) == 0)
        return;
    dr_html_element(html, "h3", heading);
    dr_html_markup(html, "<ul>\n");
    json_array_foreach(list, i, item)
    {
        dr_html_element(html, "li", json_string_value(item));
        dr_html_markup(html, "\n");
    }
    dr_html_markup(html, "</ul>\n");
}

static void put_changes(struct dr_html *html, const json_t *record)
{
    const json_t *proof = json_object_get(record, "proof");
    const json_t *failed = json_object_get(proof, "failed");
    const json_t *changed = json_object_get(record, "changed");

    if (!json_is_object(proof))
        return;
    dr_html_markup(html, "<section><h2>Compared with the time before</h2>\n");
    if (json_array_size(failed) + json_array_size(changed) == 0)
        dr_html_markup(
            html, "<p>Nothing has moved or changed: configurations, links, ports, endpoints, hosts "
                  "and services are what they were.</p>\n");
    put_list(html, "Not as it should be", failed);
    put_list(html, "Moved, changed, or left as it was", changed);
    dr_html_markup(html, "</section>\n");
}

static void put_left_out(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column columns[] = {
        {"What", "object", DR_CELL_TEXT},
        {"Why, and how it is finished", "why", DR_CELL_TEXT},
        {NULL, NULL, DR_CELL_TEXT},
    };
    const json_t *left = json_object_get(record, "left_out");
    const json_t *unseen = json_object_get(record, "unseen");

    if (json_array_size(left) + json_array_size(unseen) == 0)
        return;
    dr_html_markup(html, "<section><h2>Left out</h2>\n");
    dr_page_table(html, NULL, left, columns);
    put_list(html, "What could not be seen with the API key that was used", unseen);
    dr_html_markup(html, "</section>\n");
}

static void put_commands(struct dr_html *html, const json_t *commands)
{
    const json_t *command;
    size_t i;

    dr_html_markup(html, "<pre>");
    json_array_foreach(commands, i, command)
    {
        dr_html_text(html, json_string_value(command));
        dr_html_markup(html, "\n");
    }
    dr_html_markup(html, "</pre>\n");
}

static void put_backup(struct dr_html *html, const json_t *record)
{
    const json_t *backup = json_object_get(record, "backup");
    const char *file = dr_json_string_or(backup, "file", NULL);
    const char *dump = dr_json_string_or(json_object_get(record, "dbdump"), "file", NULL);
    const char *hash = dr_json_string_or(backup, "sha256", NULL);
    const json_t *database = json_object_get(json_object_get(record, "server"), "database");
    const char *word = dr_json_string_or(database, "confirmed", NULL);
    char size[16];

    if (word) {
        dr_html_markup(html, "<section><h2>The database of before</h2>\n<p>It is outside of the "
                             "server's container; its "
                             "operator's word on the dump: ");
        dr_html_element(html, "code", word);
        dr_html_markup(html, "</p></section>\n");
    }
    if (!file)
        return;
    dr_text_size((uint64_t)dr_json_int_or(backup, "bytes", 0), size);
    dr_html_markup(html,
                   "<section><h2>The database of before, and the way back</h2>\n<p>Its copy (");
    dr_html_text(html, size);
    dr_html_markup(html, ", read back and compared): ");
    dr_html_element(html, "code", file);
    if (hash) {
        dr_html_markup(html, "<br>SHA-256 ");
        dr_html_element(html, "code", hash);
    }
    if (dump) {
        dr_html_markup(html, "<br>Rancher's own dump beside it: ");
        dr_html_element(html, "code", dump);
    }
    dr_html_markup(html, "</p>\n<p>On the server's host, <code>drover rollback</code> goes back to "
                         "the old server on this "
                         "database. Without drover, when the new server is stopped:</p>\n");
    put_commands(html, json_object_get(record, "restore"));
    dr_html_markup(html, "</section>\n");
}

static void put_checks(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column columns[] = {
        {"Command", "command", DR_CELL_CODE},
        {"Should give", "expect", DR_CELL_TEXT},
        {NULL, NULL, DR_CELL_TEXT},
    };
    const json_t *checks = json_object_get(record, "checks");

    if (json_array_size(checks) == 0)
        return;
    dr_html_markup(html, "<section><h2>Look for yourself</h2>\n");
    dr_page_table(html, NULL, checks, columns);
    dr_html_markup(html, "</section>\n");
}

void dr_page_words(struct dr_html *html, const json_t *record)
{
    put_changes(html, record);
    put_left_out(html, record);
    put_backup(html, record);
    put_checks(html, record);
}
