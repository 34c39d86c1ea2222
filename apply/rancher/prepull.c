/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/prepull.h"

#include <string.h>

#include "apply/rancher/advice.h"
#include "apply/rancher/client.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/job.h"
#include "apply/rancher/probe.h"
#include "apply/rancher/settings.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define PULL_SECONDS 1800
#define SILENCE_SECONDS 600 /* how long a finished task may leave a host at "Pulling" */
#define TASK_TRIES 4
#define OTHERS_SECONDS 60 /* how long to wait for the others once one has failed */

/* One image on its way to one environment's hosts. */
struct pull {
    const struct dr_rancher_job *job;
    const char *project;
    const char *environment;
    const json_t *row; /* the environment in the inventory */
    const char *image;
    size_t hosts;
    json_t *named;   /* name: true, of hosts that a pull task's answer can tell apart */
    json_t *unnamed; /* host id: what people call it */
    unsigned failures;
    struct dr_err first; /* the first failing host's */
};

/* ---- plan */

static int plan_host(const json_t *host, const char *environment, json_t *rows, struct dr_err *err)
{
    const char *state = dr_json_string_or(host, "state", "?");
    const char *agent = dr_json_string_or(host, "agentState", "active");
    bool away = strcmp(state, "active") == 0;
    dr_autofree char *object =
        dr_text_format(err, "host %s (%s)", dr_json_string_or(host, "name", "?"), environment);
    dr_autofree char *why =
        away ? dr_text_format(
                   err,
                   "its agent is '%s': wait two minutes if Rancher was just restarted, else "
                   "bring it back or deactivate it",
                   agent)
             : dr_text_format(err, "its state is '%s': upgrade it when it is active again", state);
    const struct dr_row row = {"pre-pull", object,
                               away ? "must be back before the start" : "left alone", why, ""};

    return object && why ? dr_job_row(rows, &row, err) : -1;
}

static int plan_skipped(const json_t *host, const char *environment, json_t *rows,
                        struct dr_err *err)
{
    dr_autofree char *object =
        dr_text_format(err, "host %s (%s)", dr_json_string_or(host, "name", "?"), environment);
    bool active = strcmp(dr_json_string_or(host, "state", ""), "active") == 0;
    const struct dr_row row = {
        "pre-pull", object, "left alone", "--skip-host",
        active ? "deactivate it in Rancher, or balancer instances may be placed on it" : ""};

    return object ? dr_job_row(rows, &row, err) : -1;
}

static int plan_environment(const struct dr_rancher_job *job, const json_t *environment,
                            void *context, struct dr_err *err)
{
    const char *name = dr_json_string_or(environment, "name", "?");
    bool agent = dr_settings_agent_changes(job, environment);
    bool instance = dr_settings_instance_changes(job, environment);
    const json_t *host;
    dr_autofree char *object = NULL;
    dr_autofree char *action = NULL;
    unsigned active = 0;
    size_t i;

    json_array_foreach(json_object_get(environment, "hosts"), i, host)
    {
        if (dr_hosts_is_skipped(job, host)) {
            if (plan_skipped(host, name, context, err) < 0)
                return -1;
            continue;
        }
        if (dr_json_true(host, "active"))
            active++;
        else if ((agent || instance) && plan_host(host, name, context, err) < 0)
            return -1;
    }
    if ((!agent && !instance) || active == 0)
        return 0;
    object = dr_text_format(err, "environment %s: %u host%s", name, active, active == 1 ? "" : "s");
    action = dr_text_format(err, "pull %s%s%s", agent ? job->agent : "",
                            agent && instance ? " and " : "", instance ? job->agent_instance : "");
    return object && action
               ? dr_job_row(context,
                            &(struct dr_row){"pre-pull", object, action,
                                             "a host that cannot pull must show before anything "
                                             "is touched",
                                             ""},
                            err)
               : -1;
}

int dr_prepull_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err)
{
    if (dr_hosts_check(job, err) < 0)
        return -1;
    return dr_job_each_environment(job, plan_environment, rows, err);
}

/* ---- the hosts of now */

