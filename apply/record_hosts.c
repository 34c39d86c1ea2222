/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/record_hosts.h"

#include <string.h>

#include "apply/timeline.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

/* How long old containers were under the new server, which sends them what they can't take without internet. */
struct window {
    double begun; /* 0: not known */
    double longest;
    char who[300];
};

static const char *text_of(const json_t *entry, const char *key)
{
    return dr_json_string_or(entry, key, "-");
}

static const char *image_of(const json_t *entry, const char *key)
{
    const char *image = dr_json_string_or(entry, key, NULL);

    return image && dr_text_starts(image, "docker:") ? image + strlen("docker:") : image;
}

/* A number, or null while there is none. */
static json_t *away_of(const json_t *entry)
{
    json_t *seconds = json_object_get(entry, "seconds");

    return json_is_number(seconds) ? json_incref(seconds) : json_null();
}

/* What was removed before the new server was there was never under it. */
static json_t *old_of(const json_t *entry, const char *what, struct window *window)
{
    double seconds = json_number_value(json_object_get(entry, "removed_at")) - window->begun;

    if (window->begun <= 0)
        return json_null();
    seconds = seconds > 0 ? seconds : 0;
    if (seconds >= window->longest) {
        window->longest = seconds;
        snprintf(window->who, sizeof window->who, "%s", what);
        dr_text_clean(window->who);
    }
    return json_real(seconds);
}

static json_t *agents_of(const json_t *report, struct window *window, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(report, "network_agents"), i, entry)
    {
        const char *host = text_of(entry, "host");
        const char *trigger = dr_json_string_or(entry, "trigger", NULL);
        char what[280];

        snprintf(what, sizeof what, "the network agent of %s", host);
        if (dr_json_append(rows,
                           json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:b, s:s?, s:o}", "environment",
                                     text_of(entry, "environment"), "host", host, "before",
                                     image_of(entry, "before"), "after", image_of(entry, "after"),
                                     "away", away_of(entry), "at_most",
                                     dr_json_true(entry, "at_most"), "trigger",
                                     trigger && strcmp(trigger, "none") == 0 ? "itself" : trigger,
                                     "old", old_of(entry, what, window)),
                           err) < 0)
            return NULL;
    }
    return json_incref(rows);
}

static int append_instance(json_t *rows, const json_t *entry, struct window *window,
                           struct dr_err *err)
{
    dr_autofree char *service = dr_text_format(err, "%s/%s", dr_json_string_or(entry, "stack", "?"),
                                               text_of(entry, "service"));
    const char *from = text_of(entry, "from");
    const char *to = dr_json_string_or(entry, "to", NULL);
    char what[280];

    if (!service)
        return -1;
    snprintf(what, sizeof what, "balancer instance %s", text_of(entry, "name"));
    return dr_json_append(
        rows,
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:b, s:s?, s:s?, s:o, s:b, s:I, s:o}", "environment",
                  text_of(entry, "environment"), "service", service, "name", text_of(entry, "name"),
                  "from", from, "to", to, "moved", to && strcmp(from, to) != 0, "before",
                  image_of(entry, "before"), "after", image_of(entry, "after"), "away",
                  away_of(entry), "at_most", dr_json_true(entry, "at_most"), "serving",
                  (json_int_t)dr_json_int_or(entry, "serving", 0), "old",
                  old_of(entry, what, window)),
        err);
}

static json_t *instances_of(const json_t *report, struct window *window, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(report, "balancers"), i, entry)
    {
        if (append_instance(rows, entry, window, err) < 0)
            return NULL;
    }
    return json_incref(rows);
}

/* ---- by balancer */

static json_t *find_balancer(json_t *index, json_t *rows, const json_t *instance,
                             struct dr_err *err)
{
    const char *environment = text_of(instance, "environment");
    const char *service = text_of(instance, "service");
    dr_autofree char *key = dr_text_format(err, "%s\n%s", environment, service);
    json_t *row = key ? json_object_get(index, key) : NULL;

    if (row || !key)
        return row;
    row = json_pack("{s:s, s:s, s:i, s:f, s:b, s:f}", "environment", environment, "service",
                    service, "replaced", 0, "longest", 0.0, "at_most", 0, "dark", 0.0);
    if (dr_json_append(rows, row, err) < 0 || dr_json_set(index, key, json_incref(row), err) < 0)
        return NULL;
    return row;
}

