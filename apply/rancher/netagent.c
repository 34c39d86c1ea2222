/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/netagent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/rancher/advice.h"
#include "apply/rancher/client.h"
#include "apply/rancher/health.h"
#include "apply/rancher/job.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define HOST_SECONDS 180
#define REMOVE_SECONDS 90
#define STOP_SECONDS                                                                               \
    300 /* as long as an agent may take to reconnect: it is what stops containers */
#define APPEAR_SECONDS 30 /* what a balancer instance takes to stop, and some */
#define BACK_SECONDS 300
#define NEWEST 25
#define FULL_LOOK                                                                                  \
    8 /* every so often all pages are read, should the order not be what was asked for */

static const char *project_of(const struct dr_netagent *agent)
{
    return dr_json_string_or(agent->environment, "id", "");
}

/* ---- before anything is touched */

/* A server that restarted in between makes every host reconnect: that passes, and is worth some
 * minutes. */
static int check_host(const struct dr_netagent *agent, struct dr_err *err)
{
    const json_t *known = dr_job_find(agent->environment, "hosts", agent->host_id);
    struct dr_wait wait;
    bool said = false;

    dr_wait_start(&wait, HOST_SECONDS);
    for (;;) {
        json_auto_t *row = dr_client_get(agent->job->rancher, dr_client_link(known, "self"),
                                         "look at a host", err);
        json_auto_t *host = row ? dr_survey_host(row) : NULL;
        int again;

        if (!row)
            return -1;
        if (!host)
            return dr_fail_memory(err);
        if (dr_json_true(host, "active"))
            return 0;
        if (!said)
            dr_log_say(agent->job->log, "host %s is away at the moment, waiting for it",
                       agent->host);
        said = true;
        again = dr_wait_again(&wait, "waiting for a host", err);
        if (again < 0)
            return -1;
        if (again > 0)
            continue;
        dr_fail(err, DR_ERR_RANCHER,
                "host '%s' is away (state '%s', agent '%s'), its network agent was not touched",
                agent->host, dr_json_string_or(host, "state", "?"),
                dr_json_string_or(host, "agentState", "?"));
        return dr_err_advise(err, "bring it back (docker restart rancher-agent on it), then run "
                                  "drover again");
    }
}

static bool has_due_instance_here(const struct dr_netagent *agent, const json_t *balancer)
{
    const json_t *instance;
    size_t i;

    json_array_foreach(json_object_get(balancer, "instances"), i, instance)
    {
        if (strcmp(dr_json_string_or(instance, "hostId", ""), agent->host_id) == 0 &&
            dr_job_is_due(agent->job, instance, json_object_get(balancer, "instances")))
            return true;
    }
    return false;
}

/* A balancer instance of this host that has to be replaced anyway: its stop is the event that
 * brings the network agent back, and one interruption does for both. */
static int choose_balancer(struct dr_netagent *agent, struct dr_err *err)
{
    const json_t *balancer;
    char why[DR_ROLL_WORDS];
    size_t i;

    json_array_foreach(json_object_get(agent->environment, "balancers"), i, balancer)
    {
        int found;

        if (!has_due_instance_here(agent, balancer) ||
            dr_roll_obstacle(balancer, agent->job->agent_instance, why))
            continue;
        found = dr_roll_try(agent->job, agent->environment, balancer, agent->host_id, &agent->roll,
                            err);
        if (found < 0)
            return -1;
        agent->rolls = found == 1;
        if (agent->rolls)
            return 0;
    }
    return 0;
}

static int open_entry(struct dr_netagent *agent, struct dr_err *err)
{
    const json_t *before = NULL;
    const json_t *row;
    size_t i;
    json_t *entry;

    agent->entry =
        dr_job_open_entry(agent->job, "network_agents", "hostId", agent->host_id, NULL, NULL);
    agent->resumed = agent->entry != NULL;
    if (agent->resumed)
        return 0;
    json_array_foreach(json_object_get(agent->environment, "network_agents"), i, row)
    {
        if (strcmp(dr_json_string_or(row, "hostId", ""), agent->host_id) == 0)
            before = row;
    }
    entry = json_pack(
        "{s:s, s:s, s:s, s:s, s:f}", "environment",
        dr_json_string_or(agent->environment, "name", "?"), "host", agent->host, "hostId",
        agent->host_id, "before",
        dr_job_image(dr_json_string_or(agent->old ? agent->old : before, "imageUuid", NULL)),
        "removed_at", dr_job_now());
    if (dr_job_note(agent->job, "network_agents", entry, &agent->entry, err) < 0)
        return -1;
    return dr_job_changed(agent->job, err);
}

/* ---- the change */

