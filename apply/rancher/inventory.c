/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/inventory.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apply/rancher/client.h"
#include "apply/rancher/job.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *const setting_names[] = {
    "agent.instance.image",
    "agent.instance.image.uuid",
    "bootstrap.required.image",
    "rancher.server.version",
    "rancher.server.image",
    "cattle.version",
    "api.host",
};

const char *dr_inventory_counted(const json_t *counts, const char *key, const char *noun,
                                 char ret[40])
{
    int64_t count = dr_json_int_or(counts, key, 0);

    snprintf(ret, 40, "%lld %s%s", (long long)count, noun, count == 1 ? "" : "s");
    return ret;
}

static int take_settings(struct dr_rancher *rancher, json_t *inventory, struct dr_err *err)
{
    static const char *const keys[] = {"value", "activeValue", "source", "inDb", NULL};
    json_t *settings = json_object();

    if (dr_json_set(inventory, "settings", settings, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof setting_names / sizeof *setting_names; i++) {
        struct dr_err failure = DR_ERR_INIT;
        dr_autofree char *url = dr_text_format(err, "/settings/%s", setting_names[i]);
        json_auto_t *setting = url ? dr_client_get(rancher, url, "read a setting", &failure) : NULL;

        if (!setting && (failure.code == DR_ERR_ABSENT || failure.code == DR_ERR_AUTH))
            continue;
        if (!setting) {
            if (err)
                *err = failure;
            return -1;
        }
        if (dr_json_set(settings, setting_names[i], dr_survey_pick(setting, keys), err) < 0)
            return -1;
    }
    return 0;
}

static int on_project(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id", "name", "uuid", "createdTS", "state", NULL};
    const char *state = dr_json_string_or(row, "state", "?");
    json_t *environment = dr_survey_pick(row, keys);
    dr_autofree char *skipped = NULL;

    if (dr_json_append(context, environment, err) < 0)
        return -1;
    if (strcmp(state, "active") == 0)
        return 0;
    skipped = dr_text_format(err, "its state is '%s': Rancher allows no changes in it", state);
    return skipped ? dr_json_set(environment, "skipped", json_string(skipped), err) : -1;
}

/* Each key shows its own; what was seen with another one is not taken twice. */
static int list_environments(struct dr_rancher *rancher, json_t *environments, struct dr_err *err)
{
    bool all = rancher->access == DR_RANCHER_OPEN || rancher->access == DR_RANCHER_ADMIN;
    const char *project;
    json_t *header;

    if (all || json_object_size(rancher->by_project) == 0)
        return dr_client_list(rancher, all ? "/projects?all=true" : "/projects", NULL, on_project,
                              environments, "read the environments", err);
    json_object_foreach(rancher->by_project, project, header)
    {
        dr_autofree char *url = dr_text_format(err, "/projects/%s", project);
        json_auto_t *row = url ? dr_client_get(rancher, url, "read an environment", err) : NULL;

        if (!row || on_project(environments, row, err) < 0)
            return -1;
    }
    return 0;
}

static int take_environments(struct dr_rancher *rancher, json_t *inventory, json_t *unseen,
                             struct dr_err *err)
{
    json_t *environments = json_array();
    json_t *environment;
    size_t i;

    if (dr_json_set(inventory, "environments", environments, err) < 0 ||
        list_environments(rancher, environments, err) < 0)
        return -1;
    json_array_foreach(environments, i, environment)
    {
        if (!json_object_get(environment, "skipped") &&
            dr_survey_environment(rancher, environment, unseen, err) < 0)
            return -1;
    }
    return 0;
}

/* What an operator must know before he trusts the word "all". */
static int note_blind_spots(const struct dr_rancher *rancher, const json_t *inventory,
                            json_t *unseen, struct dr_err *err)
{
    const json_t *settings = json_object_get(inventory, "settings");

    if (rancher->access == DR_RANCHER_ENVIRONMENT &&
        dr_json_append(unseen,
                       json_string(rancher->keys
                                       ? "all environments but those above: none of the API keys "
                                         "belongs to them"
                                       : "all other environments: the API key belongs to a single "
                                         "one"),
                       err) < 0)
        return -1;
    if (rancher->access == DR_RANCHER_ACCOUNT &&
        dr_json_append(unseen,
                       json_string("environments that the API key's account is no member of"),
                       err) < 0)
        return -1;
    if (json_object_get(settings, "agent.instance.image"))
        return 0;
    return dr_json_append(
        unseen, json_string("the setting agent.instance.image and its source (admins only)"), err);
}

static int count_all(json_t *inventory, struct dr_err *err)
{
    static const char *const lists[] = {"hosts", "network_agents", "balancers", "services"};
    const json_t *environments = json_object_get(inventory, "environments");
    const json_t *environment;
    const json_t *balancer;
    json_t *counts = json_object();
    size_t sums[4] = {0};
    size_t instances = 0;
    size_t i;
    size_t k;

    json_array_foreach(environments, i, environment)
    {
        for (k = 0; k < 4; k++)
            sums[k] += json_array_size(json_object_get(environment, lists[k]));
        json_array_foreach(json_object_get(environment, "balancers"), k, balancer)
        {
            instances += json_array_size(json_object_get(balancer, "instances"));
        }
    }
    if (dr_json_set(inventory, "counts", counts, err) < 0 ||
        dr_json_set(counts, "environments", json_integer((json_int_t)json_array_size(environments)),
                    err) < 0 ||
        dr_json_set(counts, "balancer_instances", json_integer((json_int_t)instances), err) < 0)
        return -1;
    for (k = 0; k < 4; k++) {
        if (dr_json_set(counts, lists[k], json_integer((json_int_t)sums[k]), err) < 0)
            return -1;
    }
    return 0;
}

json_t *dr_inventory_take(struct dr_rancher *rancher, struct dr_err *err)
{
    enum dr_rancher_access access;
    char version[64];
    char taken[32];
    json_t *unseen = json_array();
    json_auto_t *inventory = NULL;

    dr_text_time(time(NULL), taken);
    if (dr_rancher_probe(rancher, &access, err) < 0 ||
        dr_rancher_version(rancher, version, err) < 0) {
        json_decref(unseen);
        return NULL;
    }
    inventory = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}", "format", 1, "url", rancher->base,
                          "taken", taken, "version", version, "access",
                          dr_rancher_access_name(access), "unseen", unseen);
    if (!inventory) {
        dr_fail_memory(err);
        return NULL;
    }
    if (take_settings(rancher, inventory, err) < 0 ||
        take_environments(rancher, inventory, unseen, err) < 0 ||
        note_blind_spots(rancher, inventory, unseen, err) < 0 || count_all(inventory, err) < 0)
        return NULL;
    return dr_steal(inventory);
}