/* One more of its instances. Null wherever something is not back, since that is longer than any number. */
static int add_to(json_t *row, const json_t *instance, struct dr_err *err)
{
    const json_t *away = json_object_get(instance, "away");
    double seconds = json_number_value(away);
    double longest = json_number_value(json_object_get(row, "longest"));
    bool back = json_is_number(away);
    bool dark = dr_json_int_or(instance, "serving", 0) == 0;
    const json_t *so_far = json_object_get(row, "dark");

    if (dr_json_set(row, "replaced", json_integer(dr_json_int_or(row, "replaced", 0) + 1), err) <
            0 ||
        (dr_json_true(instance, "at_most") && dr_json_set(row, "at_most", json_true(), err) < 0))
        return -1;
    if (!json_is_null(json_object_get(row, "longest")) &&
        dr_json_set(row, "longest",
                    !back ? json_null() : json_real(seconds > longest ? seconds : longest),
                    err) < 0)
        return -1;
    if (!dark || json_is_null(so_far))
        return 0;
    return dr_json_set(row, "dark",
                       back ? json_real(json_number_value(so_far) + seconds) : json_null(), err);
}

/* A service that is made anew has no instance meanwhile. Rancher's upgrade takes one at a time, which is the only one
 * where there is a single one; how long each was away Rancher does not tell. */
static int append_pinned(json_t *rows, const json_t *entry, struct dr_err *err)
{
    json_int_t instances = dr_json_int_or(entry, "instances", 1);
    bool recreated = strcmp(text_of(entry, "way"), "recreate") == 0;
    bool dark = recreated ? dr_json_true(entry, "active") : instances <= 1;

    return dr_json_append(
        rows,
        json_pack("{s:s, s:s, s:I, s:o, s:b, s:o}", "environment", text_of(entry, "environment"),
                  "service", text_of(entry, "name"), "replaced", instances, "longest",
                  away_of(entry), "at_most", !recreated || dr_json_true(entry, "at_most"), "dark",
                  dark ? away_of(entry) : json_real(0)),
        err);
}

static json_t *balancers_of(const json_t *instances, const json_t *report, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    json_auto_t *index = json_object();
    const json_t *instance;
    size_t i;

    json_array_foreach(instances, i, instance)
    {
        json_t *row = find_balancer(index, rows, instance, err);

        if (!row || add_to(row, instance, err) < 0)
            return NULL;
    }
    json_array_foreach(json_object_get(report, "pinned"), i, instance)
    {
        if (append_pinned(rows, instance, err) < 0)
            return NULL;
    }
    return json_incref(rows);
}

static json_t *pinned_of(const json_t *report, struct window *window, struct dr_err *err)
{
    json_auto_t *rows = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(report, "pinned"), i, entry)
    {
        char what[280];

        snprintf(what, sizeof what, "balancer %s", text_of(entry, "name"));
        if (dr_json_append(
                rows,
                json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o, s:b, s:o}", "environment",
                          text_of(entry, "environment"), "service", text_of(entry, "name"), "way",
                          text_of(entry, "way"), "before", image_of(entry, "before"), "after",
                          image_of(entry, "after"), "away", away_of(entry), "at_most",
                          dr_json_true(entry, "at_most"), "old", old_of(entry, what, window)),
                err) < 0)
            return NULL;
    }
    return json_incref(rows);
}

static json_t *window_of(const struct window *window)
{
    char from[32];

    if (window->begun <= 0)
        return json_null();
    dr_text_time((int64_t)window->begun, from);
    return json_pack("{s:s, s:f, s:s?}", "from", from, "longest", window->longest, "who",
                     *window->who ? window->who : NULL);
}

static int put(json_t *record, const char *key, json_t *rows, struct dr_err *err)
{
    return rows ? dr_json_set(record, key, rows, err) : -1;
}

int dr_record_hosts(json_t *record, const json_t *state, struct dr_err *err)
{
    const json_t *report = json_object_get(state, "report");
    struct window window = {.begun = dr_timeline_new_server(state)};

    if (put(record, "network_agents", agents_of(report, &window, err), err) < 0 ||
        put(record, "instances", instances_of(report, &window, err), err) < 0 ||
        put(record, "balancers", balancers_of(json_object_get(record, "instances"), report, err),
            err) < 0 ||
        put(record, "pinned", pinned_of(report, &window, err), err) < 0)
        return -1;
    return dr_json_set(record, "window", window_of(&window), err);
}
