/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/record_words.h"

#include <stdint.h>
#include <string.h>

#include "apply/plan.h"
#include "apply/rancher/settings.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *text_of(const json_t *state, const char *object, const char *key)
{
    return dr_json_string_or(json_object_get(state, object), key, "-");
}

/* ---- in a few words */

struct word {
    const char *outcome;
    const char *headline;
    int ok; /* -1: nothing is claimed */
};

static struct word word_of(const json_t *record)
{
    static const struct word words[] = {
        {"planned", "A plan: nothing has been changed", -1},
        {"nothing to do", "Nothing to do: all of it is so already", 1},
        {"not begun", "Not begun: nothing was changed", 0},
        {"unfinished", "Not finished", 0},
        {"stopped", "Stopped before its end", 0},
        {"failed", "Failed, and not finished", 0},
        {"undone", "Undone: the old server runs as before", 0},
        {"finished", "Done", 1},
        {"upgraded", "Upgraded and proved", 1},
        {"rolled back", "Rolled back to the old server and its database", -1},
    };
    const json_t *proof = json_object_get(record, "proof");
    const char *outcome = dr_json_string_or(record, "outcome", "");

    if (strcmp(outcome, "failed") == 0 && json_array_size(json_object_get(proof, "failed")) > 0)
        return (struct word){outcome, "Done, but the proof found something wrong", 0};
    if (strcmp(outcome, "finished") == 0)
        return json_is_object(proof) ? (struct word){outcome, "Done and proved", 1}
                                     : (struct word){outcome, "Done; the whole was not proved", -1};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].outcome, outcome) == 0)
            return words[i];
    }
    return (struct word){outcome, outcome, -1};
}

static int put_words(json_t *record, struct dr_err *err)
{
    struct word word = word_of(record);

    if (dr_json_set(record, "headline", json_string(word.headline), err) < 0)
        return -1;
    return dr_json_set(record, "ok", word.ok < 0 ? json_null() : json_boolean(word.ok), err);
}

/* ---- before and after */

static const char *setting_of(const json_t *settings, const char *name)
{
    const char *value = dr_settings_effective(settings, name);

    return value ? value : "not to be seen with this key";
}

static int put_images(json_t *record, const json_t *state, struct dr_err *err)
{
    const json_t *settings = dr_json_at(state, "inventory", "settings", NULL);
    bool server = dr_json_true(json_object_get(state, "server"), "needed");
    json_t *rows = json_array();

    if (dr_json_set(record, "images", rows, err) < 0)
        return -1;
    if (server && dr_json_append(rows,
                                 json_pack("{s:s, s:s, s:s}", "what", "server", "before",
                                           text_of(state, "server", "reference"), "after",
                                           text_of(state, "target", "server")),
                                 err) < 0)
        return -1;
    if (!json_is_object(settings))
        return 0;
    if (dr_json_append(rows,
                       json_pack("{s:s, s:s, s:s}", "what", "agent (hosts)", "before",
                                 setting_of(settings, "bootstrap.required.image"), "after",
                                 text_of(state, "target", "agent")),
                       err) < 0)
        return -1;
    return dr_json_append(rows,
                          json_pack("{s:s, s:s, s:s}", "what",
                                    "agent-instance (network agents, balancers)", "before",
                                    setting_of(settings, "agent.instance.image"), "after",
                                    text_of(state, "target", "agent_instance")),
                          err);
}

static int put_settings(json_t *record, const json_t *state, struct dr_err *err)
{
    json_t *before = dr_json_at(state, "inventory", "settings", NULL);
    const json_t *after = dr_json_at(state, "report", "proof", "settings", NULL);
    json_t *rows = json_array();
    const char *name;
    json_t *setting;

    if (dr_json_set(record, "settings", rows, err) < 0)
        return -1;
    json_object_foreach(before, name, setting)
    {
        const json_t *now = json_object_get(after, name);

        if (dr_json_append(rows,
                           json_pack("{s:s, s:s?, s:s?, s:s?}", "name", name, "before",
                                     dr_settings_effective(before, name), "after",
                                     dr_settings_effective(after, name), "source",
                                     dr_json_string_or(now ? now : setting, "source", NULL)),
                           err) < 0)
            return -1;
    }
    return 0;
}

/* ---- what was left out */

static int leave_out(json_t *rows, const char *object, const char *why, struct dr_err *err)
{
    return dr_json_append(rows, json_pack("{s:s, s:s}", "object", object, "why", why), err);
}

/* What the plan leaves alone; of what the run itself has looked at since, it knows better. */
static int add_planned(json_t *rows, const json_t *state, struct dr_err *err)
{
    bool run = json_object_get(json_object_get(state, "report"), "left_alone") != NULL ||
               dr_json_at(state, "steps", "balancers", NULL);
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(state, "plan"), i, row)
    {
        const char *step = dr_json_string_or(row, "step", "");

        if (strcmp(dr_json_string_or(row, "action", ""), DR_PLAN_LEFT_ALONE) != 0 ||
            (run && strcmp(step, "pre-pull") != 0))
            continue;
        if (leave_out(rows, dr_json_string_or(row, "object", "?"),
                      dr_json_string_or(row, "why", "?"), err) < 0)
            return -1;
    }
    return 0;
}