static int remove_old(struct dr_netagent *agent, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    json_auto_t *now = NULL;
    char what[200];

    if (!agent->old)
        return 0;
    snprintf(what, sizeof what, "remove the network agent of host '%.100s'", agent->host);
    agent->removed_at = dr_clock();
    if (dr_container_remove(agent->job->rancher, agent->old, what, err) < 0)
        return -1;
    if (dr_container_wait_removed(agent->job->rancher, agent->old, what, REMOVE_SECONDS,
                                  &failure) == 0)
        return 0;
    now = dr_container_look(agent->job->rancher, agent->old, NULL);
    if (now && dr_container_state_is(now, "stopping"))
        return dr_container_wait_removed(agent->job->rancher, agent->old, what, STOP_SECONDS, err);
    /* It has stopped, and Rancher no longer counts it: better a new one now than no network for
     * longer. */
    if (now && dr_container_state_is(now, "removing")) {
        dr_log_warn(agent->job->log, "%s; going on, since it has stopped", failure.text);
        return 0;
    }
    if (err)
        *err = failure;
    return -1;
}

/* "1i42" is newer than "1i7". */
static long long number_of(const json_t *row)
{
    const char *id = dr_json_string_or(row, "id", "1i0");
    const char *digits = strpbrk(id + (*id != '\0'), "0123456789");

    return digits ? strtoll(digits, NULL, 10) : 0;
}

static int on_agent(void *context, const json_t *row, struct dr_err *err)
{
    struct dr_netagent *agent = context;
    const char *id = dr_json_string_or(row, "id", "");

    (void)err;
    if (strcmp(dr_json_string_or(row, "systemContainer", ""), "NetworkAgent") != 0 ||
        strcmp(dr_json_string_or(row, "hostId", ""), agent->host_id) != 0 ||
        strcmp(id, dr_json_string_or(agent->old, "id", "")) == 0)
        return 0;
    if (dr_container_state_is(row, "removing") || dr_container_state_is(row, "stopping")) {
        dr_container_reason(row, agent->reason);
        return 0;
    }
    if (agent->found && number_of(agent->found) > number_of(row))
        return 0;
    json_decref(agent->found);
    agent->found = json_incref((json_t *)(uintptr_t)row);
    return 0;
}

/* Is there a new one: agent->found. With `all` every page is read, should the order not be what was
 * asked for. */
static int look(struct dr_netagent *agent, bool all, struct dr_err *err)
{
    struct dr_rancher *rancher = agent->job->rancher;
    const char *filter = "systemContainer=NetworkAgent";
    const char *what = "look for the network agent";
    dr_autofree char *url = dr_client_collection(rancher, project_of(agent), "container", err);
    int done = -1;

    json_decref(agent->found);
    agent->found = NULL;
    if (url)
        done = all ? dr_client_list(rancher, url, filter, on_agent, agent, what, err)
                   : dr_client_newest(rancher, url, filter, NEWEST, on_agent, agent, what, err);
    if (done == 0)
        dr_successor_see(&agent->successor, agent->found);
    return done;
}

static bool is_full_round(unsigned round)
{
    return round % FULL_LOOK == FULL_LOOK - 1;
}

static int wait_appears(struct dr_netagent *agent, double seconds, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, seconds);
    wait.steady = true;
    for (unsigned round = 0;; round++) {
        int again;

        if (look(agent, is_full_round(round), err) < 0)
            return -1;
        if (agent->found)
            return 0;
        again = dr_wait_again(&wait, "waiting for a network agent", err);
        if (again <= 0)
            return again;
    }
}

static int trigger(struct dr_netagent *agent, const char **ret_trigger, struct dr_err *err)
{
    *ret_trigger = "none";
    if (look(agent, !agent->old, err) < 0)
        return -1;
    if (agent->found)
        return 0;
    if (agent->rolls) {
        *ret_trigger = "balancer";
        if (dr_roll_remove(&agent->roll, err) < 0 || wait_appears(agent, APPEAR_SECONDS, err) < 0)
            return -1;
        if (agent->found)
            return 0;
    }
    *ret_trigger = "helper";
    return dr_helper_start(&agent->helper, err);
}

static int did_not_come(const struct dr_netagent *agent, double seconds, struct dr_err *err)
{
    char waited[16];
    char why[DR_REASON] = "Rancher made none";
    bool known = dr_successor_reason(agent->job->rancher, &agent->successor, why);

    dr_text_seconds(seconds, waited);
    if (!known && *agent->reason) {
        known = true;
        memcpy(why, agent->reason, sizeof why);
    }
    if (!known && agent->successor.last)
        snprintf(why, sizeof why, "it is '%.40s'",
                 dr_json_string_or(agent->successor.last, "state", "?"));
    dr_fail(err, DR_ERR_RANCHER, "the network agent of host '%s' did not come back in %s: %s",
            agent->host, waited, why);
    if (known)
        return dr_advise_pull(err, why, agent->job->agent_instance);
    return dr_err_advise(err, "on that host, see what `docker pull %s` says",
                         agent->job->agent_instance);
}

/* When the first event was used up by a start that failed, nothing brings the next one on a quiet
 * host but us. */
