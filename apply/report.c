/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/report.h"

#include <string.h>

#include "apply/plan.h"
#include "apply/rancher/inventory.h"
#include "apply/record.h"
#include "apply/sides.h"
#include "apply/target.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *text_of(const json_t *state, const char *object, const char *key)
{
    return dr_json_string_or(json_object_get(state, object), key, "-");
}

static void print_texts(FILE *out, const char *what, const json_t *list)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        char line[1200];

        if (json_is_string(item))
            snprintf(line, sizeof line, "%s", json_string_value(item));
        else
            snprintf(line, sizeof line, "%s: %s", dr_json_string_or(item, "object", "?"),
                     dr_json_string_or(item, "why", "?"));
        dr_text_clean(line);
        fprintf(out, "%-9s %s\n", what, line);
    }
}

static void print_volume(FILE *out, const char *volume, const json_t *data)
{
    const char *name = dr_json_string_or(data, "name", NULL);
    const char *held_by = dr_json_string_or(data, "held_by", NULL);

    fprintf(out, "volume %.16s, ", volume);
    if (!name && held_by)
        fprintf(out, "held by container '%s'\n", held_by);
    else if (!name)
        fprintf(out, "named by the container's own settings\n");
    else if (dr_json_true(data, "create"))
        fprintf(out, "the container's own: a data container '%s' will hold it\n", name);
    else
        fprintf(out, "held by container '%s'\n", name);
}

static void print_database(FILE *out, const json_t *server)
{
    const json_t *database = json_object_get(server, "database");
    const json_t *data = json_object_get(server, "data");
    const char *kind = dr_json_string_or(database, "kind", "volume");
    const char *place = dr_json_string_or(database, "place", "?");
    char size[16];
    char room[16];

    dr_text_size((uint64_t)dr_json_int_or(database, "bytes", 0), size);
    dr_text_size((uint64_t)dr_json_int_or(database, "room", 0), room);
    if (strcmp(kind, "external") == 0) {
        fprintf(out, "database  outside of the container: %s\n", place);
        return;
    }
    fprintf(out, "database  %s in ", size);
    if (strcmp(kind, "folder") == 0)
        fprintf(out, "the folder %s\n", place);
    else
        print_volume(out, place, data);
    fprintf(out, "backup    %s (%s free there)\n", dr_json_string_or(server, "backup_file", "?"),
            room);
}

void dr_report_plan(FILE *out, const json_t *state, bool all)
{
    const json_t *server = json_object_get(state, "server");
    const json_t *counts = dr_json_at(state, "inventory", "counts", NULL);
    char texts[4][40];

    fprintf(out, "Rancher   %s -> %s at %s\n", text_of(state, "server", "version"),
            text_of(state, "target", "release"), dr_json_string_or(state, "rancher_url", "-"));
    fprintf(out, "          %s, %s, %s, %s\n",
            dr_inventory_counted(counts, "environments", "environment", texts[0]),
            dr_inventory_counted(counts, "hosts", "host", texts[1]),
            dr_inventory_counted(counts, "network_agents", "network agent", texts[2]),
            dr_inventory_counted(counts, "balancers", "load balancer", texts[3]));
    fprintf(out, "server    container '%s', %s -> %s\n", text_of(state, "server", "name"),
            text_of(state, "server", "reference"),
            dr_json_true(server, "needed") ? text_of(state, "target", "server") : "stays as it is");
    fprintf(out, "registry  %s, holds everything that the bundle holds\n",
            text_of(state, "target", "registry"));
    fprintf(out, "bundle    %s, every byte verified\n", text_of(state, "target", "bundle"));
    if (dr_json_true(server, "needed"))
        print_database(out, server);
    print_texts(out, "not seen", dr_json_at(state, "inventory", "unseen", NULL));
    print_texts(out, "note", json_object_get(state, "notes"));
    if (json_array_size(json_object_get(state, "plan")) > 0) {
        fputc('\n', out);
        dr_plan_print(out, json_object_get(state, "plan"));
    }
    dr_sides_print(out, json_object_get(server, "sides"), all);
}

void dr_report_nothing(FILE *out, const json_t *state)
{
    json_auto_t *left = json_array();
    json_t *row;
    size_t i;

    fprintf(out,
            "Rancher is %s already, and what it runs has its images from '%s': nothing to do\n",
            text_of(state, "target", "release"), text_of(state, "target", "registry"));
    json_array_foreach(json_object_get(state, "plan"), i, row)
    {
        if (strcmp(dr_json_string_or(row, "action", ""), DR_PLAN_LEFT_ALONE) == 0)
            json_array_append(left, row);
    }
    print_texts(out, "left alone", left);
}

/* ---- the end */

/* Rows of a list of the record with their spans of time in words. */
static json_t *rows_of(const json_t *list, const char *who, const char *where)
{
    json_t *rows = json_array();
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        json_int_t serving = dr_json_int_or(entry, "serving", 0);
        char meanwhile[48] = "none";
        char away[32];

        dr_record_span(entry, "away", away);
        if (serving > 0)
            snprintf(meanwhile, sizeof meanwhile, "%lld more", (long long)serving);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "who",
                                              dr_json_string_or(entry, who, "-"), "where",
                                              dr_json_string_or(entry, where, "-"), "before",
                                              dr_json_string_or(entry, "before", "-"), "after",
                                              dr_json_string_or(entry, "after", "-"), "away", away,
                                              "meanwhile", meanwhile));
    }
    return rows;
}

