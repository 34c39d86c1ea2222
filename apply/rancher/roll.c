/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/roll.h"

#include <stdint.h>
#include <string.h>

#include "apply/rancher/advice.h"
#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/job.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define GLOBAL "io.rancher.scheduler.global"

void dr_roll_release(struct dr_roll *roll)
{
    json_decref(roll->service);
    json_decref(roll->instance);
    json_decref(roll->others);
    dr_successor_release(&roll->successor);
    roll->service = roll->instance = roll->others = NULL;
    roll->back = false;
}

char *dr_roll_name(const json_t *balancer, struct dr_err *err)
{
    return dr_text_format(err, "%s/%s", dr_json_string_or(balancer, "stack", "?"),
                          dr_json_string_or(balancer, "name", "?"));
}

const char *dr_roll_obstacle(const json_t *balancer, const char *reference, char ret[DR_ROLL_WORDS])
{
    const char *state = dr_json_string_or(balancer, "state", "?");
    const char *pinned = json_string_value(dr_json_at(balancer, "launchConfig", "imageUuid", NULL));

    if (pinned && *pinned && !dr_job_same_image(pinned, reference))
        snprintf(ret, DR_ROLL_WORDS,
                 "its launch configuration names the image %.100s: new instances would run that "
                 "again; --pinned recreate or --pinned upgrade replaces it",
                 dr_job_image(pinned));
    else if (strcmp(state, "active") == 0)
        return NULL;
    else if (strcmp(state, "inactive") == 0)
        snprintf(
            ret, DR_ROLL_WORDS,
            "it is inactive: delete its stopped instances in Rancher before you activate it, or "
            "they start with the old image");
    else if (strcmp(state, "upgraded") == 0 || strcmp(state, "canceled-upgrade") == 0)
        snprintf(ret, DR_ROLL_WORDS,
                 "its state is '%.40s': finish the upgrade or roll it back in Rancher, then run "
                 "drover again",
                 state);
    else
        snprintf(ret, DR_ROLL_WORDS,
                 "its state is '%.40s', and Rancher replaces instances of active balancers only",
                 state);
    return ret;
}

static bool is_global(const json_t *service)
{
    const char *text =
        json_string_value(dr_json_at(service, "launchConfig", "labels", GLOBAL, NULL));

    return text && strcmp(text, "true") == 0;
}

/* How many should run: its scale, or one per host, which only the past knows. */
static size_t should_run(const json_t *service, const json_t *balancer, size_t live)
{
    size_t before = json_array_size(json_object_get(balancer, "instances"));

    size_t scale = (size_t)dr_json_int_or(service, "scale", 1);

    if (is_global(service))
        return before > live ? before : live;
    return before > 0 && before < scale ? before : scale;
}

bool dr_roll_is_well(const json_t *service, const json_t *instance)
{
    const char *health = dr_json_string_or(instance, "healthState", NULL);

    if (!dr_container_state_is(instance, "running"))
        return false;
    if (json_is_object(dr_json_at(service, "launchConfig", "healthCheck", NULL)))
        return health && strcmp(health, "healthy") == 0;
    return !health || strcmp(health, "healthy") == 0;
}

static bool is_leaving(const json_t *instance)
{
    return dr_container_state_is(instance, "removing") ||
           dr_container_state_is(instance, "stopping");
}

/* What runs on a host that is left out stays as it is, and counts as well. */
static bool is_out_of_reach(const struct dr_roll *roll, const json_t *instance)
{
    return dr_hosts_id_is_skipped(roll->job, roll->environment,
                                  dr_json_string_or(instance, "hostId", ""));
}

static bool is_due(const struct dr_roll *roll, const json_t *instance)
{
    return !is_out_of_reach(roll, instance) &&
           (dr_job_is_due(roll->job, instance, json_object_get(roll->balancer, "instances")) ||
            dr_container_state_is(instance, "error"));
}

static int on_instance(void *context, const json_t *row, struct dr_err *err)
{
    if (is_leaving(row))
        return 0;
    return json_array_append(context, (json_t *)(uintptr_t)row) < 0 ? dr_fail_memory(err) : 0;
}