/* ---- for people */

static int row(json_t *rows, const char *kind, const char *name, const char *state,
               const char *image, const char *where, struct dr_err *err)
{
    return dr_json_append(rows,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kind, "name", name,
                                    "state", state, "image", image, "where", where),
                          err);
}

static int host_rows(const json_t *environment, json_t *rows, struct dr_err *err)
{
    const char *where = dr_json_string_or(environment, "name", "?");
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(environment, "hosts"), i, object)
    {
        const char *state = dr_json_string_or(object, "state", "?");
        const char *agent = dr_json_string_or(object, "agentState", "active");

        if (row(rows, "host", dr_json_string_or(object, "name", "?"),
                strcmp(agent, "active") == 0 ? state : agent, "", where, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(environment, "network_agents"), i, object)
    {
        const char *host = dr_json_string_or(object, "hostId", "?");

        if (row(rows, "network agent", dr_job_host_name(environment, host),
                dr_json_string_or(object, "state", "?"),
                dr_job_image(dr_json_string_or(object, "imageUuid", NULL)), where, err) < 0)
            return -1;
    }
    return 0;
}

static int balancer_rows(const json_t *environment, json_t *rows, struct dr_err *err)
{
    const json_t *balancer;
    const json_t *instance;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(environment, "balancers"), i, balancer)
    {
        const char *stack = dr_json_string_or(balancer, "stack", "?");
        const char *name = dr_json_string_or(balancer, "name", "?");
        dr_autofree char *whole = dr_text_format(err, "%s/%s", stack, name);

        if (!whole || row(rows, "balancer", whole, dr_json_string_or(balancer, "state", "?"), "",
                          dr_json_string_or(environment, "name", "?"), err) < 0)
            return -1;
        json_array_foreach(json_object_get(balancer, "instances"), k, instance)
        {
            const char *host = dr_json_string_or(instance, "hostId", "?");

            if (row(rows, "balancer instance", dr_json_string_or(instance, "name", "?"),
                    dr_json_string_or(instance, "healthState",
                                      dr_json_string_or(instance, "state", "?")),
                    dr_job_image(dr_json_string_or(instance, "imageUuid", NULL)),
                    dr_job_host_name(environment, host), err) < 0)
                return -1;
        }
    }
    return 0;
}

