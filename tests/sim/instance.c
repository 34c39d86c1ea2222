/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "faults.h"
#include "pull.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>

enum { PULL_TRIES = 3 };

bool instance_counts(const struct row *instance)
{
    return !row_gone(instance);
}

bool instance_is_agent(const struct row *instance)
{
    return !strcmp(row_str(instance, "systemContainer"), "NetworkAgent");
}

static bool is_balancer(const struct row *instance)
{
    return !strcmp(row_str(instance, "systemContainer"), "LoadBalancerAgent");
}

static struct row *host_of(const struct row *instance)
{
    return db_get(T_HOST, instance->host);
}

// nic.activate, nic.deactivate and what goes with them: targeted at the container's own host. The
// network agent's own nic triggers nothing, or removing it would bring it back.
static void network_event(struct row *instance)
{
    struct row *host = host_of(instance);
    if (host && !instance_is_agent(instance) &&
        !strcmp(row_str(instance, "networkMode"), "managed"))
        netagent_event(host);
}

static void service_changed(struct row *instance)
{
    struct row *service = db_get(T_SERVICE, instance->service);
    if (service)
        service_reconcile(service);
}

// ---- creation

static const char *const LABELS_LB[][2] = {
    {"io.rancher.container.agent.role", "LoadBalancerAgent"},
    {"io.rancher.container.create_agent", "true"},
    {"io.rancher.container.agent.uri.prefix", "delegate"},
};

static json_t *base_fields(const struct instance_spec *spec)
{
    json_t *j = json_pack(
        "{s:s, s:s, s:s?, s:s, s:s?, s:b, s:n, s:n, s:{}, s:i, s:b, s:s, s:n, s:n, s:[], s:[], "
        "s:s, s:n}",
        "type", "container", "kind", "container", "name", spec->name, "imageUuid", spec->image_uuid,
        "systemContainer", spec->system, "nativeContainer", 0, "externalId", "healthState",
        "labels", "startCount", 0, "privileged", spec->system != NULL, "networkMode", "managed",
        "primaryIpAddress", "firstRunning", "ports", "dataVolumes", "state", "requested", "hostId");
    if (spec->fields)
        json_object_update(j, spec->fields);
    return j;
}

static void new_agent_row(struct row *instance, const char *uri)
{
    struct row *agent =
        db_new(T_AGENT, instance->project,
               json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "agent", "kind", "agent", "uri", uri,
                         "state", "active", "_instance", row_id(instance)));
    row_set_str(instance, "agentId", row_id(agent));
}

struct row *instance_create(const struct instance_spec *spec)
{
    struct row *i = db_new(T_INSTANCE, spec->project, base_fields(spec));
    struct row *host = db_get(T_HOST, spec->host), *service = db_get(T_SERVICE, spec->service);
    if (host)
        row_set_str(i, "hostId", row_id(host));
    if (service)
        row_set_str(i, "_service", row_id(service));
    db_link_instance(i, spec->host, spec->service);
    if (spec->system && !strcmp(spec->system, "NetworkAgent")) {
        row_set(i, "dataVolumes", json_pack("[s]", "/var/lib/rancher/etc:/var/lib/rancher/etc:ro"));
        row_set(i, "ports", json_pack("[s, s]", "500:500/udp", "4500:4500/udp"));
    } else if (spec->system) {
        json_t *labels = json_object_get(i->j, "labels");
        for (size_t n = 0; n < 3; n++)
            json_object_set_new(labels, LABELS_LB[n][0], json_string(LABELS_LB[n][1]));
    }
    if (spec->system)
        new_agent_row(i, is_balancer(i) ? "delegate:///?instance" : "delegate:///?vnetId=1");
    row_set(i, "_start", json_boolean(spec->start));
    event_note("create", i, NULL, "requested");
    row_state(i, "creating");
    engine_after(i, SLOT_PROCESS, 0.5, "instance.created");
    return i;
}

static void step_created(struct row *i)
{
    if (row_true(i, "_start")) {
        instance_start(i);
        return;
    }
    row_state(i, "stopped");
    engine_done(i, SLOT_PROCESS);
}

// ---- start

void instance_start(struct row *i)
{
    row_state(i, "starting");
    row_unset(i, "_tries");
    row_unset(i, "_remove");
    // The pre-listener of nic.activate: the network agent is made before the container is started.
    network_event(i);
    engine_after(i, SLOT_PROCESS, 0.3, "instance.pull");
}

