/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/agents.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/job.h"
#include "apply/rancher/settings.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define SETTLE_SECONDS 150
#define BACK_SECONDS 1800

/* ---- plan */

static int plan_environment(const struct dr_rancher_job *job, const json_t *environment,
                            void *context, struct dr_err *err)
{
    const char *name = dr_json_string_or(environment, "name", "?");
    const json_t *host;
    dr_autofree char *object = NULL;
    dr_autofree char *why = NULL;
    unsigned active = 0;
    size_t i;

    json_array_foreach(json_object_get(environment, "hosts"), i, host)
    {
        active += dr_json_true(host, "active");
    }
    if (active == 0)
        return 0;
    object = dr_text_format(err, "environment %s: %u host%s", name, active, active == 1 ? "" : "s");
    why = dr_settings_agent_changes(job, environment)
              ? dr_text_format(err, "their agents replace themselves by %s", job->agent)
              : dr_text_format(err, "their agents lose the old server and find the new one");
    if (!object || !why)
        return -1;
    return dr_job_row(context,
                      &(struct dr_row){"agents", object, "wait until all are back and stay", why,
                                       "containers run on; no changes through Rancher meanwhile"},
                      err);
}

int dr_agents_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err)
{
    return dr_job_each_environment(job, plan_environment, rows, err);
}

/* ---- wait */

/* What is known of all hosts that have to come back. */
struct watch {
    json_t *hosts; /* "1a5/1h1": {"host", "environment", "away": bool, "reconnected": bool} */
    json_t *seen;  /* those of `hosts` that the present round saw active */
    const char *project;
    const struct dr_log *log;
};

static int expect_hosts(const struct dr_rancher_job *job, const json_t *environment, void *context,
                        struct dr_err *err)
{
    struct watch *watch = context;
    const char *project = dr_json_string_or(environment, "id", "");
    const json_t *host;
    size_t i;

    json_array_foreach(json_object_get(environment, "hosts"), i, host)
    {
        dr_autofree char *key =
            dr_text_format(err, "%s/%s", project, dr_json_string_or(host, "id", ""));
        json_t *entry = json_pack(
            "{s:s, s:s, s:b, s:b}", "host", dr_json_string_or(host, "name", "?"), "environment",
            dr_json_string_or(environment, "name", "?"), "away", 0, "reconnected", 0);

        if (!key || !dr_json_true(host, "active") || dr_hosts_is_skipped(job, host)) {
            json_decref(entry);
            if (!key)
                return -1;
            continue;
        }
        if (dr_json_set(watch->hosts, key, entry, err) < 0)
            return -1;
    }
    return 0;
}

static int on_host(void *context, const json_t *row, struct dr_err *err)
{
    struct watch *watch = context;
    json_auto_t *host = dr_survey_host(row);
    dr_autofree char *key =
        dr_text_format(err, "%s/%s", watch->project, dr_json_string_or(row, "id", ""));

    if (!host || !key)
        return dr_fail_memory(err);
    if (!json_object_get(watch->hosts, key) || !dr_json_true(host, "active"))
        return 0;
    return dr_json_set(watch->seen, key, json_true(), err);
}

static int look_at_environment(const struct dr_rancher_job *job, const json_t *environment,
                               void *context, struct dr_err *err)
{
    struct watch *watch = context;
    dr_autofree char *url = NULL;

    watch->project = dr_json_string_or(environment, "id", "");
    url = dr_client_collection(job->rancher, watch->project, "host", err);
    return url ? dr_client_list(job->rancher, url, NULL, on_host, watch, "read the hosts", err)
               : -1;
}

/* One round over all hosts. `ret_away`: how many are not there, `ret_changed`: somebody came or
 * went. */
static int look(const struct dr_rancher_job *job, struct watch *watch, size_t *ret_away,
                bool *ret_changed, struct dr_err *err)
{
    const char *key;
    json_t *entry;

    *ret_away = 0;
    *ret_changed = false;
    json_object_clear(watch->seen);
    if (dr_job_each_environment(job, look_at_environment, watch, err) < 0)
        return -1;
    json_object_foreach(watch->hosts, key, entry)
    {
        bool away = !json_object_get(watch->seen, key);
        const char *host = dr_json_string_or(entry, "host", "?");

        *ret_away += away;
        if (away == dr_json_true(entry, "away"))
            continue;
        *ret_changed = true;
        dr_log_say(job->log, "host %s: %s", host,
                   away ? "reconnecting (its agent runs the new server's bootstrap)" : "back");
        if (dr_json_set(entry, "away", json_boolean(away), err) < 0 ||
            dr_json_set(entry, "reconnected", json_true(), err) < 0)
            return -1;
    }
    return 0;
}

