/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/netagents.h"

#include <stdint.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/job.h"
#include "apply/rancher/netagent.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

static const json_t *of_host(const json_t *agents, const char *host_id)
{
    const json_t *agent;
    size_t i;

    json_array_foreach(agents, i, agent)
    {
        if (strcmp(dr_json_string_or(agent, "hostId", ""), host_id) == 0)
            return agent;
    }
    return NULL;
}

static bool differs(const struct dr_rancher_job *job, const json_t *environment,
                    const json_t *agent)
{
    return agent && dr_job_is_due(job, agent, json_object_get(environment, "network_agents"));
}

/* ---- plan */

static int plan_host(const struct dr_rancher_job *job, const json_t *environment,
                     const json_t *host, json_t *rows, struct dr_err *err)
{
    const json_t *agent =
        of_host(json_object_get(environment, "network_agents"), dr_json_string_or(host, "id", ""));
    dr_autofree char *object = NULL;
    dr_autofree char *action = NULL;

    if (!differs(job, environment, agent))
        return 0;
    object = dr_text_format(err, "network agent on %s (%s)", dr_json_string_or(host, "name", "?"),
                            dr_json_string_or(environment, "name", "?"));
    action = dr_text_format(err, "replace %s",
                            dr_job_image(dr_json_string_or(agent, "imageUuid", NULL)));
    if (!object || !action)
        return -1;
    if (dr_hosts_is_skipped(job, host))
        return dr_job_row(
            rows, &(struct dr_row){"network agents", object, "left alone", "--skip-host", ""}, err);
    if (!dr_json_true(host, "active"))
        return dr_job_row(rows,
                          &(struct dr_row){"network agents", object, "left alone",
                                           "its host is not active: run drover again when it is",
                                           ""},
                          err);
    return dr_job_row(
        rows,
        &(struct dr_row){"network agents", object, action,
                         "its image differs; until it is replaced, what the new server "
                         "sends it may fail without internet",
                         "some seconds without DNS, metadata, health checks and "
                         "cross-host network on this host"},
        err);
}

static int plan_environment(const struct dr_rancher_job *job, const json_t *environment,
                            void *context, struct dr_err *err)
{
    json_auto_t *hosts = dr_hosts_in_order(job, environment, err);
    const json_t *host;
    size_t i;

    if (!hosts)
        return -1;
    json_array_foreach(hosts, i, host)
    {
        if (plan_host(job, environment, host, context, err) < 0)
            return -1;
    }
    return 0;
}

int dr_netagents_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err)
{
    return dr_job_each_environment(job, plan_environment, rows, err);
}

/* ---- run */

/* By host: the network agent that is there now. One on its way out counts only while there is no
 * other. */
static int on_agent(void *context, const json_t *row, struct dr_err *err)
{
    const char *host = dr_json_string_or(row, "hostId", "");
    const json_t *known = json_object_get(context, host);

    if (strcmp(dr_json_string_or(row, "systemContainer", ""), "NetworkAgent") != 0)
        return 0;
    if (known && !dr_container_state_is(known, "removing") &&
        !dr_container_state_is(known, "stopping"))
        return 0;
    return json_object_set(context, host, (json_t *)(uintptr_t)row) < 0 ? dr_fail_memory(err) : 0;
}

/* Is there anything to do on this host? A removed network agent that has not come back is told by
 * the inventory, by an entry without an end, or by the helper that stands ready for it. */
static bool is_due(const struct dr_rancher_job *job, const json_t *environment, const char *host_id,
                   const json_t *now, const json_t *helper)
{
    if (dr_job_open_entry(job, "network_agents", "hostId", host_id, NULL, NULL))
        return true;
    if (now)
        return differs(job, environment, now) || !dr_container_state_is(now, "running");
    return helper || of_host(json_object_get(environment, "network_agents"), host_id);
}

/* One that already runs the new image and only has to come up, or to be noted, is not removed
 * again. */
static const json_t *to_remove(const struct dr_rancher_job *job, const json_t *environment,
                               const json_t *now)
{
    if (!now ||
        (!differs(job, environment, now) && !dr_container_state_is(now, "error") &&
         !dr_container_state_is(now, "removing") && !dr_container_state_is(now, "stopping")))
        return NULL;
    return now;
}

static int run_host(const struct dr_rancher_job *job, const json_t *environment, const json_t *host,
                    const json_t *now, json_t *helper, struct dr_err *err)
{
    struct dr_netagent agent = {
        .job = job,
        .environment = environment,
        .host_id = dr_json_string_or(host, "id", ""),
        .host = dr_json_string_or(host, "name", "?"),
        .old = to_remove(job, environment, now),
    };

    if (!is_due(job, environment, agent.host_id, now, helper))
        return 0;
    if (dr_hosts_is_skipped(job, host) || !dr_json_true(host, "active")) {
        dr_autofree char *object = dr_text_format(err, "network agent on %s", agent.host);

        return object ? dr_job_leave_alone(
                            job, object,
                            dr_json_true(host, "active")
                                ? "--skip-host; to finish it: drover apply with the same bundle "
                                  "and --only network-agents,load-balancers"
                                : "its host is not active; when it is back: drover apply with the "
                                  "same bundle and --only network-agents,load-balancers",
                            err)
                      : -1;
    }
    if (dr_stop_check(err, "network agents are being replaced") < 0)
        return -1;
    return dr_netagent_replace(&agent, helper, err);
}

static int run_environment(const struct dr_rancher_job *job, const json_t *environment,
                           void *context, struct dr_err *err)
{
    const char *id = dr_json_string_or(environment, "id", "");
    dr_autofree char *url = dr_client_collection(job->rancher, id, "container", err);
    json_auto_t *agents = json_object();
    json_auto_t *helpers = NULL;
    json_auto_t *hosts = dr_hosts_in_order(job, environment, err);
    const json_t *host;
    size_t i;

    (void)context;
    if (!agents)
        return dr_fail_memory(err);
    if (!hosts || !url ||
        dr_client_list(job->rancher, url, "systemContainer=NetworkAgent", on_agent, agents,
                       "read the network agents", err) < 0)
        return -1;
    helpers = dr_container_own(job->rancher, id, "helper", err);
    if (!helpers)
        return -1;
    json_array_foreach(hosts, i, host)
    {
        const char *host_id = dr_json_string_or(host, "id", "");

        if (run_host(job, environment, host, json_object_get(agents, host_id),
                     json_object_get(helpers, host_id), err) < 0)
            return -1;
    }
    return dr_container_sweep(job->rancher, id, "helper", err);
}

int dr_netagents_run(const struct dr_rancher_job *job, struct dr_err *err)
{
    if (dr_hosts_check(job, err) < 0)
        return -1;
    dr_job_reconsider(job, "network agent ");
    return dr_job_each_environment(job, run_environment, NULL, err);
}