static void fail_start(struct row *i, const char *reason)
{
    bool first = row_int(i, "startCount") == 0;
    db_bump(instance_is_agent(i) ? "networkAgentChurn" : "startFailures");
    event_note("startFailed", i, NULL, reason);
    if (first && *row_str(i, "systemContainer") &&
        (instance_is_agent(i) || !release_here()->is_1_1)) {
        // A system container whose first start fails is stopped and chained to remove; the next
        // event tries again, for ever: the churn that makes a server unstable.
        row_set(i, "_remove", json_true());
        row_state(i, "stopping");
        row_set_str(i, "transitioningMessage", reason);
        engine_after(i, SLOT_PROCESS, 0.5, "instance.stopped");
        return;
    }
    row_state(i, first && is_balancer(i) ? "error" : "stopped");
    row_error(i, reason);
    engine_done(i, SLOT_PROCESS);
    if (!first)
        service_changed(i);
}

static void pulled(struct row *i, struct row *host, const char *error)
{
    (void)host;
    if (!row_state_is(i, "starting") || strcmp(row_str(i, "_step"), "instance.pull") != 0)
        return; // stopped in the meantime
    if (!error) {
        engine_after(i, SLOT_PROCESS, 1, "instance.running");
        return;
    }
    json_int_t tries = row_int(i, "_tries") + 1;
    row_set(i, "_tries", json_integer(tries));
    if (tries < PULL_TRIES) {
        engine_after(i, SLOT_PROCESS, 1, "instance.pull");
        return;
    }
    char reason[1500];
    snprintf(reason, sizeof reason, "Image [%s] failed to pull: %s", row_str(i, "imageUuid"),
             error);
    fail_start(i, reason);
}

static void step_pull(struct row *i)
{
    struct row *host = host_of(i);
    if (!host || !host_answers(host)) {
        engine_after(i, SLOT_PROCESS, 2, "instance.pull"); // the command waits for the agent
        return;
    }
    if (instance_is_agent(i) && fault_strikes_host("agentStartFails", host)) {
        fail_start(i, "Agent container failed to start");
        return;
    }
    if (is_balancer(i) && fault_strikes_host("lbError", host)) {
        fail_start(i, "Failed to start container: cannot allocate memory");
        return;
    }
    const char *image = row_str(i, "imageUuid");
    if (!image_is_valid(image)) {
        fail_start(i, "Image is not valid");
        return;
    }
    json_t *missing = fault_get("imageMissing");
    const char *what = json_string_value(json_object_get(missing, "image"));
    // The fault also takes the copy that the host already had: someone cleaned up its images.
    bool lost = missing && fault_names_host(missing, host) && (!what || strstr(image, what));
    if (host_holds(host, image) && !lost) {
        engine_after(i, SLOT_PROCESS, 1, "instance.running");
        return;
    }
    pull_start(host, image, pulled, i);
}

static void set_address(struct row *i)
{
    if (row_is_null(i, "primaryIpAddress")) {
        char address[32];
        snprintf(address, sizeof address, "10.42.%d.%d", (i->num / 250) % 250 + 1,
                 i->num % 250 + 2);
        row_set_str(i, "primaryIpAddress", address);
    }
    if (row_is_null(i, "externalId")) {
        char a[37], b[37];
        sim_uuid(a);
        sim_uuid(b);
        char id[80];
        snprintf(id, sizeof id, "%.8s%.4s%.8s%.4s%.8s%.8s", a, a + 9, b, b + 9, a + 24, b + 24);
        row_set_str(i, "externalId", id);
    }
}

void instance_make_running(struct row *i)
{
    engine_done(i, SLOT_PROCESS);
    row_state(i, "running");
    row_set(i, "startCount", json_integer(row_int(i, "startCount") + 1));
    if (row_is_null(i, "firstRunning")) {
        char when[32];
        sim_iso(sim_now_ms(), when);
        row_set_str(i, "firstRunning", when);
    }
    set_address(i);
    struct row *host = host_of(i);
    if (host)
        host_add_image(host, row_str(i, "imageUuid"));
    traffic_open(i);
}

static void step_running(struct row *i)
{
    struct row *host = host_of(i);
    if (!host || !host_answers(host)) {
        engine_after(i, SLOT_PROCESS, 2, "instance.running");
        return;
    }
    instance_make_running(i);
    if (json_is_object(json_object_get(i->j, "healthCheck"))) {
        row_set_str(i, "healthState", "initializing");
        engine_after(i, SLOT_SIDE, 6, "instance.health");
    }
    network_event(i);
    struct row *service = db_get(T_SERVICE, i->service);
    if (service)
        service_refresh_endpoints(service);
    service_changed(i);
}

