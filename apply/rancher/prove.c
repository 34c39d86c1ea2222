/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/prove.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "apply/rancher/compare.h"
#include "apply/rancher/container.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/job.h"
#include "apply/rancher/pinned.h"
#include "apply/rancher/roll.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

struct proof {
    const struct dr_rancher_job *job;
    json_t *failed;
    json_t *changed;
    json_t *objects;
    json_t *balancers;
};

static int say(json_t *list, struct dr_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int say(json_t *list, struct dr_err *err, const char *format, ...)
{
    char text[800];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dr_text_clean(text);
    return dr_json_append(list, json_string(text), err);
}

static int object(struct proof *proof, const char *kind, const json_t *environment,
                  const char *name, const char *host, const char *before, const char *after,
                  bool ok, struct dr_err *err)
{
    return dr_json_append(proof->objects,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "kind", kind,
                                    "environment", dr_json_string_or(environment, "name", "?"),
                                    "name", name, "host", host, "before", before, "after", after,
                                    "ok", ok),
                          err);
}

static const json_t *by_key(const json_t *list, const char *key, const char *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (strcmp(dr_json_string_or(item, key, ""), value) == 0)
            return item;
    }
    return NULL;
}

/* ---- network agents */

/* One that is on its way out counts only where there is no other. */
static const json_t *live_agent(const json_t *agents, const char *host_id)
{
    const json_t *agent;
    size_t i;

    json_array_foreach(agents, i, agent)
    {
        if (strcmp(dr_json_string_or(agent, "hostId", ""), host_id) == 0 &&
            !dr_container_state_is(agent, "removing") && !dr_container_state_is(agent, "stopping"))
            return agent;
    }
    return by_key(agents, "hostId", host_id);
}

static int prove_agent(struct proof *proof, const json_t *before, const json_t *after,
                       const json_t *host, struct dr_err *err)
{
    const char *id = dr_json_string_or(host, "id", "");
    const char *name = dr_json_string_or(host, "name", id);
    const json_t *was = by_key(json_object_get(before, "network_agents"), "hostId", id);
    const json_t *is = live_agent(json_object_get(after, "network_agents"), id);
    const char *image = dr_job_image(dr_json_string_or(is, "imageUuid", NULL));
    bool same = is && dr_job_same_image(image, proof->job->agent_instance);
    bool running = is && strcmp(dr_json_string_or(is, "state", ""), "running") == 0;
    bool excused = !dr_json_true(host, "active") || dr_hosts_is_skipped(proof->job, host);

    if (!was && !is)
        return 0;
    if (object(proof, "network agent", before, name, name,
               dr_job_image(dr_json_string_or(was, "imageUuid", NULL)), image, same && running,
               err) < 0)
        return -1;
    if (same && running)
        return 0;
    if (!is)
        return say(excused ? proof->changed : proof->failed, err, "host %s has no network agent",
                   name);
    return say(excused ? proof->changed : proof->failed, err,
               "the network agent of host %s runs %s and is %s%s", name, image,
               dr_json_string_or(is, "state", "?"), excused ? " (its host was left alone)" : "");
}

static int prove_hosts(struct proof *proof, const json_t *before, const json_t *after,
                       struct dr_err *err)
{
    const json_t *host;
    size_t i;