static int prod(struct dr_netagent *agent, double *idle_since, struct dr_err *err)
{
    if (agent->found)
        *idle_since = dr_clock();
    if (agent->helper.started || dr_clock() - *idle_since < dr_scaled(APPEAR_SECONDS))
        return 0;
    dr_log_detail(agent->job->log, "host %s: no network agent yet, starting the helper",
                  agent->host);
    return dr_helper_start(&agent->helper, err);
}

static int wait_running(struct dr_netagent *agent, struct dr_err *err)
{
    double started = dr_clock();
    double idle_since = started;
    struct dr_wait wait;

    dr_wait_start(&wait, BACK_SECONDS);
    wait.steady = true;
    for (unsigned round = 0;; round++) {
        const json_t *now;
        int again;

        if (look(agent, is_full_round(round), err) < 0)
            return -1;
        if (agent->successor.deaths >= DR_SUCCESSOR_DEATHS)
            return did_not_come(agent, dr_clock() - started, err);
        now = agent->found;
        if (now && !dr_job_same_image(dr_json_string_or(now, "imageUuid", NULL),
                                      agent->job->agent_instance))
            return dr_fail(err, DR_ERR_RANCHER,
                           "the new network agent of host '%s' runs %s: Rancher's setting "
                           "agent.instance.image is not %s",
                           agent->host, dr_job_image(dr_json_string_or(now, "imageUuid", NULL)),
                           agent->job->agent_instance);
        if (now && dr_container_state_is(now, "running"))
            return 0;
        if (prod(agent, &idle_since, err) < 0)
            return -1;
        again = dr_wait_again(&wait, "waiting for a network agent", err);
        if (again < 0)
            return -1;
        if (again == 0)
            return did_not_come(agent, dr_clock() - started, err);
    }
}

static int note_back(struct dr_netagent *agent, const char *trigger_name, struct dr_err *err)
{
    const char *before = dr_json_string_or(agent->entry, "before", "?");
    const char *image = dr_job_image(dr_json_string_or(agent->successor.last, "imageUuid", NULL));
    bool exact = agent->removed_at > 0 && !agent->resumed;
    double seconds = exact ? dr_clock() - agent->removed_at : dr_job_since_removal(agent->entry);

    dr_log_say(agent->job->log,
               "network agent on %s: removed, new one running after %s%.1fs (%s → %s)", agent->host,
               exact ? "" : "at most ", seconds, before, image);
    if (dr_json_set(agent->entry, "after", json_string(image), err) < 0 ||
        dr_json_set(agent->entry, "seconds", json_real(seconds), err) < 0 ||
        dr_json_set(agent->entry, "at_most", json_boolean(!exact), err) < 0 ||
        dr_json_set(agent->entry, "running_at", json_real(dr_job_now()), err) < 0 ||
        dr_json_set(agent->entry, "trigger", json_string(trigger_name), err) < 0)
        return -1;
    return dr_job_changed(agent->job, err);
}

static int bring_back(struct dr_netagent *agent, struct dr_err *err)
{
    const char *trigger_name = "none";

    if (remove_old(agent, err) < 0 || trigger(agent, &trigger_name, err) < 0 ||
        wait_running(agent, err) < 0) {
        return dr_err_advise(
            err,
            "containers on '%s' may be without DNS and cross-host network until one is back: run "
            "drover again, or restart any container of its managed network in Rancher; no further "
            "host is "
            "touched",
            agent->host);
    }
    return note_back(agent, trigger_name, err);
}

static int check_after(struct dr_netagent *agent, struct dr_err *err)
{
    json_t *gone = json_array();

    if (dr_json_set(agent->entry, "gone", gone, err) < 0 ||
        dr_health_wait(agent->job, agent->environment, agent->host_id, gone, err) < 0)
        return -1;
    if (json_array_size(gone) > 0)
        dr_log_warn(agent->job->log,
                    "host %s: %zu health-checked containers of before run elsewhere or no more",
                    agent->host, json_array_size(gone));
    return 0;
}

int dr_netagent_replace(struct dr_netagent *agent, json_t *left, struct dr_err *err)
{
    struct dr_rancher *rancher = agent->job->rancher;
    int done = check_host(agent, err);

    agent->helper =
        (struct dr_helper){agent->job, project_of(agent), agent->host_id, agent->host, NULL, false};

    if (done == 0)
        done = choose_balancer(agent, err);
    if (done == 0)
        done = dr_helper_arm(&agent->helper, left, err);
    if (done == 0)
        done = open_entry(agent, err);
    rancher->steady++;
    if (done == 0)
        done = bring_back(agent, err);
    dr_helper_drop(&agent->helper);
    if (done == 0 && agent->roll.removed_at > 0)
        done = dr_roll_finish(&agent->roll, err);
    rancher->steady--;
    /* Nothing is half done from here on: a wish to stop may be granted. */
    if (done == 0)
        done = check_after(agent, err);
    dr_roll_release(&agent->roll);
    dr_successor_release(&agent->successor);
    json_decref(agent->found);
    return done;
}
