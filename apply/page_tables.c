/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "apply/page_parts.h"
#include "apply/page_table.h"
#include "apply/record.h"
#include "lib/json.h"

static const char *text_of(const json_t *record, const char *key)
{
    return dr_json_string_or(record, key, "-");
}

/* ---- interruptions */

static void put_window(struct dr_html *html, const json_t *record)
{
    const json_t *window = json_object_get(record, "window");
    const char *who = dr_json_string_or(window, "who", NULL);
    char time[32];

    dr_html_element(html, "h3", "Old containers under the new server");
    if (!json_is_object(window)) {
        dr_html_markup(html, "<p>The new server was there before this run, so it is not known how "
                             "long it could send network agents and balancers of before what they "
                             "can't take without internet.</p>\n");
        return;
    }
    dr_html_markup(html, "<p>From ");
    dr_page_time(html, text_of(window, "from"));
    dr_html_text(html, " on, the new server sent its configuration to network agents and balancers "
                       "of before too. Without internet they can't take all of it, so each was at "
                       "risk until it was replaced (last column above). ");
    if (who) {
        dr_record_span(window, "longest", time);
        dr_html_printf(html, "The longest, %s: %s.", who, time);
    }
    dr_html_markup(html, "</p>\n");
}

void dr_page_interruptions(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column agents[] = {
        {"Host", "host", DR_CELL_TEXT},
        {"Environment", "environment", DR_CELL_TEXT},
        {"Without network agent for", "away", DR_CELL_SPAN},
        {"Brought back by", "trigger", DR_CELL_TEXT},
        {"Old one under the new server", "old", DR_CELL_KNOWN},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column balancers[] = {
        {"Balancer", "service", DR_CELL_TEXT},
        {"Environment", "environment", DR_CELL_TEXT},
        {"Instances replaced", "replaced", DR_CELL_NUMBER},
        {"Longest for one", "longest", DR_CELL_SPAN},
        {"Without any instance for", "dark", DR_CELL_SPAN},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column instances[] = {
        {"Instance", "name", DR_CELL_TEXT},
        {"Of", "service", DR_CELL_TEXT},
        {"Host before", "from", DR_CELL_TEXT},
        {"Host after", "to", DR_CELL_TEXT},
        {"Away for", "away", DR_CELL_SPAN},
        {"Others that served", "serving", DR_CELL_NUMBER},
        {"Old one under the new server", "old", DR_CELL_KNOWN},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column pinned[] = {
        {"Balancer", "service", DR_CELL_TEXT},
        {"Environment", "environment", DR_CELL_TEXT},
        {"Way", "way", DR_CELL_TEXT},
        {"Image before", "before", DR_CELL_CODE},
        {"Took", "away", DR_CELL_SPAN},
        {"Old one under the new server", "old", DR_CELL_KNOWN},
        {NULL, NULL, DR_CELL_TEXT},
    };

    if (json_array_size(json_object_get(record, "network_agents")) +
            json_array_size(json_object_get(record, "instances")) +
            json_array_size(json_object_get(record, "pinned")) ==
        0)
        return;
    dr_html_markup(html, "<section><h2>Interruptions</h2>\n");
    dr_page_table(html,
                  "Hosts without their network agent (DNS, metadata, health checks, cross-host "
                  "network)",
                  json_object_get(record, "network_agents"), agents);
    dr_page_table(html, "Load balancers", json_object_get(record, "balancers"), balancers);
    dr_page_table(html, "Their instances, one at a time", json_object_get(record, "instances"),
                  instances);
    dr_page_table(html, "Balancers with an image of their own", json_object_get(record, "pinned"),
                  pinned);
    put_window(html, record);
    dr_html_markup(html, "</section>\n");
}

/* ---- before and after */

/* Both containers have some fifty settings; those that are the same tell nothing. */
static json_t *differing(const json_t *sides)
{
    json_t *rows = json_array();
    json_t *row;
    size_t i;

    json_array_foreach(sides, i, row)
    {
        if (strcmp(text_of(row, "old"), text_of(row, "new")) != 0)
            json_array_append(rows, row);
    }
    return rows;
}

static json_t *count_rows(const json_t *counts)
{
    static const char *const names[][2] = {
        {"environments", "Environments"}, {"hosts", "Hosts"},
        {"services", "Services"},         {"network_agents", "Network agents"},
        {"balancers", "Load balancers"},  {"balancer_instances", "Their instances"},
    };
    const json_t *before = json_object_get(counts, "before");
    const json_t *after = json_object_get(counts, "after");
    json_t *rows = json_array();

    for (size_t i = 0; before && i < sizeof names / sizeof *names; i++)
        json_array_append_new(rows, json_pack("{s:s, s:O?, s:O?}", "name", names[i][1], "before",
                                              json_object_get(before, names[i][0]), "after",
                                              json_object_get(after, names[i][0])));
    return rows;
}

static void put_server(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column sides[] = {
        {"Setting", "field", DR_CELL_TEXT},
        {"Old container", "old", DR_CELL_CODE},
        {"New container", "new", DR_CELL_CODE},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column settings[] = {
        {"Setting", "name", DR_CELL_TEXT}, {"Before", "before", DR_CELL_CODE},
        {"After", "after", DR_CELL_CODE},  {"Comes from", "source", DR_CELL_TEXT},
        {NULL, NULL, DR_CELL_TEXT},
    };
    const json_t *all = json_object_get(json_object_get(record, "server"), "sides");
    json_auto_t *rows = differing(all);
    char words[96];

    if (json_is_object(json_object_get(record, "proof")))
        dr_page_table(html, "Settings of Rancher", json_object_get(record, "settings"), settings);
    dr_page_table(html, "The server's container, where old and new differ", rows, sides);
    if (json_array_size(rows) == 0)
        return;
    snprintf(words, sizeof words, "%zu other settings of the container are the same.",
             json_array_size(all) - json_array_size(rows));
    dr_html_element(html, "p class=\"soft\"", words);
}

static void put_proof(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column balancers[] = {
        {"Balancer", "name", DR_CELL_TEXT},
        {"Environment", "environment", DR_CELL_TEXT},
        {"State before", "before.state", DR_CELL_TEXT},
        {"after", "after.state", DR_CELL_TEXT},
        {"Health before", "before.health", DR_CELL_TEXT},
        {"after", "after.health", DR_CELL_TEXT},
        {"Endpoints before", "before.endpoints", DR_CELL_CODE},
        {"after", "after.endpoints", DR_CELL_CODE},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column objects[] = {
        {"What", "kind", DR_CELL_TEXT},
        {"Name", "name", DR_CELL_TEXT},
        {"Host", "host", DR_CELL_TEXT},
        {"Environment", "environment", DR_CELL_TEXT},
        {"Image before", "before", DR_CELL_CODE},
        {"Image after", "after", DR_CELL_CODE},
        {"Well", "ok", DR_CELL_YES},
        {NULL, NULL, DR_CELL_TEXT},
    };
    const json_t *proof = json_object_get(json_object_get(record, "report"), "proof");

    dr_page_table(html, "Load balancers", json_object_get(proof, "balancers"), balancers);
    dr_page_table(html, "Network agents and balancer instances, each looked at again at the end",
                  json_object_get(proof, "objects"), objects);
}

void dr_page_tables(struct dr_html *html, const json_t *record)
{
    static const struct dr_page_column images[] = {
        {"Image", "what", DR_CELL_TEXT},
        {"Before", "before", DR_CELL_CODE},
        {"After", "after", DR_CELL_CODE},
        {NULL, NULL, DR_CELL_TEXT},
    };
    static const struct dr_page_column counts[] = {
        {"What Rancher knows", "name", DR_CELL_TEXT},
        {"Before", "before", DR_CELL_NUMBER},
        {"After", "after", DR_CELL_NUMBER},
        {NULL, NULL, DR_CELL_TEXT},
    };
    json_auto_t *rows = count_rows(json_object_get(record, "counts"));

    if (json_array_size(json_object_get(record, "images")) == 0)
        return;
    dr_html_markup(html, "<section><h2>Before and after</h2>\n");
    dr_page_table(html, "Images", json_object_get(record, "images"), images);
    if (json_is_object(json_object_get(record, "proof")))
        dr_page_table(html, "Counts", rows, counts);
    put_server(html, record);
    put_proof(html, record);
    dr_html_markup(html, "</section>\n");
}