    json_array_foreach(json_object_get(before, "hosts"), i, host)
    {
        const char *name = dr_json_string_or(host, "name", "?");
        const json_t *now = dr_job_find(after, "hosts", dr_json_string_or(host, "id", ""));

        if (!now && say(proof->failed, err, "host %s is gone", name) < 0)
            return -1;
        if (now && dr_json_true(host, "active") && !dr_json_true(now, "active") &&
            !dr_hosts_is_skipped(proof->job, host) &&
            say(proof->failed, err, "host %s was active and is '%s' (agent '%s')", name,
                dr_json_string_or(now, "state", "?"),
                dr_json_string_or(now, "agentState", "active")) < 0)
            return -1;
        if (prove_agent(proof, before, after, host, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- balancers */

static int say_endpoints(struct proof *proof, const char *name, const json_t *was, const json_t *is,
                         struct dr_err *err)
{
    char before[DR_ENDPOINTS_ROOM];
    char after[DR_ENDPOINTS_ROOM];

    dr_compare_write_endpoints(was, before);
    dr_compare_write_endpoints(is, after);
    return say(proof->changed, err, "balancer %s: its public endpoints were %s and are %s", name,
               before, after);
}

static int prove_configuration(struct proof *proof, const char *name, const json_t *was,
                               const json_t *is, struct dr_err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)was, key, value)
    {
        if (!dr_compare_is_passing(key) && !dr_survey_contains(json_object_get(is, key), value) &&
            say(proof->failed, err, "balancer %s: its %s is not what it was", name, key) < 0)
            return -1;
    }
    if (!dr_compare_links(json_object_get(is, "links_out"), json_object_get(was, "links_out")) &&
        say(proof->failed, err, "balancer %s: its links to services are not what they were", name) <
            0)
        return -1;
    if (!dr_compare_links(json_object_get(is, "links_in"), json_object_get(was, "links_in")) &&
        say(proof->failed, err, "balancer %s: the links of services to it are not what they were",
            name) < 0)
        return -1;
    if (!dr_compare_endpoints(json_object_get(is, "publicEndpoints"),
                              json_object_get(was, "publicEndpoints")))
        return say_endpoints(proof, name, json_object_get(was, "publicEndpoints"),
                             json_object_get(is, "publicEndpoints"), err);
    return 0;
}

static int prove_instance(struct proof *proof, const json_t *before, const json_t *was,
                          const json_t *instance, bool barred, struct dr_err *err)
{
    const char *name = dr_json_string_or(instance, "name", "?");
    const json_t *old = by_key(json_object_get(was, "instances"), "name", name);
    const char *image = dr_job_image(dr_json_string_or(instance, "imageUuid", NULL));
    const char *host = dr_job_host_name(before, dr_json_string_or(instance, "hostId", "?"));
    const char *old_host = dr_job_host_name(before, dr_json_string_or(old, "hostId", "?"));
    const char *health = dr_json_string_or(instance, "healthState", "healthy");
    const char *old_health = dr_json_string_or(old, "healthState", "healthy");
    bool same = dr_job_same_image(image, proof->job->agent_instance);
    bool well = strcmp(dr_json_string_or(instance, "state", ""), "running") == 0 &&
                (strcmp(health, "healthy") == 0 || strcmp(health, old_health) == 0);

    if (object(proof, "balancer instance", before, name, host,
               dr_job_image(dr_json_string_or(old, "imageUuid", NULL)), image, same && well,
               err) < 0)
        return -1;
    if (old && strcmp(host, old_host) != 0 &&
        say(proof->changed, err, "balancer instance %s moved from host %s to %s", name, old_host,
            host) < 0)
        return -1;
    if (same && well)
        return 0;
    barred |= dr_hosts_id_is_skipped(proof->job, before, dr_json_string_or(instance, "hostId", ""));
    return say(barred ? proof->changed : proof->failed, err,
               "balancer instance %s runs %s and is %s, %s", name, image,
               dr_json_string_or(instance, "state", "?"), health);
}

/* Those that stay: what an upgrade or a re-creation has just sent away may take its time to go. New reference. */
static json_t *staying(const json_t *instances)
{
    json_t *rows = json_array();
    json_t *instance;
    size_t i;

    json_array_foreach(instances, i, instance)
    {
        if (!dr_container_state_is(instance, "removing") &&
            !dr_container_state_is(instance, "stopping"))
            json_array_append(rows, instance);
    }
    return rows;
}

static json_t *side_of(const json_t *balancer, size_t instances)
{
    char endpoints[DR_ENDPOINTS_ROOM];

    dr_compare_write_endpoints(json_object_get(balancer, "publicEndpoints"), endpoints);
    return json_pack("{s:s, s:s, s:I, s:s}", "state", dr_json_string_or(balancer, "state", "?"),
                     "health", dr_json_string_or(balancer, "healthState", "-"), "instances",
                     (json_int_t)instances, "endpoints", endpoints);
}

static int note_balancer(struct proof *proof, const json_t *environment, const char *name,
                         json_t *before, json_t *after, struct dr_err *err)
{
    return dr_json_append(proof->balancers,
                          json_pack("{s:s, s:s, s:o, s:o}", "environment",
                                    dr_json_string_or(environment, "name", "?"), "name", name,
                                    "before", before, "after", after),
                          err);
}

static int prove_balancer(struct proof *proof, const json_t *before, const json_t *was,
                          const json_t *is, struct dr_err *err)
{
    json_auto_t *instances = staying(json_object_get(is, "instances"));
    size_t had = json_array_size(json_object_get(was, "instances"));
    dr_autofree char *name = dr_roll_name(was, err);
    char obstacle[DR_ROLL_WORDS];
    const char *why = dr_roll_obstacle(is, proof->job->agent_instance, obstacle);
    const json_t *instance;
    size_t i;

    if (!instances)
        return dr_fail_memory(err);
    if (!name ||
        note_balancer(proof, before, name, side_of(was, had),
                      side_of(is, json_array_size(instances)), err) < 0 ||
        prove_configuration(proof, name, was, is, err) < 0)
        return -1;
    if (json_array_size(instances) != had &&
        say(proof->failed, err, "balancer %s had %zu instances and has %zu", name, had,
            json_array_size(instances)) < 0)
        return -1;
    if (strcmp(dr_json_string_or(was, "state", ""), dr_json_string_or(is, "state", "")) != 0 &&
        say(proof->changed, err, "balancer %s was '%s' and is '%s'", name,
            dr_json_string_or(was, "state", "?"), dr_json_string_or(is, "state", "?")) < 0)
        return -1;
    if (why && had > 0 && say(proof->changed, err, "balancer %s was left alone: %s", name, why) < 0)
        return -1;
    json_array_foreach(instances, i, instance)
    {
        if (prove_instance(proof, before, was, instance, why != NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- all of it */

static int prove_services(struct proof *proof, const json_t *before, const json_t *after,
                          struct dr_err *err)
{
    const json_t *service;
    size_t i;
    json_auto_t *now = json_object();

    json_array_foreach(json_object_get(after, "services"), i, service)
    {
        if (json_object_set(now, dr_json_string_or(service, "id", ""),
                            (json_t *)(uintptr_t)service) < 0)
            return dr_fail_memory(err);
    }
    json_array_foreach(json_object_get(before, "services"), i, service)
    {
        const char *name = dr_json_string_or(service, "name", "?");
        const json_t *is = json_object_get(now, dr_json_string_or(service, "id", ""));
        const char *was_health = dr_json_string_or(service, "healthState", "");
        const char *health = dr_json_string_or(is, "healthState", "");

        if (!is && say(proof->failed, err, "service %s is gone", name) < 0)
            return -1;
        if (is && strcmp(was_health, health) != 0 &&
            say(strcmp(was_health, "healthy") == 0 ? proof->failed : proof->changed, err,
                "service %s was '%s' and is '%s'", name, was_health, health) < 0)
            return -1;
    }
    return 0;
}

static int prove_environment(struct proof *proof, const json_t *before, const json_t *after,
                             struct dr_err *err)
{
    const json_t *balancer;
    size_t i;

    if (prove_hosts(proof, before, after, err) < 0 || prove_services(proof, before, after, err) < 0)
        return -1;
    json_array_foreach(json_object_get(before, "balancers"), i, balancer)
    {
        const json_t *now = dr_job_find(after, "balancers", dr_json_string_or(balancer, "id", ""));

        if (now && prove_balancer(proof, before, balancer, now, err) < 0)
            return -1;
    }
    return 0;
}

static int prove_expected(struct proof *proof, const json_t *before, const json_t *after,
                          struct dr_err *err)
{
    json_auto_t *copy = NULL;
    const json_t *expected = dr_pinned_expected(proof->job, before, &copy, err);

    return expected ? prove_environment(proof, expected, after, err) : -1;
}

static int prove_environments(struct proof *proof, const json_t *after, struct dr_err *err)
{
    const json_t *environment;
    size_t i;

    json_array_foreach(json_object_get(proof->job->inventory, "environments"), i, environment)
    {
        const char *name = dr_json_string_or(environment, "name", "?");
        const char *skipped = dr_json_string_or(environment, "skipped", NULL);
        const json_t *now =
            dr_job_find(after, "environments", dr_json_string_or(environment, "id", ""));

        if (!now && say(proof->failed, err, "environment %s is gone", name) < 0)
            return -1;
        if (skipped &&
            say(proof->changed, err, "environment %s was left alone: %s", name, skipped) < 0)
            return -1;
        if (now && !skipped && prove_expected(proof, environment, now, err) < 0)
            return -1;
    }
    return 0;
}

/* Where new hosts are told that Rancher is; a change of it leaves old ones behind [rancher §13]. */
static int prove_address(struct proof *proof, const json_t *after, struct dr_err *err)
{
    const char *was =
        json_string_value(dr_json_at(proof->job->inventory, "settings", "api.host", "value", NULL));
    const char *is = json_string_value(dr_json_at(after, "settings", "api.host", "value", NULL));

    if (!was || !is || strcmp(was, is) == 0)
        return 0;
    return say(proof->changed, err, "the host registration URL was %s and is %s", was, is);
}

static int verdict(const struct proof *proof, struct dr_err *err)
{
    const struct dr_log *log = proof->job->log;
    size_t count = json_array_size(proof->failed);
    const json_t *line;
    size_t good = 0;
    size_t i;

    json_array_foreach(proof->changed, i, line)
    {
        dr_log_warn(log, "%s", json_string_value(line));
    }
    json_array_foreach(proof->objects, i, line)
    {
        good += dr_json_true(line, "ok");
    }
    dr_log_say(log, "proof: %zu of %zu network agents and balancer instances run %s and are well",
               good, json_array_size(proof->objects), proof->job->agent_instance);
    if (count == 0) {
        dr_log_say(log,
                   "proof: configurations, links, ports, hosts and services are what they were%s",
                   json_array_size(proof->changed) > 0 ? ", but for the above" : "");
        return 0;
    }
    json_array_foreach(proof->failed, i, line)
    {
        dr_log_warn(log, "%s", json_string_value(line));
    }
    return dr_fail(err, DR_ERR_PROOF, "%zu check%s of the result failed, first: %s", count,
                   count == 1 ? "" : "s", json_string_value(json_array_get(proof->failed, 0)));
}

/* Nothing of `after` but what the report keeps is in memory when the journal is written. The lists are the report's. */
static int look_again(struct proof *proof, struct dr_err *err)
{
    const struct dr_rancher_job *job = proof->job;
    json_auto_t *after = dr_inventory_take(job->rancher, err);
    json_t *report;

    if (!after)
        return -1;
    proof->failed = json_array();
    proof->changed = json_array();
    proof->objects = json_array();
    proof->balancers = json_array();
    report = json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:O, s:O, s:O, s:O}", "ok", 0, "failed", proof->failed,
        "changed", proof->changed, "objects", proof->objects, "balancers", proof->balancers,
        "settings", json_object_get(after, "settings"), "unseen", json_object_get(after, "unseen"),
        "counts", json_object_get(after, "counts"), "version", json_object_get(after, "version"));
    if (dr_json_set(job->report, "proof", report, err) < 0 ||
        prove_address(proof, after, err) < 0 || prove_environments(proof, after, err) < 0)
        return -1;
    return dr_json_set(report, "ok", json_boolean(json_array_size(proof->failed) == 0), err);
}

int dr_prove(const struct dr_rancher_job *job, struct dr_err *err)
{
    struct proof proof = {.job = job};

    if (look_again(&proof, err) < 0 || dr_job_changed(job, err) < 0)
        return -1;
    return verdict(&proof, err);
}