static int sort_host(void *context, const json_t *row, struct dr_err *err)
{
    struct pull *pull = context;
    json_auto_t *host = dr_survey_host(row);
    const char *id = dr_json_string_or(host, "id", "");
    const char *name = dr_job_host_name(pull->row, id);
    const char *label = dr_json_string_or(host, "label_name", NULL);
    const char *state = dr_json_string_or(host, "state", "?");
    json_t *twin = label ? json_object_get(pull->named, label) : NULL;

    if (!host)
        return dr_fail_memory(err);
    if (dr_hosts_is_skipped(pull->job, host)) {
        dr_log_warn(pull->job->log, "host %s of %s is left alone: --skip-host", name,
                    pull->environment);
        return 0;
    }
    if (strcmp(state, "active") != 0) {
        dr_log_warn(pull->job->log, "host %s of %s is '%s': it is left alone", name,
                    pull->environment, state);
        return 0;
    }
    if (!dr_json_true(host, "active")) {
        dr_fail(err, DR_ERR_REFUSED, "host '%s' of environment '%s' is away (its agent is '%s')",
                name, pull->environment, dr_json_string_or(host, "agentState", "?"));
        return dr_err_advise(err,
                             "after a restart of the Rancher server hosts may be away for two "
                             "minutes and come back by themselves: wait, and run it again; if it "
                             "stays away, bring it back (docker restart rancher-agent on it), or "
                             "deactivate it in Rancher to upgrade it later");
    }
    pull->hosts++;
    if (label && !twin)
        return dr_json_set(pull->named, label, json_string(id), err);
    if (twin && json_is_string(twin)) {
        /* The second of that name: from now on neither can be told from the other. */
        const char *other = json_string_value(twin);

        if (json_object_set_new(pull->unnamed, other,
                                json_string(dr_job_host_name(pull->row, other))) < 0 ||
            json_object_set_new(pull->named, label, json_false()) < 0)
            return dr_fail_memory(err);
    }
    return dr_json_set(pull->unnamed, id, json_string(name), err);
}

static int sort_hosts(struct pull *pull, struct dr_err *err)
{
    dr_autofree char *url = dr_client_collection(pull->job->rancher, pull->project, "host", err);

    return url ? dr_client_list(pull->job->rancher, url, NULL, sort_host, pull, "read the hosts",
                                err)
               : -1;
}

/* ---- results */

/* `why` NULL: pulled. */
static int note(struct pull *pull, const char *host, const char *why, struct dr_err *err)
{
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s}", "environment", pull->environment, "host",
                              host, "image", pull->image, "result", why ? why : "pulled");

    if (!entry)
        return dr_fail_memory(err);
    if (why)
        dr_log_warn(pull->job->log, "host %s: %s was not pulled: %s", host, pull->image, why);
    else
        dr_log_say(pull->job->log, "host %s: %s is there", host, pull->image);
    if (why && pull->failures++ == 0) {
        dr_fail(&pull->first, DR_ERR_RANCHER, "host '%s' of environment '%s' cannot pull %s: %s",
                host, pull->environment, pull->image, why);
        dr_advise_pull(&pull->first, why, pull->image);
    }
    return dr_job_note(pull->job, "prepull", entry, NULL, err);
}

static const char *status_of(const json_t *task, const char *host)
{
    return json_string_value(dr_json_at(task, "status", host, NULL));
}

/* How many named hosts have a final answer, and how many of those a bad one. */
static size_t count_final(const struct pull *pull, const json_t *task, size_t *ret_bad,
                          size_t *ret_all)
{
    size_t final = 0;
    json_t *unique;
    const char *host;

    *ret_bad = *ret_all = 0;
    json_object_foreach(pull->named, host, unique)
    {
        const char *status = status_of(task, host);

        if (!json_is_string(unique))
            continue;
        ++*ret_all;
        if (!status || strcmp(status, "Pulling") == 0)
            continue;
        final++;
        *ret_bad += strcmp(status, "Done") != 0;
    }
    return final;
}

static int note_named(struct pull *pull, const json_t *task, struct dr_err *err)
{
    json_t *unique;
    const char *host;

    json_object_foreach(pull->named, host, unique)
    {
        const char *status = status_of(task, host);
        const char *why = status;

        if (!json_is_string(unique))
            continue;
        if (!status)
            why = "Rancher did not ask it (is the agent connected?)";
        else if (strcmp(status, "Pulling") == 0)
            why = "no answer from the host";
        else if (strcmp(status, "Done") == 0)
            why = NULL;
        if (note(pull, host, why, err) < 0)
            return -1;
    }
    return 0;
}

/* Until all have answered. One that answers badly ends the waiting for the others after a while,
 * and so does a task that is through and still has hosts at "Pulling": they have no agent. */
