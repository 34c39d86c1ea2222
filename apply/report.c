/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/report.h"

#include <string.h>

#include "apply/plan.h"
#include "apply/sides.h"
#include "apply/target.h"
#include "lib/cleanup.h"
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
        if (json_is_string(item))
            fprintf(out, "%-9s %s\n", what, json_string_value(item));
        else
            fprintf(out, "%-9s %s: %s\n", what, dr_json_string_or(item, "object", "?"),
                    dr_json_string_or(item, "why", "?"));
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

    fprintf(out, "Rancher   %s -> %s at %s\n", text_of(state, "server", "version"),
            text_of(state, "target", "release"), dr_json_string_or(state, "rancher_url", "-"));
    fprintf(out,
            "          %lld environments, %lld hosts, %lld network agents, %lld load balancers\n",
            (long long)dr_json_int_or(counts, "environments", 0),
            (long long)dr_json_int_or(counts, "hosts", 0),
            (long long)dr_json_int_or(counts, "network_agents", 0),
            (long long)dr_json_int_or(counts, "balancers", 0));
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
    json_t *row;
    size_t i;

    fprintf(out,
            "Rancher is %s already, and what it runs has its images from '%s': nothing to do\n",
            text_of(state, "target", "release"), text_of(state, "target", "registry"));
    json_array_foreach(json_object_get(state, "plan"), i, row)
    {
        if (strcmp(dr_json_string_or(row, "action", ""), DR_PLAN_LEFT_ALONE) == 0)
            fprintf(out, "left alone  %s: %s\n", dr_json_string_or(row, "object", "?"),
                    dr_json_string_or(row, "why", "?"));
    }
}

/* ---- the end */

static double moment(const json_t *state, const char *step, const char *key)
{
    return json_number_value(dr_json_at(state, "steps", step, key, NULL));
}

static const char *bare_image(const json_t *entry, const char *key)
{
    const char *image = dr_json_string_or(entry, key, "-");

    return dr_text_starts(image, "docker:") ? image + strlen("docker:") : image;
}

/* Rows of a list in the report, with images as people write them and seconds as time. */
static json_t *rows_of(const json_t *list, const char *first, const char *second)
{
    json_t *rows = json_array();
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        char seconds[16];

        dr_text_seconds(json_number_value(json_object_get(entry, "seconds")), seconds);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "first",
                                              dr_json_string_or(entry, first, "-"), "second",
                                              dr_json_string_or(entry, second, "-"), "before",
                                              bare_image(entry, "before"), "after",
                                              bare_image(entry, "after"), "seconds", seconds));
    }
    return rows;
}

static void print_list(FILE *out, const json_t *list, const char *first, const char *second,
                       const struct dr_column *columns)
{
    json_auto_t *rows = rows_of(list, first, second);

    if (json_array_size(rows) == 0)
        return;
    fputc('\n', out);
    dr_plan_table(out, rows, columns);
}

static void print_replaced(FILE *out, const json_t *report)
{
    static const struct dr_column agents[] = {
        {"NETWORK AGENT OF", "first", 0, false}, {"ENVIRONMENT", "second", 0, false},
        {"BEFORE", "before", 0, false},          {"AFTER", "after", 0, false},
        {"WITHOUT IT", "seconds", 0, false},     {NULL, NULL, 0, false},
    };
    static const struct dr_column balancers[] = {
        {"BALANCER", "first", 0, false},      {"INSTANCE", "second", 0, false},
        {"BEFORE", "before", 0, false},       {"AFTER", "after", 0, false},
        {"REPLACED IN", "seconds", 0, false}, {NULL, NULL, 0, false},
    };

    print_list(out, json_object_get(report, "network_agents"), "host", "environment", agents);
    print_list(out, json_object_get(report, "balancers"), "service", "name", balancers);
}