/* The service's instances of now, but those on their way out. New reference. */
static json_t *live_instances(struct dr_rancher *rancher, const json_t *service, struct dr_err *err)
{
    const char *link = dr_client_link(service, "instances");
    json_auto_t *list = json_array();

    if (!link) {
        dr_fail(err, DR_ERR_FORMAT, "service '%s' has no link to its instances",
                dr_json_string_or(service, "name", "?"));
        return NULL;
    }
    if (!list) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_client_list(rancher, link, NULL, on_instance, list, "read a balancer's instances", err) <
        0)
        return NULL;
    return dr_steal(list);
}

/* Error first (Rancher ignores those), then what does not run, then the unhealthy, then the rest:
 * while one is replaced the others should be good ones. */
static int badness(const json_t *service, const json_t *instance)
{
    if (dr_container_state_is(instance, "error"))
        return 3;
    if (!dr_container_state_is(instance, "running"))
        return 2;
    return dr_roll_is_well(service, instance) ? 0 : 1;
}

static json_t *pick(const struct dr_roll *roll, const json_t *instances, const char *host_id)
{
    json_t *worst = NULL;
    json_t *instance;
    size_t i;

    json_array_foreach(instances, i, instance)
    {
        if (!is_due(roll, instance))
            continue;
        if (host_id && (strcmp(dr_json_string_or(instance, "hostId", ""), host_id) != 0 ||
                        badness(roll->service, instance) > 0))
            continue;
        if (!worst || badness(roll->service, instance) > badness(roll->service, worst))
            worst = instance;
    }
    return worst;
}

/* Are all others well? Those that are due themselves are allowed to be ill when the chosen one is
 * ill too. */
static bool others_are_well(const struct dr_roll *roll, const json_t *instances)
{
    const json_t *instance;
    size_t live = 0;
    size_t i;

    json_array_foreach(instances, i, instance)
    {
        bool excused = is_due(roll, instance) && badness(roll->service, roll->instance) > 0;

        live++;
        if (instance != roll->instance && !excused && !is_out_of_reach(roll, instance) &&
            !dr_roll_is_well(roll->service, instance))
            return false;
    }
    return live >= roll->expected || badness(roll->service, roll->instance) == 3;
}

static int remember_others(struct dr_roll *roll, const json_t *instances, struct dr_err *err)
{
    const json_t *instance;
    size_t i;

    json_decref(roll->others);
    roll->others = json_object();
    roll->serving = 0;
    json_array_foreach(instances, i, instance)
    {
        if (dr_json_set(roll->others, dr_json_string_or(instance, "id", ""), json_true(), err) < 0)
            return -1;
        roll->serving += instance != roll->instance && dr_roll_is_well(roll->service, instance);
    }
    return roll->others ? 0 : dr_fail_memory(err);
}

/* One fresh look. 1: chosen; 0: nothing due; 2: due, but the service is not whole at the moment. */
static int choose_now(const json_t *balancer, const char *host_id, struct dr_roll *roll,
                      struct dr_err *err)
{
    struct dr_rancher *rancher = roll->job->rancher;
    json_auto_t *instances = NULL;
    char why[DR_ROLL_WORDS];
    json_t *worst;

    dr_roll_release(roll);
    roll->service =
        dr_client_get(rancher, dr_client_link(balancer, "self"), "look at a balancer", err);
    if (!roll->service)
        return -1;
    if (dr_roll_obstacle(roll->service, roll->job->agent_instance, why))
        return host_id ? 0 : 2;
    instances = live_instances(rancher, roll->service, err);
    if (!instances)
        return -1;
    roll->expected = should_run(roll->service, balancer, json_array_size(instances));
    worst = pick(roll, instances, host_id);
    if (!worst)
        return !host_id && json_array_size(instances) < roll->expected ? 2 : 0;
    roll->instance = json_incref(worst);
    if (remember_others(roll, instances, err) < 0)
        return -1;
    return others_are_well(roll, instances) ? 1 : 2;
}

int dr_roll_try(const struct dr_rancher_job *job, const json_t *environment, const json_t *balancer,
                const char *host_id, struct dr_roll *ret_roll, struct dr_err *err)
{
    ret_roll->job = job;
    ret_roll->environment = environment;
    ret_roll->balancer = balancer;
    return choose_now(balancer, host_id, ret_roll, err);
}