int dr_inventory_rows(const json_t *inventory, json_t *rows, struct dr_err *err)
{
    const json_t *environment;
    size_t i;

    json_array_foreach(json_object_get(inventory, "environments"), i, environment)
    {
        const char *skipped = dr_json_string_or(environment, "skipped", "");

        if (row(rows, "environment", dr_json_string_or(environment, "name", "?"),
                dr_json_string_or(environment, "state", "?"), "", skipped, err) < 0 ||
            host_rows(environment, rows, err) < 0 || balancer_rows(environment, rows, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- is it the same Rancher? */

static json_t *same_environment(const json_t *inventory, const json_t *environment)
{
    return dr_job_find(inventory, "environments", dr_json_string_or(environment, "id", ""));
}

static int check_list(const json_t *before, const json_t *after, const char *list, const char *kind,
                      struct dr_err *err)
{
    const json_t *object;
    json_auto_t *ids = json_object();
    size_t i;

    json_array_foreach(json_object_get(after, list), i, object)
    {
        if (dr_json_set(ids, dr_json_string_or(object, "id", ""), json_true(), err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(before, list), i, object)
    {
        const char *id = dr_json_string_or(object, "id", "");

        if (!json_object_get(ids, id))
            return dr_fail(err, DR_ERR_PROOF, "%s '%s' (%s) of environment '%s' is gone", kind,
                           dr_json_string_or(object, "name", id), id,
                           dr_json_string_or(before, "name", "?"));
    }
    return 0;
}

static int check_environments(const json_t *before, const json_t *after, struct dr_err *err)
{
    const json_t *environment;
    size_t i;

    json_array_foreach(json_object_get(before, "environments"), i, environment)
    {
        const char *uuid = dr_json_string_or(environment, "uuid", "");
        const json_t *same = same_environment(after, environment);

        /* A fresh database has an environment 1a5 of its own, with another history. */
        if (!same || strcmp(uuid, dr_json_string_or(same, "uuid", "")) != 0)
            return dr_fail(err, DR_ERR_PROOF, "environment '%s' is gone",
                           dr_json_string_or(environment, "name", "?"));
        if (check_list(environment, same, "hosts", "host", err) < 0 ||
            check_list(environment, same, "services", "service", err) < 0)
            return -1;
    }
    return 0;
}

int dr_inventory_check(const struct dr_rancher_job *job, json_t **ret_after, struct dr_err *err)
{
    json_auto_t *after = dr_inventory_take(job->rancher, err);
    json_int_t had;
    json_int_t have;

    if (!after)
        return -1;
    had = json_integer_value(dr_json_at(job->inventory, "counts", "hosts", NULL));
    have = json_integer_value(dr_json_at(after, "counts", "hosts", NULL));
    if (had > 0 && have == 0) {
        dr_fail(err, DR_ERR_PROOF,
                "Rancher knows no host any more (there were %" JSON_INTEGER_FORMAT
                "): it came up with an empty database",
                had);
        return dr_err_advise(err, "stop it, nothing is lost yet: drover rollback");
    }
    if (check_environments(job->inventory, after, err) < 0) {
        dr_err_wrap(err, "compare Rancher with what it was before the upgrade");
        return dr_err_advise(err, "if nobody removed it meanwhile, the database is not the same "
                                  "one: drover rollback");
    }
    if (ret_after)
        *ret_after = dr_steal(after);
    return 0;
}