static int wait_for_task(struct pull *pull, json_t **task, struct dr_err *err)
{
    const char *self = dr_client_link(*task, "self");
    struct dr_wait wait;
    struct dr_wait silence;
    bool quiet = false;

    if (!self)
        return dr_fail(err, DR_ERR_FORMAT, "a pull task of Rancher's has no link to itself");
    dr_wait_start(&wait, PULL_SECONDS);
    dr_wait_start(&silence, SILENCE_SECONDS);
    for (;;) {
        json_t *now = dr_client_get(pull->job->rancher, self, "look at a pull task", err);
        bool busy = strcmp(dr_json_string_or(now, "transitioning", ""), "yes") == 0;
        size_t bad;
        size_t all;
        int again;

        if (!now)
            return -1;
        json_decref(*task);
        *task = now;
        self = dr_client_link(now, "self");
        if (!self || (count_final(pull, now, &bad, &all) == all && (all > 0 || !busy)))
            return 0;
        if (!quiet && (bad > 0 || !busy))
            dr_wait_start(&silence, bad > 0 ? OTHERS_SECONDS : SILENCE_SECONDS);
        quiet = bad > 0 || !busy;
        again = quiet ? dr_wait_again(&silence, "hosts pull images", err)
                      : dr_wait_again(&wait, "hosts pull images", err);
        if (again <= 0)
            return again;
    }
}

static int run_task(struct pull *pull, struct dr_err *err)
{
    struct dr_rancher *rancher = pull->job->rancher;
    dr_autofree char *url = dr_client_collection(rancher, pull->project, "pullTask", err);
    dr_autofree char *image = dr_text_format(err, "docker:%s", pull->image);
    json_auto_t *body = image ? json_pack("{s:s, s:s}", "image", image, "mode", "all") : NULL;
    json_t *task = NULL;
    int done = -1;

    if (!url || !image)
        return -1;
    if (!body)
        return dr_fail_memory(err);
    dr_log_say(pull->job->log, "%s: %zu host%s pull%s %s", pull->environment, pull->hosts,
               pull->hosts == 1 ? "" : "s", pull->hosts == 1 ? "s" : "", pull->image);
    for (unsigned tries = 0; tries < TASK_TRIES; tries++) {
        struct dr_err failure = DR_ERR_INIT;

        /* A second task for the same image does no harm, should only the answer have been lost. */
        done =
            dr_client_send(rancher, "POST", url, body, &task, "have hosts pull an image", &failure);
        if (done < 0 && err)
            *err = failure;
        if (done == 0 || failure.code != DR_ERR_NET || dr_stop_wanted())
            break;
        dr_stop_sleep(dr_scaled(2));
    }
    if (done == 0)
        done = wait_for_task(pull, &task, err);
    if (done == 0)
        done = note_named(pull, task, err);
    json_decref(task);
    return done;
}

static int on_probe(void *context, const char *host, const char *why, struct dr_err *err)
{
    return note(context, host, why, err);
}

static int pull_image(struct pull *pull, const char *image, struct dr_err *err)
{
    pull->image = image;
    if (run_task(pull, err) < 0 ||
        dr_probe_hosts(pull->job->rancher, pull->project, pull->unnamed, image, on_probe, pull,
                       err) < 0 ||
        dr_job_changed(pull->job, err) < 0)
        return -1;
    if (pull->failures == 0)
        return 0;
    if (err)
        *err = pull->first;
    if (pull->failures > 1)
        dr_err_advise(err, "%u more hosts failed", pull->failures - 1);
    return dr_err_advise(err, "nothing has been changed yet");
}

static int pull_in_environment(const struct dr_rancher_job *job, const json_t *environment,
                               void *context, struct dr_err *err)
{
    json_auto_t *named = json_object();
    json_auto_t *unnamed = json_object();
    struct pull pull = {
        .job = job,
        .project = dr_json_string_or(environment, "id", ""),
        .environment = dr_json_string_or(environment, "name", "?"),
        .row = environment,
        .named = named,
        .unnamed = unnamed,
    };
    bool agent = dr_settings_agent_changes(job, environment);
    bool instance = dr_settings_instance_changes(job, environment);

    (void)context;
    if (!named || !unnamed)
        return dr_fail_memory(err);
    if (!agent && !instance)
        return 0;
    if (sort_hosts(&pull, err) < 0)
        return -1;
    if (pull.hosts == 0)
        return 0;
    if (agent && pull_image(&pull, job->agent, err) < 0)
        return -1;
    return instance ? pull_image(&pull, job->agent_instance, err) : 0;
}

int dr_prepull_run(const struct dr_rancher_job *job, struct dr_err *err)
{
    if (dr_hosts_check(job, err) < 0)
        return -1;
    if (json_is_array(json_object_get(job->report, "prepull")))
        json_object_del(job->report, "prepull");
    return dr_job_each_environment(job, pull_in_environment, NULL, err);
}