int dr_roll_not_whole(const struct dr_roll *roll, const json_t *balancer, struct dr_err *err)
{
    dr_autofree char *name = dr_roll_name(balancer, err);

    if (!name)
        return -1;
    dr_fail(err, DR_ERR_RANCHER,
            "balancer %s is not whole (state '%s', health '%s'), so no instance of it can be "
            "replaced",
            name, dr_json_string_or(roll->service, "state", "?"),
            dr_json_string_or(roll->service, "healthState", "?"));
    return dr_err_advise(err, "bring its other instances up in Rancher, then run drover again");
}

static int note_removal(struct dr_roll *roll, struct dr_err *err)
{
    const char *service = dr_json_string_or(roll->service, "id", "?");
    const char *name = dr_json_string_or(roll->instance, "name", "?");
    const char *host = dr_json_string_or(roll->instance, "hostId", "?");
    const char *image = dr_json_string_or(roll->instance, "imageUuid", NULL);
    json_t *entry;

    roll->entry = dr_job_open_entry(roll->job, "balancers", "serviceId", service, "name", name);
    if (roll->entry)
        return dr_json_set(roll->entry, "removed_at", json_real(dr_job_now()), err);
    entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f}", "environment",
                  dr_json_string_or(roll->environment, "name", "?"), "stack",
                  dr_json_string_or(roll->balancer, "stack", "?"), "service",
                  dr_json_string_or(roll->service, "name", "?"), "serviceId", service, "name", name,
                  "before", dr_job_image(image), "from", dr_job_host_name(roll->environment, host),
                  "serving", (json_int_t)roll->serving, "removed_at", dr_job_now());
    return dr_job_note(roll->job, "balancers", entry, &roll->entry, err);
}

int dr_roll_remove(struct dr_roll *roll, struct dr_err *err)
{
    const char *name = dr_json_string_or(roll->instance, "name", "?");
    char what[200];

    snprintf(what, sizeof what, "remove balancer instance %.100s", name);
    if (dr_container_state_is(roll->instance, "error"))
        dr_log_say(roll->job->log, "%s is in error (%s): removed, so that Rancher makes a new one",
                   name, dr_json_string_or(roll->instance, "transitioningMessage", "no reason"));
    if (note_removal(roll, err) < 0 || dr_job_changed(roll->job, err) < 0)
        return -1;
    roll->removed_at = dr_clock();
    roll->deadline = dr_clock() + dr_scaled(DR_ROLL_SECONDS);
    return dr_container_remove(roll->job->rancher, roll->instance, what, err);
}

/* The replacement among `instances`: not there before. Borrowed. */
static json_t *newcomer(const struct dr_roll *roll, const json_t *instances)
{
    json_t *instance;
    size_t i;

    json_array_foreach(instances, i, instance)
    {
        if (!json_object_get(roll->others, dr_json_string_or(instance, "id", "")))
            return instance;
    }
    return NULL;
}

/* Why the replacement is not there or not well: in the words of the last one that was seen. */
static int failed(struct dr_roll *roll, struct dr_err *err)
{
    struct dr_rancher *rancher = roll->job->rancher;
    const char *name = dr_json_string_or(roll->instance, "name", "?");
    json_auto_t *last =
        roll->successor.last ? dr_container_look(rancher, roll->successor.last, NULL) : NULL;
    const char *state = dr_json_string_or(last, "state", NULL);
    char why[DR_REASON];
    char waited[16];

    dr_text_seconds(dr_clock() - roll->removed_at, waited);
    if (dr_successor_reason(rancher, &roll->successor, why)) {
        dr_fail(err, DR_ERR_RANCHER, "balancer instance %s did not come back: %s", name, why);
        dr_advise_pull(err, why, roll->job->agent_instance);
    } else if (!state || dr_client_removed(last)) {
        dr_fail(err, DR_ERR_RANCHER, "balancer instance %s was removed, and none came back in %s",
                name, waited);
        dr_err_advise(err, "see whether a host that it may run on has its ports free");
    } else if (strcmp(state, "running") == 0) {
        dr_fail(err, DR_ERR_RANCHER,
                "the new balancer instance %s runs, but its health is '%s' after "
                "%s",
                name, dr_json_string_or(last, "healthState", "unknown"), waited);
        dr_err_advise(err, "the cross-host network (ipsec) is the usual cause: UDP 500 and 4500 "
                           "must pass between all hosts of the environment");
    } else {
        dr_fail(err, DR_ERR_RANCHER, "balancer instance %s is still '%s' after %s", name, state,
                waited);
    }
    return dr_err_advise(err, "nothing else is being replaced; mend it, then run drover again");
}

