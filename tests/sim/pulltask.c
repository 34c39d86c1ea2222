/* SPDX-License-Identifier: Apache-2.0 */
// Pull tasks with their traps: only named hosts show up in `status`, hosts of one name share an
// entry, an image that can't be parsed or a host without an agent stays "Pulling" for ever, every
// "Done" appears only when all hosts have answered, and the task itself ends `active` whatever
// happened.
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "pull.h"

#include <stdlib.h>
#include <string.h>

static void set_status(struct row *task, const struct row *host, const char *text)
{
    if (*row_str(host, "name")) {
        json_object_set_new(json_object_get(task->j, "status"), row_str(host, "name"),
                            json_string(text));
        db_touch(task);
    }
}

static void answered(struct row *task, struct row *host, const char *error)
{
    json_t *pending = json_object_get(task->j, "_pending");
    if (error)
        set_status(task, host, error);
    json_object_set_new(pending, row_id(host), json_string(error ? "failed" : "pulled"));
    db_touch(task);
    const char *id;
    json_t *value;
    json_object_foreach(pending, id, value) if (!strcmp(json_string_value(value), "asked") ||
                                                !strcmp(json_string_value(value), "away")) return;
    engine_after(task, SLOT_PROCESS, 0.5, "pulltask.finish");
}

static void step_finish(struct row *task)
{
    const char *id;
    json_t *value;
    json_object_foreach(json_object_get(task->j, "_pending"), id, value)
    {
        struct row *host = db_get(T_HOST, id_num(id));
        if (host && !strcmp(json_string_value(value), "pulled"))
            set_status(task, host, "Done");
    }
    row_state(task, "active");
    engine_done(task, SLOT_PROCESS);
}

// Asks the hosts that are still to be asked; one that doesn't answer now is asked again later.
static void step_ask(struct row *task)
{
    json_t *pending = json_object_get(task->j, "_pending");
    const char *image = row_str(task, "image"), *id;
    bool cached = !strcmp(row_str(task, "mode"), "cached"), away = false;
    json_t *value;
    void *next;
    // Pulls that another process of this server had under way have to be asked for again.
    json_object_foreach_safe(
        pending, next, id, value) if (!task->runtime && !strcmp(json_string_value(value), "asked"))
        json_object_set_new(pending, id, json_string("away"));
    task->runtime = task;
    json_object_foreach_safe(pending, next, id, value)
    {
        struct row *host = db_get(T_HOST, id_num(id));
        if (!host || strcmp(json_string_value(value), "away") != 0)
            continue;
        if (!host_answers(host)) {
            away = true;
            continue;
        }
        json_object_set_new(pending, id, json_string(cached ? "pulled" : "asked"));
        if (!cached || host_holds(host, image)) {
            json_object_set_new(pending, row_id(host), json_string("asked"));
            pull_start(host, image, answered, task);
        }
    }
    db_touch(task);
    if (away)
        engine_after(task, SLOT_PROCESS, 2, "pulltask.ask");
    else if (json_object_size(pending) == 0 || cached)
        engine_after(task, SLOT_PROCESS, 0.5, cached ? "pulltask.cached" : "pulltask.finish");
}

static void step_cached(struct row *task)
{
    const char *id;
    json_t *value;
    json_object_foreach(
        json_object_get(task->j, "_pending"), id,
        value) if (!strcmp(json_string_value(value), "asked")) return; // `answered` ends the task
    step_finish(task);
}

struct row *pulltask_create(int project, json_t *body)
{
    const char *image = json_string_value(json_object_get(body, "image"));
    const char *mode = json_string_value(json_object_get(body, "mode"));
    json_t *labels = json_object_get(body, "labels");
    struct row *task =
        db_new(T_GENERIC, project,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:O?, s:{}, s:{}}", "type", "pullTask", "kind",
                         "pullTask", "state", "requested", "image", image ? image : "", "mode",
                         mode ? mode : "all", "labels", json_is_object(labels) ? labels : NULL,
                         "status", "_pending"));
    row_state(task, "activating");
    bool valid = image && image_is_valid(image);
    for (int n = 1; n <= db_count(T_HOST); n++) {
        struct row *host = db_get(T_HOST, n);
        // Only active hosts are asked; one whose agent is away is still `active` to the allocator.
        if (!host || host->project != project || !row_state_is(host, "active") ||
            !host_has_labels(host, labels))
            continue;
        set_status(task, host, "Pulling");
        if (valid && !row_true(host, "_noAgent"))
            json_object_set_new(json_object_get(task->j, "_pending"), row_id(host),
                                json_string("away"));
    }
    engine_after(task, SLOT_PROCESS, 0.5, "pulltask.ask");
    return task;
}

void pulltask_init(void)
{
    static const struct step steps[] = {
        {"pulltask.ask", step_ask},
        {"pulltask.cached", step_cached},
        {"pulltask.finish", step_finish},
    };
    engine_register(steps, sizeof steps / sizeof *steps);
}