static void print_list(FILE *out, const json_t *list, const char *who, const char *where,
                       const struct dr_column *columns)
{
    json_auto_t *rows = rows_of(list, who, where);

    if (json_array_size(rows) == 0)
        return;
    fputc('\n', out);
    dr_plan_table(out, rows, columns);
}

static void print_replaced(FILE *out, const json_t *record)
{
    static const struct dr_column agents[] = {
        {"NETWORK AGENT OF", "who", 0, false}, {"ENVIRONMENT", "where", 0, false},
        {"BEFORE", "before", 0, false},        {"AFTER", "after", 0, false},
        {"WITHOUT IT", "away", 0, false},      {NULL, NULL, 0, false},
    };
    static const struct dr_column instances[] = {
        {"BALANCER", "who", 0, false},
        {"INSTANCE", "where", 0, false},
        {"BEFORE", "before", 0, false},
        {"AFTER", "after", 0, false},
        {"REPLACED IN", "away", 0, false},
        {"MEANWHILE", "meanwhile", 0, false},
        {NULL, NULL, 0, false},
    };
    static const struct dr_column pinned[] = {
        {"BALANCER", "who", 0, false}, {"WAY", "where", 0, false}, {"BEFORE", "before", 0, false},
        {"AFTER", "after", 0, false},  {"TOOK", "away", 0, false}, {NULL, NULL, 0, false},
    };

    print_list(out, json_object_get(record, "network_agents"), "host", "environment", agents);
    print_list(out, json_object_get(record, "instances"), "service", "name", instances);
    print_list(out, json_object_get(record, "pinned"), "service", "way", pinned);
}

static void print_server(FILE *out, const json_t *record)
{
    const json_t *server = json_object_get(record, "server");
    const json_t *window = json_object_get(record, "window");
    const char *who = dr_json_string_or(window, "who", NULL);
    char time[32];

    if (!dr_json_true(server, "needed")) {
        fprintf(out, "server    container '%s' was left as it is\n",
                text_of(record, "server", "container"));
        return;
    }
    dr_record_span(json_object_get(server, "down"), "seconds", time);
    fprintf(out, "server    container '%s': %s -> %s, down for %s\n",
            text_of(record, "server", "container"), text_of(record, "server", "before"),
            text_of(record, "server", "after"), time);
    if (!who)
        return;
    dr_record_span(window, "longest", time);
    fprintf(out,
            "window    old containers under the new server, which sends them what may fail without "
            "internet:\n          for up to %s (%s)\n",
            time, who);
}

static void print_backup(FILE *out, const json_t *record)
{
    const json_t *backup = json_object_get(record, "backup");
    const json_t *commands = json_object_get(record, "restore");
    const json_t *command;
    char size[16];
    size_t i;

    if (json_array_size(commands) == 0)
        return;
    dr_text_size((uint64_t)dr_json_int_or(backup, "bytes", 0), size);
    fprintf(
        out,
        "\nThe database of before is in %s (%s). Should it ever be needed, stop the new server, "
        "then:\n",
        dr_json_string_or(backup, "file", "?"), size);
    json_array_foreach(commands, i, command)
    {
        const char *line = json_string_value(command);

        for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
            fprintf(out, "  %.*s\n", (int)strcspn(line, "\n"), line);
    }
}

static void print_checks(FILE *out, const json_t *record)
{
    const json_t *checks = json_object_get(record, "checks");
    const json_t *check;
    size_t i;

    if (json_array_size(checks) == 0)
        return;
    fputs("\nLook for yourself:\n", out);
    json_array_foreach(checks, i, check)
    {
        fprintf(out, "  %s        # %s\n", dr_json_string_or(check, "command", "?"),
                dr_json_string_or(check, "expect", "?"));
    }
}

static void print_first(FILE *out, const json_t *record)
{
    const char *rancher = dr_json_string_or(record, "rancher", "-");
    const char *to = dr_json_string_or(record, "to", "-");

    if (strcmp(dr_json_string_or(record, "outcome", ""), "upgraded") == 0) {
        fprintf(out, "\nRancher   %s -> %s, proved\n", dr_json_string_or(record, "from", "-"), to);
        print_server(out, record);
        return;
    }
    fprintf(out, "\nRancher   %s, %s: %zu network agents and %zu balancer instances replaced, %s\n",
            rancher, to, json_array_size(json_object_get(record, "network_agents")),
            json_array_size(json_object_get(record, "instances")),
            json_is_object(json_object_get(record, "proof"))
                ? "everything proved"
                : "the whole not proved: --only verify does");
}

void dr_report_end(FILE *out, const json_t *record)
{
    const json_t *left = json_object_get(record, "left_out");
    const json_t *changed = json_object_get(record, "changed");
    const json_t *unseen = json_object_get(record, "unseen");

    print_first(out, record);
    print_replaced(out, record);
    if (json_array_size(left) + json_array_size(changed) + json_array_size(unseen) > 0)
        fputc('\n', out);
    print_texts(out, "left alone", left);
    print_texts(out, "changed", changed);
    print_texts(out, "not seen", unseen);
    print_backup(out, record);
    print_checks(out, record);
    fprintf(out, "The whole record: %s\n", dr_json_string_or(record, "journal", "-"));
}

int dr_report_json(FILE *out, const json_t *record, struct dr_err *err)
{
    return dr_json_print(record, out, err);
}
