/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "apply/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static double began_at(const json_t *step)
{
    double first = number_of(step, "first_at");

    if (first > 0)
        return first;
    first = number_of(step, "begun_at");
    return first > 0 ? first : number_of(step, "done_at");
}

static json_t *step_of(const json_t *state, const char *name)
{
    return dr_json_at(state, "steps", name, NULL);
}

/* ---- rows */

struct event {
    double at;
    double seconds; /* < 0: not known */
    const char *kind;
    bool done;
    bool at_most; /* a kill cut it short: it was at most so long */
};

static int add(json_t *rows, const struct event *event, char *what, struct dr_err *err)
{
    dr_autofree char *text = what;
    char at[32];

    if (!text)
        return -1;
    dr_text_time((int64_t)event->at, at);
    return dr_json_append(rows,
                          json_pack("{s:s, s:f, s:o, s:b, s:s, s:s, s:b}", "at", at, "at_seconds",
                                    event->at, "seconds",
                                    event->seconds < 0 ? json_null() : json_real(event->seconds),
                                    "at_most", event->at_most, "kind", event->kind, "what", text,
                                    "done", event->done),
                          err);
}

static int add_runs(const json_t *state, json_t *rows, struct dr_err *err)
{
    const json_t *runs = json_object_get(state, "runs");
    bool cut = false;
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        struct event begun = {number_of(run, "begun_at"), -1, "run", true, false};
        struct event ended = {number_of(run, "ended_at"), -1, "run", false, false};
        const char *words = i == 0 ? "begun"
                            : cut  ? "continued, after drover had been cut off"
                                   : "continued";

        if (add(rows, &begun, dr_text_copy(words, err), err) < 0)
            return -1;
        cut = ended.at <= 0;
        if (!cut &&
            add(rows, &ended,
                dr_text_format(err, "stopped: %s", dr_json_string_or(run, "why", "?")), err) < 0)
            return -1;
    }
    return 0;
}

static int add_end(const json_t *state, json_t *rows, struct dr_err *err)
{
    const char *word = dr_json_string_or(state, "state", "");
    struct event end = {number_of(state, "ended_at"), -1, "run", true, false};

    if (end.at <= 0)
        return 0;
    if (strcmp(word, "undone") == 0)
        word = "undone: everything is as it was before";
    return add(rows, &end, dr_text_copy(word, err), err);
}

static int add_steps(const json_t *state, json_t *rows, struct dr_err *err)
{
    json_t *steps = json_object_get(state, "steps");
    const char *name;
    json_t *step;

    json_object_foreach(steps, name, step)
    {
        const struct dr_step *known = dr_steps_find(name);
        double from = began_at(step);
        double to = number_of(step, "done_at");
        struct event event = {from, to > 0 ? to - from : -1, "step", to > 0, false};

        if (add(rows, &event, dr_text_copy(known ? known->title : name, err), err) < 0)
            return -1;
    }
    return 0;
}

/* An entry of report[list] that was removed, and is back when it has an "after". */
static int add_entry(const json_t *entry, const char *kind, char *what, json_t *rows,
                     struct dr_err *err)
{
    const json_t *seconds = json_object_get(entry, "seconds");
    struct event event = {
        number_of(entry, "removed_at"), json_is_number(seconds) ? json_number_value(seconds) : -1,
        kind, json_is_string(json_object_get(entry, "after")), dr_json_true(entry, "at_most")};

    return add(rows, &event, what, err);
}

static int add_replaced(const json_t *state, json_t *rows, struct dr_err *err)
{
    const json_t *report = json_object_get(state, "report");
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(report, "network_agents"), i, entry)
    {
        if (add_entry(entry, "network agent",
                      dr_text_format(err, "network agent of %s replaced",
                                     dr_json_string_or(entry, "host", "?")),
                      rows, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(report, "balancers"), i, entry)
    {
        if (add_entry(entry, "balancer instance",
                      dr_text_format(err, "balancer instance %s replaced",
                                     dr_json_string_or(entry, "name", "?")),
                      rows, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(report, "pinned"), i, entry)
    {
        bool recreated = strcmp(dr_json_string_or(entry, "way", ""), "recreate") == 0;

        if (add_entry(entry, "balancer",
                      dr_text_format(err, "balancer %s %s", dr_json_string_or(entry, "name", "?"),
                                     recreated ? "re-created" : "upgraded by Rancher"),
                      rows, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- their order */

struct place {
    double at;
    size_t number;
    json_t *row;
};

static int compare(const void *left, const void *right)
{
    const struct place *one = left;
    const struct place *other = right;

    if (one->at < other->at || one->at > other->at)
        return one->at < other->at ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

static int sort(json_t *rows, struct dr_err *err)
{
    size_t count = json_array_size(rows);
    dr_autofree struct place *places = calloc(count + 1, sizeof *places);
    json_auto_t *sorted = json_array();

    if (!places || !sorted)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array_get(rows, i);

        places[i] = (struct place){number_of(row, "at_seconds"), i, row};
    }
    qsort(places, count, sizeof *places, compare);
    for (size_t i = 0; i < count; i++) {
        if (json_array_append(sorted, places[i].row) < 0)
            return dr_fail_memory(err);
    }
    if (json_array_clear(rows) < 0 || json_array_extend(rows, sorted) < 0)
        return dr_fail_memory(err);
    return 0;
}

json_t *dr_timeline_make(const json_t *state, struct dr_err *err)
{
    json_auto_t *rows = json_array();

    if (!rows) {
        dr_fail_memory(err);
        return NULL;
    }
    if (add_runs(state, rows, err) < 0 || add_steps(state, rows, err) < 0 ||
        add_replaced(state, rows, err) < 0 || add_end(state, rows, err) < 0 || sort(rows, err) < 0)
        return NULL;
    return json_incref(rows);
}

/* ---- spans */

json_t *dr_timeline_down(const json_t *state, struct dr_err *err)
{
    double from = began_at(step_of(state, "stop"));
    double to = number_of(step_of(state, "answer"), "done_at");
    char begun[32];
    char ended[32] = "";
    json_t *down;

    /* Put back: the old one was started again. */
    if (to <= 0 && strcmp(dr_json_string_or(state, "state", ""), "undone") == 0)
        to = number_of(state, "ended_at");
    dr_text_time((int64_t)from, begun);
    if (to > 0)
        dr_text_time((int64_t)to, ended);
    down = from > 0 ? json_pack("{s:s, s:o, s:o}", "from", begun, "to",
                                *ended ? json_string(ended) : json_null(), "seconds",
                                to > 0 ? json_real(to - from) : json_null())
                    : json_null();
    if (!down)
        dr_fail_memory(err);
    return down;
}

double dr_timeline_new_server(const json_t *state)
{
    return began_at(step_of(state, "start"));
}
