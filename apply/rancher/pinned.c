/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/pinned.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/job.h"
#include "apply/rancher/recreate.h"
#include "apply/rancher/roll.h"
#include "apply/rancher/service.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

const char *dr_pinned_image(const json_t *balancer, const char *reference)
{
    const char *image = json_string_value(dr_json_at(balancer, "launchConfig", "imageUuid", NULL));

    return image && *image && !dr_job_same_image(image, reference) ? image : NULL;
}

static enum dr_pinned wish(const struct dr_rancher_job *job)
{
    return job->wishes ? job->wishes->pinned : DR_PINNED_REPORT;
}

bool dr_pinned_is_wanted(const struct dr_rancher_job *job, const json_t *balancer)
{
    const char *state = dr_json_string_or(balancer, "state", "");
    bool active = strcmp(state, "active") == 0;

    if (!dr_pinned_image(balancer, job->agent_instance))
        return false;
    /* An upgrade would leave an inactive one active. */
    return (wish(job) == DR_PINNED_UPGRADE && active) ||
           (wish(job) == DR_PINNED_RECREATE && (active || strcmp(state, "inactive") == 0));
}

const char *dr_pinned_action(const struct dr_rancher_job *job)
{
    return wish(job) == DR_PINNED_UPGRADE ? "upgrade in Rancher with the image cleared"
                                          : "re-create the whole service without the image";
}

const char *dr_pinned_interruption(const struct dr_rancher_job *job)
{
    return wish(job) == DR_PINNED_UPGRADE
               ? "its instances are stopped one by one"
               : "the whole balancer is away from its removal until the new one is healthy";
}

/* ---- the upgrade */

static int start_upgrade(const struct dr_rancher_job *job, const json_t *entry, struct dr_err *err)
{
    const char *project = dr_json_string_or(entry, "environmentId", "");
    const char *id = dr_json_string_or(entry, "serviceId", "");
    json_auto_t *service = dr_service_look(job->rancher, project, id, err);
    json_auto_t *config = json_deep_copy(json_object_get(service, "launchConfig"));
    json_auto_t *body = NULL;

    if (!service)
        return -1;
    if (strcmp(dr_json_string_or(service, "state", ""), "active") != 0)
        return 0;
    if (!dr_pinned_image(service, job->agent_instance))
        return 0;
    /* Said in so many words: a field that is left out could be taken for one that stays. */
    if (!config || json_object_set_new(config, "imageUuid", json_null()) < 0)
        return dr_fail_memory(err);
    json_object_del(config, "version");
    body = json_pack("{s:{s:i, s:i, s:b, s:O}}", "inServiceStrategy", "batchSize", 1,
                     "intervalMillis", 2000, "startFirst", 0, "launchConfig", config);
    if (!body)
        return dr_fail_memory(err);
    return dr_service_act(job->rancher, project, id, "upgrade", body, "upgrade a balancer", err);
}

static int upgrade(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err)
{
    struct dr_rancher *rancher = job->rancher;
    const char *project = dr_json_string_or(entry, "environmentId", "");
    const char *id = dr_json_string_or(entry, "serviceId", "");
    size_t instances = (size_t)dr_json_int_or(entry, "instances", 1);
    json_auto_t *service = NULL;

    if (start_upgrade(job, entry, err) < 0)
        return -1;
    service = dr_service_look(rancher, project, id, err);
    if (!service)
        return -1;
    /* A kill may have come after it was finished. */
    if (strcmp(dr_json_string_or(service, "state", ""), "upgrading") == 0 &&
        dr_service_wait(rancher, project, id, "upgraded", "upgrade a balancer", err) < 0)
        return dr_err_advise(err, "cancel or roll back that upgrade in Rancher, or wait for it; "
                                  "then run drover again");
    json_decref(service);
    service = dr_service_look(rancher, project, id, err);
    if (!service)
        return -1;
    if (strcmp(dr_json_string_or(service, "state", ""), "upgraded") == 0 &&
        (dr_service_wait_well(rancher, project, id, job->agent_instance, instances,
                              "upgrade a balancer", err) < 0 ||
         dr_service_act(rancher, project, id, "finishupgrade", NULL, "finish a balancer's upgrade",
                        err) < 0))
        return -1;
    if (dr_service_wait(rancher, project, id, "active", "finish a balancer's upgrade", err) < 0)
        return -1;
    return dr_service_wait_well(rancher, project, id, job->agent_instance, instances,
                                "wait for an upgraded balancer", err);
}

/* ---- both */