static void print_server(FILE *out, const json_t *state)
{
    const json_t *server = json_object_get(state, "server");
    double from = moment(state, "stop", "begun_at");
    double to = moment(state, "answer", "done_at");
    char time[16];

    if (!dr_json_true(server, "needed")) {
        fprintf(out, "server    container '%s' was left as it is\n",
                text_of(state, "server", "name"));
        return;
    }
    dr_text_seconds(to - from, time);
    fprintf(out, "server    container '%s': %s -> %s, down for %s\n",
            text_of(state, "server", "name"), text_of(state, "server", "reference"),
            text_of(state, "target", "server"), time);
}

static void print_backup(FILE *out, const json_t *state)
{
    const json_t *backup = json_object_get(state, "backup");
    const char *file = dr_json_string_or(backup, "file", NULL);
    const char *slash = file ? strrchr(file, '/') : NULL;
    char size[16];
    int volume;

    if (!file || !slash)
        return;
    dr_text_size((uint64_t)dr_json_int_or(backup, "bytes", 0), size);
    /* The volume has the copy's name: restored a second time into the same one, files of two databases would mix. */
    volume = (int)(strlen(slash + 1) - (dr_text_ends(slash, ".tar.gz") ? strlen(".tar.gz") : 0));
    fprintf(
        out,
        "\nThe database of before is in %s (%s). Should it ever be needed, stop the new server, "
        "then:\n"
        "  (cd %.*s && sha256sum -c %s.sha256)\n"
        "  docker volume create %.*s\n"
        "  tar -xzpf %s --numeric-owner --strip-components=1 \\\n"
        "      -C \"$(docker volume inspect -f '{{.Mountpoint}}' %.*s)\"\n"
        "  docker run -d ... -v %.*s:/var/lib/mysql %s\n",
        file, size, (int)(slash - file), file, slash + 1, volume, slash + 1, file, volume,
        slash + 1, volume, slash + 1, text_of(state, "server", "reference"));
}

void dr_report_end(FILE *out, const json_t *state, const char *journal)
{
    const json_t *report = json_object_get(state, "report");
    const json_t *proof = json_object_get(report, "proof");

    fprintf(out, "\nRancher   %s -> %s, proved\n", text_of(state, "server", "version"),
            text_of(state, "target", "release"));
    print_server(out, state);
    print_replaced(out, report);
    if (json_array_size(json_object_get(report, "left_alone")) +
            json_array_size(json_object_get(proof, "changed")) +
            json_array_size(json_object_get(proof, "unseen")) >
        0)
        fputc('\n', out);
    print_texts(out, "left alone", json_object_get(report, "left_alone"));
    print_texts(out, "changed", json_object_get(proof, "changed"));
    print_texts(out, "not seen", json_object_get(proof, "unseen"));
    print_backup(out, state);
    fprintf(out,
            "\nLook for yourself:\n"
            "  docker ps --filter name=%s\n"
            "  curl %s/ping\n"
            "  docker ps --filter ancestor=%s        on a host\n"
            "The whole record: %s\n",
            text_of(state, "server", "name"), dr_json_string_or(state, "rancher_url", "-"),
            text_of(state, "target", "agent_instance"), journal);
}

int dr_report_json(FILE *out, const json_t *state, const char *outcome, struct dr_err *err)
{
    json_auto_t *document = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:O?, s:O?}, s:O?, s:O?, s:O?, s:O?, s:O?}", "outcome",
        outcome, "from", text_of(state, "server", "version"), "to",
        text_of(state, "target", "release"), "registry", text_of(state, "target", "registry"),
        "server", "container", text_of(state, "server", "name"), "database",
        dr_json_at(state, "server", "database", NULL), "sides",
        dr_json_at(state, "server", "sides", NULL), "plan", json_object_get(state, "plan"), "notes",
        json_object_get(state, "notes"), "steps", json_object_get(state, "steps"), "backup",
        json_object_get(state, "backup"), "report", json_object_get(state, "report"));
    dr_autofree char *text = document ? dr_json_text(document, true, err) : NULL;

    if (!document)
        return dr_fail_memory(err);
    if (!text)
        return -1;
    fprintf(out, "%s\n", text);
    return 0;
}