static int done(struct dr_roll *roll, struct dr_err *err)
{
    double seconds = dr_clock() - roll->removed_at;
    const char *name = dr_json_string_or(roll->successor.last, "name", "?");
    const char *host = dr_json_string_or(roll->successor.last, "hostId", "?");
    const char *from = dr_json_string_or(roll->entry, "from", "?");
    const char *to = dr_job_host_name(roll->environment, host);
    const char *before = dr_json_string_or(roll->entry, "before", "?");
    const char *after = dr_job_image(dr_json_string_or(roll->successor.last, "imageUuid", NULL));
    const char *health = dr_json_string_or(roll->successor.last, "healthState", "running");
    bool moved = strcmp(from, to) != 0;

    dr_log_say(roll->job->log,
               "balancer instance %s on %s: removed, new one %s after %.1fs (%s → %s)", name, from,
               health, seconds, before, after);
    if (moved)
        dr_log_warn(roll->job->log, "balancer instance %s moved from host %s to %s", name, from,
                    to);
    if (dr_json_set(roll->entry, "after", json_string(after), err) < 0 ||
        dr_json_set(roll->entry, "seconds", json_real(seconds), err) < 0 ||
        dr_json_set(roll->entry, "to", json_string(to), err) < 0)
        return -1;
    return dr_job_changed(roll->job, err);
}

/* 1: the replacement is well; 0: not yet; -1 and `err`: it never will be, or Rancher does not
 * answer. */
static int look(struct dr_roll *roll, struct dr_err *err)
{
    json_auto_t *instances = live_instances(roll->job->rancher, roll->service, err);
    json_t *found;

    if (!instances)
        return -1;
    found = newcomer(roll, instances);
    if (dr_successor_see(&roll->successor, found) ||
        (found && dr_container_state_is(found, "error")))
        return failed(roll, err);
    if (!found)
        return 0;
    if (!dr_job_same_image(dr_json_string_or(found, "imageUuid", NULL), roll->job->agent_instance))
        return dr_fail(err, DR_ERR_RANCHER,
                       "the new instance of balancer %s runs %s: Rancher's setting "
                       "agent.instance.image is not %s",
                       dr_json_string_or(roll->service, "name", "?"),
                       dr_job_image(dr_json_string_or(found, "imageUuid", NULL)),
                       roll->job->agent_instance);
    return dr_roll_is_well(roll->service, found) && json_array_size(instances) >= roll->expected;
}

/* 1: the old one is gone. */
static int look_at_old(struct dr_roll *roll, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    json_auto_t *now = dr_container_look(roll->job->rancher, roll->instance, &failure);

    if (failure.code == DR_ERR_ABSENT || (now && dr_client_removed(now)))
        return 1;
    if (!now) {
        if (err)
            *err = failure;
        return -1;
    }
    if (dr_clock() < roll->deadline)
        return 0;
    return dr_fail(
        err, DR_ERR_RANCHER, "the new balancer instance %s is well, but the old one is still '%s'",
        dr_json_string_or(roll->instance, "name", "?"), dr_json_string_or(now, "state", "?"));
}

int dr_roll_look(struct dr_roll *roll, struct dr_err *err)
{
    int well;

    if (roll->back)
        return look_at_old(roll, err);
    well = look(roll, err);
    if (well < 0)
        return -1;
    if (well == 0)
        return dr_clock() < roll->deadline ? 0 : failed(roll, err);
    if (done(roll, err) < 0)
        return -1;
    roll->back = true;
    roll->deadline = dr_clock() + dr_scaled(DR_ROLL_SECONDS);
    return look_at_old(roll, err);
}

int dr_roll_finish(struct dr_roll *roll, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, 10 * DR_ROLL_SECONDS);
    wait.steady = roll->job->rancher->steady > 0;
    for (;;) {
        int finished = dr_roll_look(roll, err);

        if (finished != 0)
            return finished < 0 ? -1 : 0;
        if (dr_wait_again(&wait, "waiting for a balancer instance", err) < 0)
            return -1;
    }
}