static int finish(const struct dr_rancher_job *job, json_t *entry, bool resumed, struct dr_err *err)
{
    struct dr_rancher *rancher = job->rancher;
    const char *name = dr_json_string_or(entry, "name", "?");
    bool recreates = strcmp(dr_json_string_or(entry, "way", ""), "recreate") == 0;
    double started = dr_clock();
    double seconds;
    int done;

    rancher->steady++;
    done = recreates ? dr_recreate_run(job, entry, err) : upgrade(job, entry, err);
    rancher->steady--;
    if (done < 0) {
        dr_err_wrap(err, "balancer %s", name);
        return recreates
                   ? dr_err_advise(err, "its whole definition is in drover's journal, nothing "
                                        "of it is lost: mend it, then run drover again")
                   : -1;
    }
    /* One that a kill cut short was away since then. */
    seconds = resumed ? dr_job_since_removal(entry) : dr_clock() - started;
    dr_log_say(job->log, "balancer %s: %s without the image %s in %.1fs", name,
               recreates ? "re-created" : "upgraded", dr_json_string_or(entry, "before", "?"),
               seconds);
    if (dr_json_set(entry, "seconds", json_real(seconds), err) < 0 ||
        dr_json_set(entry, "at_most", json_boolean(resumed), err) < 0 ||
        dr_json_set(entry, "after", json_string(job->agent_instance), err) < 0)
        return -1;
    return dr_job_changed(job, err);
}

int dr_pinned_run(const struct dr_rancher_job *job, const json_t *environment,
                  const json_t *balancer, struct dr_err *err)
{
    const char *id = dr_json_string_or(balancer, "id", "");
    dr_autofree char *name = dr_roll_name(balancer, err);
    bool recreates = wish(job) == DR_PINNED_RECREATE;
    size_t instances = json_array_size(json_object_get(balancer, "instances"));
    json_t *entry;

    if (!name || dr_stop_check(err, "balancers are being replaced") < 0)
        return -1;
    entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:b}", "environment",
                      dr_json_string_or(environment, "name", "?"), "environmentId",
                      dr_json_string_or(environment, "id", ""), "serviceId", id, "name", name,
                      "way", recreates ? "recreate" : "upgrade", "before",
                      dr_job_image(dr_pinned_image(balancer, job->agent_instance)), "instances",
                      (json_int_t)instances, "removed_at", dr_job_now(), "active",
                      strcmp(dr_json_string_or(balancer, "state", ""), "active") == 0);
    if (entry && recreates && dr_recreate_define(job, entry, err) < 0) {
        json_decref(entry);
        return -1;
    }
    if (dr_job_note(job, "pinned", entry, &entry, err) < 0 || dr_job_changed(job, err) < 0)
        return -1;
    return finish(job, entry, false, err);
}

int dr_pinned_resume(const struct dr_rancher_job *job, const json_t *environment,
                     struct dr_err *err)
{
    const char *id = dr_json_string_or(environment, "id", "");
    json_t *entry;

    while ((entry = dr_job_open_entry(job, "pinned", "environmentId", id, NULL, NULL))) {
        dr_log_say(job->log, "balancer %s: an earlier run began to %s it; going on",
                   dr_json_string_or(entry, "name", "?"), dr_json_string_or(entry, "way", "?"));
        if (finish(job, entry, true, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the proof */

static void map_ids(json_t *rows, const char *key, const char *from, const char *to)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (strcmp(dr_json_string_or(row, key, ""), from) == 0)
            json_object_set_new(row, key, json_string(to));
    }
}

static void forget_what_is_new(json_t *balancer, bool recreated)
{
    static const char *const lost[] = {"uuid",          "created", "createdTS", "externalId",
                                       "startOnCreate", "self",    NULL};
    json_t *config = json_object_get(balancer, "launchConfig");

    json_object_del(config, "imageUuid");
    json_object_del(config, "version");
    for (size_t i = 0; recreated && lost[i]; i++)
        json_object_del(balancer, lost[i]);
}

static void expect(json_t *environment, const json_t *entry)
{
    const char *id = dr_json_string_or(entry, "serviceId", "");
    const char *now = dr_json_string_or(entry, "newId", id);
    json_t *balancers = json_object_get(environment, "balancers");
    json_t *balancer;
    size_t i;

    json_array_foreach(balancers, i, balancer)
    {
        if (strcmp(dr_json_string_or(balancer, "id", ""), id) == 0) {
            forget_what_is_new(balancer, strcmp(id, now) != 0);
            /* An inactive one that was made again has no stopped instances any more. */
            if (!dr_json_true(entry, "active"))
                json_array_clear(json_object_get(balancer, "instances"));
        }
        map_ids(json_object_get(balancer, "links_out"), "serviceId", id, now);
        map_ids(json_object_get(balancer, "links_in"), "serviceId", id, now);
    }
    map_ids(balancers, "id", id, now);
    map_ids(json_object_get(environment, "services"), "id", id, now);
}

static bool is_in(const json_t *entry, const json_t *environment)
{
    return strcmp(dr_json_string_or(entry, "environmentId", ""),
                  dr_json_string_or(environment, "id", "")) == 0;
}

const json_t *dr_pinned_expected(const struct dr_rancher_job *job, const json_t *environment,
                                 json_t **ret_copy, struct dr_err *err)
{
    const json_t *entries = json_object_get(job->report, "pinned");
    const json_t *entry;
    size_t i;

    *ret_copy = NULL;
    json_array_foreach(entries, i, entry)
    {
        if (!is_in(entry, environment))
            continue;
        /* A copy of thousands of balancers only where it has to differ. */
        if (!*ret_copy)
            *ret_copy = json_deep_copy(environment);
        if (!*ret_copy) {
            dr_fail_memory(err);
            return NULL;
        }
        expect(*ret_copy, entry);
    }
    return *ret_copy ? *ret_copy : environment;
}