static int add_environments(json_t *rows, const json_t *state, struct dr_err *err)
{
    const json_t *environment;
    size_t i;

    json_array_foreach(dr_json_at(state, "inventory", "environments", NULL), i, environment)
    {
        const char *skipped = dr_json_string_or(environment, "skipped", NULL);
        dr_autofree char *object = NULL;

        if (!skipped)
            continue;
        object = dr_text_format(err, "environment %s", dr_json_string_or(environment, "name", "?"));
        if (!object || leave_out(rows, object, skipped, err) < 0)
            return -1;
    }
    return 0;
}

static int put_left_out(json_t *record, const json_t *state, struct dr_err *err)
{
    const json_t *left = dr_json_at(state, "report", "left_alone", NULL);
    json_t *rows = json_array();

    if (dr_json_set(record, "left_out", rows, err) < 0 || add_environments(rows, state, err) < 0 ||
        add_planned(rows, state, err) < 0)
        return -1;
    return left && json_array_extend(rows, (json_t *)(uintptr_t)left) < 0 ? dr_fail_memory(err) : 0;
}

/* ---- commands */

static int add_restore(json_t *list, const char *file, const char *image, struct dr_err *err)
{
    const char *name = strrchr(file, '/') + 1;
    int folder = (int)(name - file - 1);
    /* The volume has the copy's name: restored a second time into the same one, files of two databases would mix. */
    int volume = (int)(strlen(name) - (dr_text_ends(name, ".tar.gz") ? strlen(".tar.gz") : 0));

    if (dr_json_append(list,
                       json_sprintf("(cd %.*s && sha256sum -c %s.sha256)", folder, file, name),
                       err) < 0 ||
        dr_json_append(list, json_sprintf("docker volume create %.*s", volume, name), err) < 0 ||
        dr_json_append(list,
                       json_sprintf("tar -xzpf %s --numeric-owner --strip-components=1 \\\n"
                                    "    -C \"$(docker volume inspect -f '{{.Mountpoint}}' %.*s)\"",
                                    file, volume, name),
                       err) < 0)
        return -1;
    return dr_json_append(
        list, json_sprintf("docker run -d ... -v %.*s:/var/lib/mysql %s", volume, name, image),
        err);
}

static int put_restore(json_t *record, const json_t *state, struct dr_err *err)
{
    const char *file = dr_json_string_or(json_object_get(state, "backup"), "file", NULL);
    json_t *list = json_array();

    if (dr_json_set(record, "restore", list, err) < 0)
        return -1;
    if (!file || !strchr(file, '/'))
        return 0;
    return add_restore(list, file, text_of(state, "server", "reference"), err);
}

static int add_check(json_t *list, json_t *command, const char *expect, struct dr_err *err)
{
    json_t *check = json_object();

    if (dr_json_append(list, check, err) < 0) {
        json_decref(command);
        return -1;
    }
    if (dr_json_set(check, "command", command, err) < 0)
        return -1;
    return dr_json_set(check, "expect", json_string(expect), err);
}

static int put_checks(json_t *record, const json_t *state, struct dr_err *err)
{
    const json_t *ok = json_object_get(record, "ok");
    bool done =
        json_is_true(ok) || strcmp(dr_json_string_or(record, "outcome", ""), "finished") == 0;
    const char *url = dr_json_string_or(state, "rancher_url", NULL);
    const char *instance = text_of(state, "target", "agent_instance");
    bool open = strcmp(text_of(state, "inventory", "access"), "open") == 0;
    json_t *list = json_array();

    if (dr_json_set(record, "checks", list, err) < 0)
        return -1;
    if (!url || !done)
        return 0;
    if (dr_json_true(json_object_get(state, "server"), "needed") &&
        add_check(list,
                  json_sprintf("docker ps --filter name=%s", text_of(state, "server", "name")),
                  "the server's container, up", err) < 0)
        return -1;
    if (add_check(list, json_sprintf("curl %s/ping", url), "pong", err) < 0 ||
        add_check(list,
                  json_sprintf("curl %s%s/v1/settings/agent.instance.image",
                               open ? "" : "-u $RANCHER_ACCESS_KEY:$RANCHER_SECRET_KEY ", url),
                  instance, err) < 0 ||
        add_check(list, json_sprintf("docker ps --filter ancestor=%s", instance),
                  "on a host: its network agent and balancer instances", err) < 0)
        return -1;
    return add_check(
        list,
        json_sprintf("drover apply %s --registry %s --rancher-url %s --only verify",
                     text_of(state, "target", "bundle"), text_of(state, "target", "registry"), url),
        "exit status 0: everything runs the new images and is well (with the --pubkey and the API "
        "keys of before)",
        err);
}

int dr_record_words(json_t *record, const json_t *state, struct dr_err *err)
{
    if (put_words(record, err) < 0 || put_images(record, state, err) < 0 ||
        put_settings(record, state, err) < 0 || put_left_out(record, state, err) < 0 ||
        put_restore(record, state, err) < 0)
        return -1;
    return put_checks(record, state, err);
}
