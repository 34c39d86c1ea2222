/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "apply/page_parts.h"
#include "apply/rancher/inventory.h"
#include "apply/record.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *text_of(const json_t *record, const char *key)
{
    return dr_json_string_or(record, key, "-");
}

static void card(struct dr_html *html, const char *label, const char *figure, const char *small)
{
    dr_html_markup(html, "<div>");
    dr_html_element(html, "dt", label);
    dr_html_element(html, "dd class=\"big\"", figure);
    if (small && *small)
        dr_html_element(html, "dd class=\"small\"", small);
    dr_html_markup(html, "</div>\n");
}

static void put_down_card(struct dr_html *html, const json_t *record)
{
    const json_t *server = json_object_get(record, "server");
    const json_t *down = json_object_get(server, "down");
    char time[32];

    if (!json_is_object(down))
        return;
    dr_record_span(down, "seconds", time);
    card(html, "Rancher's server was down for", time, "containers ran on");
}

/* The row of the largest `key`; null is larger than any number. */
static const json_t *longest_of(const json_t *rows, const char *key)
{
    const json_t *longest = NULL;
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const json_t *value = json_object_get(row, key);

        if (json_is_null(value))
            return row;
        if (!longest || json_number_value(value) > json_number_value(json_object_get(longest, key)))
            longest = row;
    }
    return longest;
}

static void put_away_card(struct dr_html *html, const json_t *rows, const char *label,
                          const char *key, const char *who, const char *otherwise)
{
    const json_t *longest = longest_of(rows, key);
    const json_t *value = json_object_get(longest, key);
    char time[32];
    char small[300];

    if (!longest)
        return;
    dr_record_span(longest, key, time);
    snprintf(small, sizeof small, "%.250s, of %zu", text_of(longest, who), json_array_size(rows));
    if (json_is_number(value) && json_number_value(value) <= 0)
        card(html, label, "never", otherwise);
    else
        card(html, label, time, small);
}

static void put_proof_card(struct dr_html *html, const json_t *record)
{
    const json_t *proof = json_object_get(record, "proof");
    size_t failed = json_array_size(json_object_get(proof, "failed"));
    char figure[64];
    size_t changed = json_array_size(json_object_get(record, "changed"));
    char small[96] = "everything else is what it was before";

    if (!json_is_object(proof))
        return;
    snprintf(figure, sizeof figure, "%lld of %lld", (long long)dr_json_int_or(proof, "good", 0),
             (long long)dr_json_int_or(proof, "all", 0));
    if (changed > 0)
        snprintf(small, sizeof small, "%zu other thing%s moved, changed or left alone", changed,
                 changed == 1 ? "" : "s");
    if (failed > 0)
        snprintf(small, sizeof small, "%zu check%s failed", failed, failed == 1 ? "" : "s");
    card(html, "On the new image, and well", figure, small);
}

static void put_counts_card(struct dr_html *html, const json_t *record)
{
    const json_t *counts = json_object_get(json_object_get(record, "counts"), "before");
    char texts[4][40];
    char small[128];

    if (!counts)
        return;
    snprintf(small, sizeof small, "in %s, %s, %s",
             dr_inventory_counted(counts, "environments", "environment", texts[0]),
             dr_inventory_counted(counts, "network_agents", "network agent", texts[1]),
             dr_inventory_counted(counts, "balancers", "load balancer", texts[2]));
    card(html, "This Rancher has", dr_inventory_counted(counts, "hosts", "host", texts[3]), small);
}

static void put_backup_card(struct dr_html *html, const json_t *record)
{
    const json_t *backup = json_object_get(record, "backup");
    char size[16];

    if (!dr_json_string_or(backup, "file", NULL))
        return;
    dr_text_size((uint64_t)dr_json_int_or(backup, "bytes", 0), size);
    card(html, "Copy of the database of before", size, text_of(backup, "file"));
}

void dr_page_cards(struct dr_html *html, const json_t *record)
{
    char time[32];

    dr_html_markup(html, "<dl class=\"cards\">\n");
    put_proof_card(html, record);
    put_down_card(html, record);
    put_away_card(html, json_object_get(record, "network_agents"),
                  "Longest a host was without its network agent", "away", "host", "");
    put_away_card(html, json_object_get(record, "balancers"),
                  "Longest a balancer was without any instance", "dark", "service",
                  "others served all the time");
    put_backup_card(html, record);
    put_counts_card(html, record);
    if (json_is_number(json_object_get(record, "seconds"))) {
        dr_record_span(record, "seconds", time);
        card(html, "From the first to the last step", time, "");
    }
    dr_html_markup(html, "</dl>\n");
}