// Healthy needs ipsec between the hosts, so the network agent must run here.
static void step_health(struct row *i)
{
    struct row *host = host_of(i), *agent = host ? netagent_of(host) : NULL;
    if (!row_state_is(i, "running")) {
        engine_done(i, SLOT_SIDE);
        return;
    }
    if (!agent || !row_state_is(agent, "running") || !host_answers(host) ||
        fault_strikes_host("lbNeverHealthy", host)) {
        engine_after(i, SLOT_SIDE, 2, "instance.health");
        return;
    }
    row_set_str(i, "healthState", "healthy");
    event_note("health", i, "initializing", "healthy");
    engine_done(i, SLOT_SIDE);
    network_event(i); // instance.updatehealthy
    service_changed(i);
}

// ---- stop, remove, purge

void instance_stop(struct row *i, bool remove)
{
    if (remove)
        row_set(i, "_remove", json_true());
    else
        row_unset(i, "_remove");
    row_state(i, "stopping");
    engine_done(i, SLOT_SIDE);
    traffic_close(i);
    engine_after(i, SLOT_PROCESS, 2, "instance.stopped");
}

static void step_stopped(struct row *i)
{
    struct row *host = host_of(i);
    // A host that is away keeps the container in `stopping`: nobody there executes the command.
    if (host && !host_answers(host)) {
        engine_after(i, SLOT_PROCESS, 2, "instance.stopped");
        return;
    }
    bool remove = row_true(i, "_remove");
    engine_done(i, SLOT_PROCESS);
    if (!row_is_null(i, "healthState"))
        row_set_str(i, "healthState", "unhealthy");
    row_state(i, "stopped");
    if (remove)
        instance_remove(i);
    network_event(i); // nic.deactivate
    if (!remove)
        service_changed(i);
}

void instance_remove(struct row *i)
{
    engine_done(i, SLOT_SIDE);
    row_state(i, "removing");
    engine_after(i, SLOT_PROCESS, 1, "instance.removed");
    struct row *service = db_get(T_SERVICE, i->service);
    if (service)
        service_refresh_endpoints(service);
    service_changed(i);
}

static bool is_stuck(struct row *i)
{
    json_t *fault = fault_get("stuckRemoving");
    const char *id = json_string_value(json_object_get(fault, "instance"));
    const char *system = json_string_value(json_object_get(fault, "systemContainer"));
    return fault && fault_names_host(fault, host_of(i)) && (!id || !strcmp(id, row_id(i))) &&
           (!system || !strcmp(system, row_str(i, "systemContainer")));
}

static void step_removed(struct row *i)
{
    if (is_stuck(i)) {
        engine_after(i, SLOT_PROCESS, 2, "instance.removed");
        return;
    }
    char when[32];
    int64_t now = sim_now_ms();
    sim_iso(now, when);
    row_set_str(i, "removed", when);
    row_set(i, "removedTS", json_integer(now));
    sim_iso(now + 60000, when);
    row_set_str(i, "removeTime", when);
    row_state(i, "removed");
    db_unlink_instance(i);
    service_forget_instance(i);
    // 1.1 looks at the nics of removed containers too, but not at the network agent's.
    if (release_here()->is_1_1)
        network_event(i);
    engine_after(i, SLOT_PROCESS, 75, "instance.purging");
}

static void step_purging(struct row *i)
{
    row_state(i, "purging");
    engine_after(i, SLOT_PROCESS, 1, "instance.purged");
}

static void step_purged(struct row *i)
{
    row_state(i, "purged");
    engine_done(i, SLOT_PROCESS);
}

// ---- restart

void instance_restart(struct row *i)
{
    row_state(i, "restarting");
    traffic_close(i);
    engine_after(i, SLOT_PROCESS, 3, "instance.restarted");
}

// A restart keeps the stored image, whatever the settings say by now.
static void step_restarted(struct row *i)
{
    step_running(i);
}

void instance_init(void)
{
    static const struct step steps[] = {
        {"instance.created", step_created},     {"instance.pull", step_pull},
        {"instance.running", step_running},     {"instance.health", step_health},
        {"instance.stopped", step_stopped},     {"instance.removed", step_removed},
        {"instance.purging", step_purging},     {"instance.purged", step_purged},
        {"instance.restarted", step_restarted},
    };
    engine_register(steps, sizeof steps / sizeof *steps);
}
