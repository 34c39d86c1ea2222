/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/record.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "apply/record_hosts.h"
#include "apply/record_words.h"
#include "apply/timeline.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *text_of(const json_t *state, const char *object, const char *key)
{
    return dr_json_string_or(json_object_get(state, object), key, "-");
}

/* A part that is made by a function of its own; NULL is its failure. */
static int put(json_t *record, const char *key, json_t *value, struct dr_err *err)
{
    return value ? dr_json_set(record, key, value, err) : -1;
}

static int set(json_t *record, const char *key, json_t *value, struct dr_err *err)
{
    return dr_json_set(record, key, value ? value : json_null(), err);
}

/* What the journal has, as it is. */
static int copy(json_t *record, const json_t *state, struct dr_err *err)
{
    static const char *const keys[] = {"plan",   "notes",  "steps", "backup",
                                       "dbdump", "report", NULL};

    for (size_t i = 0; keys[i]; i++) {
        json_t *value = json_object_get(state, keys[i]);

        if (value && json_object_set(record, keys[i], value) < 0)
            return dr_fail_memory(err);
    }
    return 0;
}

static double seconds_of(const json_t *state)
{
    int64_t from;
    int64_t to;

    if (dr_text_untime(dr_json_string_or(state, "started", ""), &from) < 0 ||
        dr_text_untime(dr_json_string_or(state, "ended", ""), &to) < 0)
        return -1;
    return (double)(to - from);
}

/* With --only the server is what it was. */
static const char *from_of(const json_t *state)
{
    const char *version = text_of(state, "server", "version");

    return strcmp(version, "-") == 0 ? text_of(state, "inventory", "version") : version;
}

static json_t *head(const struct dr_record_source *source)
{
    const json_t *state = source->state;
    double seconds = seconds_of(state);

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:s?}", "outcome",
        source->outcome, "from", from_of(state), "to", text_of(state, "target", "release"),
        "registry", text_of(state, "target", "registry"), "bundle",
        text_of(state, "target", "bundle"), "key", text_of(state, "target", "key"), "rancher",
        dr_json_string_or(state, "rancher_url", "-"), "access",
        text_of(state, "inventory", "access"), "started", dr_json_string_or(state, "started", NULL),
        "ended", dr_json_string_or(state, "ended", NULL), "seconds",
        seconds < 0 ? json_null() : json_real(seconds), "journal", source->journal);
}

static json_t *failure_of(const struct dr_record_source *source)
{
    char text[DR_ERR_TEXT_MAX];

    if (!source->failure || source->failure->code == DR_OK)
        return json_null();
    memcpy(text, source->failure->text, sizeof text);
    dr_text_clean(text);
    return json_pack("{s:s, s:i}", "text", text, "status", dr_code_status(source->failure->code));
}

static json_t *server_of(const json_t *state, struct dr_err *err)
{
    const json_t *server = json_object_get(state, "server");
    bool needed = dr_json_true(server, "needed");
    const char *before = dr_json_string_or(server, "reference", "-");
    json_t *down = dr_timeline_down(state, err);

    if (!down)
        return NULL;
    return json_pack("{s:s, s:b, s:s, s:s, s:O?, s:O?, s:o}", "container",
                     text_of(state, "server", "name"), "needed", needed, "before", before, "after",
                     needed ? text_of(state, "target", "server") : before, "database",
                     json_object_get(server, "database"), "sides", json_object_get(server, "sides"),
                     "down", down);
}

static json_t *counts_of(const json_t *state)
{
    return json_pack("{s:O?, s:O?}", "before", dr_json_at(state, "inventory", "counts", NULL),
                     "after", dr_json_at(state, "report", "proof", "counts", NULL));
}

static json_t *proof_of(const json_t *state)
{
    const json_t *proof = dr_json_at(state, "report", "proof", NULL);
    const json_t *objects = json_object_get(proof, "objects");
    const json_t *object;
    json_int_t good = 0;
    size_t i;

    if (!proof)
        return json_null();
    json_array_foreach(objects, i, object)
    {
        good += dr_json_true(object, "ok");
    }
    return json_pack("{s:I, s:I, s:O}", "good", good, "all", (json_int_t)json_array_size(objects),
                     "failed", json_object_get(proof, "failed"));
}

static json_t *list_or_empty(const json_t *list)
{
    return list ? json_incref((json_t *)(uintptr_t)list) : json_array();
}

static int fill(json_t *record, const struct dr_record_source *source, struct dr_err *err)
{
    const json_t *state = source->state;
    const json_t *proof = dr_json_at(state, "report", "proof", NULL);
    const json_t *unseen = json_object_get(proof, "unseen");

    if (!unseen)
        unseen = dr_json_at(state, "inventory", "unseen", NULL);
    if (copy(record, state, err) < 0 || set(record, "failure", failure_of(source), err) < 0 ||
        put(record, "server", server_of(state, err), err) < 0 ||
        set(record, "counts", counts_of(state), err) < 0 ||
        set(record, "proof", proof_of(state), err) < 0 ||
        set(record, "changed", list_or_empty(json_object_get(proof, "changed")), err) < 0 ||
        set(record, "unseen", list_or_empty(unseen), err) < 0 ||
        put(record, "timeline", dr_timeline_make(state, err), err) < 0)
        return -1;
    return dr_record_hosts(record, state, err) < 0 ? -1 : dr_record_words(record, state, err);
}

json_t *dr_record_make(const struct dr_record_source *source, struct dr_err *err)
{
    json_auto_t *record = head(source);

    if (!record) {
        dr_fail_memory(err);
        return NULL;
    }
    return fill(record, source, err) < 0 ? NULL : json_incref(record);
}

void dr_record_span(const json_t *row, const char *key, char ret[32])
{
    const json_t *seconds = json_object_get(row, key);
    char time[16];

    dr_text_seconds(json_number_value(seconds), time);
    if (json_is_number(seconds))
        snprintf(ret, 32, "%s%s",
                 dr_json_true(row, "at_most") && json_number_value(seconds) > 0 ? "at most " : "",
                 time);
    else
        snprintf(ret, 32, "not back");
}