static int still_away(const struct dr_rancher_job *job, const struct watch *watch, size_t away,
                      double seconds, struct dr_err *err)
{
    const char *key;
    const char *first = "?";
    char waited[16];
    json_t *entry;

    dr_text_seconds(seconds, waited);
    json_object_foreach(watch->hosts, key, entry)
    {
        if (!dr_json_true(entry, "away"))
            continue;
        first = dr_json_string_or(entry, "host", "?");
        dr_log_warn(job->log, "host %s of %s is not back", first,
                    dr_json_string_or(entry, "environment", "?"));
    }
    dr_fail(err, DR_ERR_RANCHER, "%zu host%s not back %s after the server, among them '%s'", away,
            away == 1 ? " is" : "s are", waited, first);
    return dr_err_advise(
        err,
        "on such a host: docker logs rancher-agent says why; docker pull %s if its "
        "registry wants a password; docker restart rancher-agent; then run drover "
        "again",
        job->agent);
}

static int wait_stable(const struct dr_rancher_job *job, struct watch *watch, double settle,
                       struct dr_err *err)
{
    struct dr_wait wait;
    double stable_since = dr_clock();
    size_t away = 0;

    dr_wait_start(&wait, BACK_SECONDS);
    for (;;) {
        bool changed;
        int again;

        if (look(job, watch, &away, &changed, err) < 0)
            return -1;
        if (away > 0 || changed)
            stable_since = dr_clock();
        if (away == 0 && dr_clock() - stable_since >= settle)
            return 0;
        /* The limit is for hosts that are away, not for the settling. */
        if (away == 0)
            wait.end = dr_clock() + dr_scaled(BACK_SECONDS);
        again = dr_wait_again(&wait, "waiting for the hosts", err);
        if (again < 0)
            return -1;
        if (again == 0)
            return still_away(job, watch, away, dr_wait_seconds(&wait), err);
    }
}

static int report(const struct dr_rancher_job *job, const struct watch *watch, double seconds,
                  struct dr_err *err)
{
    json_t *hosts = json_array();
    json_t *summary = json_pack("{s:f, s:o}", "waited", seconds, "hosts", hosts);
    const char *key;
    json_t *entry;
    size_t reconnected = 0;
    char waited[16];

    if (!summary || dr_json_set(job->report, "agents", summary, err) < 0)
        return dr_fail_memory(err);
    json_object_foreach(watch->hosts, key, entry)
    {
        bool was_away = dr_json_true(entry, "reconnected");

        reconnected += was_away;
        if (dr_json_append(hosts,
                           json_pack("{s:s, s:s, s:b}", "environment",
                                     dr_json_string_or(entry, "environment", "?"), "host",
                                     dr_json_string_or(entry, "host", "?"), "reconnected",
                                     was_away),
                           err) < 0)
            return -1;
    }
    dr_text_seconds(seconds, waited);
    dr_log_say(job->log, "hosts: all %zu are back and stable after %s (%zu were seen to reconnect)",
               json_object_size(watch->hosts), waited, reconnected);
    return dr_job_changed(job, err);
}

int dr_agents_run(const struct dr_rancher_job *job, struct dr_err *err)
{
    double settle = dr_scaled(job->settle_seconds > 0 ? job->settle_seconds : SETTLE_SECONDS);
    double started = dr_clock();
    json_auto_t *hosts = json_object();
    json_auto_t *seen = json_object();
    struct watch watch = {.hosts = hosts, .seen = seen, .log = job->log};
    char words[16];

    if (!hosts || !seen)
        return dr_fail_memory(err);
    if (dr_job_each_environment(job, expect_hosts, &watch, err) < 0)
        return -1;
    if (json_object_size(hosts) == 0)
        return 0;
    dr_text_seconds(settle, words);
    dr_log_say(job->log,
               "hosts: waiting until all %zu are back and have stayed for %s (Rancher shows a host "
               "that it lost as active for up to two minutes)",
               json_object_size(hosts), words);
    if (wait_stable(job, &watch, settle, err) < 0)
        return -1;
    return report(job, &watch, dr_clock() - started, err);
}
