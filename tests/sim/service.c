/* SPDX-License-Identifier: Apache-2.0 */
// Services and load balancers: states, links, health, endpoints. Which instances there are is
// deploy.c's.
#include "base.h"
#include "cattle.h"
#include "deploy.h"
#include "engine.h"
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_default(json_t *fields, const char *key, json_t *value)
{
    json_t *old = json_object_get(fields, key);
    if (old)
        json_decref(value);
    else
        json_object_set_new(fields, key, value);
}

static json_t *default_health_check(void)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:n}", "type", "instanceHealthCheck", "port",
                     42, "interval", 2000, "healthyThreshold", 2, "unhealthyThreshold", 3,
                     "responseTimeout", 2000, "requestLine");
}

static void fill_launch_config(json_t *config, bool balancer)
{
    set_default(config, "type", json_string("launchConfig"));
    set_default(config, "kind", json_string("container"));
    set_default(config, "networkMode", json_string("managed"));
    set_default(config, "imageUuid", json_null());
    set_default(config, "ports", json_array());
    set_default(config, "expose", json_array());
    set_default(config, "labels", json_object());
    set_default(config, "tty", json_boolean(balancer));
    set_default(config, "stdinOpen", json_boolean(balancer));
    set_default(config, "privileged", json_false());
    set_default(config, "startOnCreate", json_true());
    set_default(config, "vcpu", json_integer(1));
    if (balancer && !json_is_object(json_object_get(config, "healthCheck")))
        json_object_set_new(config, "healthCheck", default_health_check());
}

static const char *const NULLS[] = {
    "description",  "externalId", "fqdn",    "vip",        "retainIp",      "metadata",
    "selectorLink", "upgrade",    "removed", "removeTime", "environmentId",
};

struct row *service_create(int project, const char *type, json_t *fields)
{
    bool balancer = !strcmp(type, "loadBalancerService");
    json_t *j = json_deep_copy(fields);
    json_object_set_new(j, "type", json_string(type));
    json_object_set_new(j, "kind", json_string(type));
    json_t *config = json_object_get(j, "launchConfig");
    if (!json_is_object(config)) {
        config = json_object();
        json_object_set_new(j, "launchConfig", config);
    }
    fill_launch_config(config, balancer);
    set_default(j, "scale", json_integer(1));
    set_default(j, "startOnCreate", json_false());
    set_default(j, "assignServiceIpAddress", json_false());
    set_default(j, "publicEndpoints", json_array());
    for (size_t i = 0; i < sizeof NULLS / sizeof *NULLS; i++)
        set_default(j, NULLS[i], json_null());
    if (balancer) {
        set_default(j, "certificateIds", json_null());
        set_default(j, "defaultCertificateId", json_null());
        set_default(j, "loadBalancerConfig",
                    json_pack("{s:n, s:n, s:n, s:n}", "name", "haproxyConfig",
                              "lbCookieStickinessPolicy", "appCookieStickinessPolicy"));
    }
    struct row *s = db_new(T_SERVICE, project, j);
    row_set(s, "createIndex", json_integer(0));
    row_state(s, "registering");
    engine_after(s, SLOT_PROCESS, 1, "service.created");
    return s;
}

bool service_is_global(const struct row *service)
{
    json_t *labels = json_object_get(json_object_get(service->j, "launchConfig"), "labels");
    const char *text = json_string_value(json_object_get(labels, "io.rancher.scheduler.global"));
    return text && !strcmp(text, "true");
}

// ---- health and endpoints

const char *service_health(const struct row *service)
{
    int good = 0, starting = 0, all = 0;
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, service->kids.items[n]);
        if (!i || !instance_counts(i) || row_true(i, "_old"))
            continue;
        all++;
        const char *health = row_str(i, "healthState");
        bool runs = row_state_is(i, "running");
        good += runs && (!*health || !strcmp(health, "healthy"));
        starting += !strcmp(health, "initializing") || row_state_is(i, "creating,starting");
    }
    int wanted = service_is_global(service) ? all : (int)row_int(service, "scale");
    if (all && good >= wanted && good == all)
        return "healthy";
    if (starting && !good)
        return "initializing";
    return good ? "degraded" : all ? "unhealthy" : "initializing";
}

void service_refresh_endpoints(struct row *service)
{
    json_t *out = json_array();
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, service->kids.items[n]);
        struct row *host = i ? db_get(T_HOST, i->host) : NULL;
        if (!host || !row_state_is(i, "running"))
            continue;
        json_t *port;
        size_t at;
        json_array_foreach(json_object_get(i->j, "ports"), at, port) json_array_append_new(
            out,
            json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", "publicEndpoint", "ipAddress",
                      row_str(host, "agentIpAddress"), "port",
                      atoi(json_string_value(port) ? json_string_value(port) : ""), "serviceId",
                      row_id(service), "hostId", row_id(host), "instanceId", row_id(i)));
    }
    row_set(service, "publicEndpoints", out);
}

void service_forget_instance(struct row *instance)
{
    int map = id_num(row_str(instance, "_expose"));
    struct row *row = db_get(T_EXPOSE, map);
    if (row && !row_removed(row)) {
        char when[32];
        sim_iso(sim_now_ms(), when);
        row_set_str(row, "removed", when);
        row_set(row, "removedTS", json_integer(sim_now_ms()));
        row_state(row, "removed");
    }
    struct row *service = db_get(T_SERVICE, instance->service);
    if (service)
        service_refresh_endpoints(service);
}

// ---- links

static void remove_map(struct row *map)
{
    char when[32];
    sim_iso(sim_now_ms(), when);
    row_set_str(map, "removed", when);
    row_set(map, "removedTS", json_integer(sim_now_ms()));
    row_state(map, "removed");
}

static struct row *find_link(const struct row *from, int to, const char *name)
{
    char id[32];
    snprintf(id, sizeof id, "1s%d", to);
    for (int n = 1; n <= db_count(T_CONSUME); n++) {
        struct row *map = db_get(T_CONSUME, n);
        if (map && !row_removed(map) && !strcmp(row_str(map, "serviceId"), row_id(from)) &&
            (!to || !strcmp(row_str(map, "consumedServiceId"), id)) &&
            (!name || !strcmp(row_str(map, "name"), name)))
            return map;
    }
    return NULL;
}

// The key of a link is service and name. Returns false when it exists already.
bool service_link(struct row *from, int to, const char *name, json_t *ports)
{
    char id[32];
    snprintf(id, sizeof id, "1s%d", to);
    if (find_link(from, to, name ? name : ""))
        return false;
    struct row *map = db_new(
        T_CONSUME, from->project,
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:O?, s:s}", "type", "serviceConsumeMap", "kind",
                  "serviceConsumeMap", "serviceId", row_id(from), "consumedServiceId", id, "name",
                  name, "ports", json_is_array(ports) ? ports : NULL, "state", "requested"));
    row_state(map, "active");
    netagent_event_random(from->project);
    return true;
}

void service_unlink(struct row *from, int to, const char *name)
{
    struct row *map = find_link(from, to, name);
    if (map)
        remove_map(map);
    netagent_event_random(from->project);
}

void service_clear_links(struct row *from)
{
    for (struct row *map; (map = find_link(from, 0, NULL));)
        remove_map(map);
}

static bool selected(const struct row *service, const char *selector)
{
    json_t *labels = json_object_get(json_object_get(service->j, "launchConfig"), "labels");
    const char *equals = strchr(selector, '=');
    char key[128];
    if (!equals)
        return json_object_get(labels, selector) != NULL;
    snprintf(key, sizeof key, "%.*s", (int)(equals - selector), selector);
    const char *value = json_string_value(json_object_get(labels, key));
    return value && !strcmp(value, equals + 1);
}

// Links that a selector makes come back on their own: `key` or `key=value` on the other service's
// labels.
void service_link_selected(struct row *service)
{
    const char *selector = row_str(service, "selectorLink");
    for (int n = 1; *selector && n <= db_count(T_SERVICE); n++) {
        struct row *other = db_get(T_SERVICE, n);
        if (other && other != service && other->project == service->project && !row_gone(other) &&
            selected(other, selector))
            service_link(service, n, NULL, NULL);
    }
}

// ---- states

static void step_created(struct row *s)
{
    service_link_selected(s);
    row_state(s, "inactive");
    engine_done(s, SLOT_PROCESS);
    const char *error;
    if (row_true(s, "startOnCreate"))
        service_action(s, "activate", NULL, &error);
}

static void step_activating(struct row *s)
{
    deploy_reconcile(s);
    if (!deploy_is_complete(s)) {
        engine_after(s, SLOT_PROCESS, 1, "service.activating");
        return;
    }
    row_state(s, "active");
    engine_done(s, SLOT_PROCESS);
    netagent_event_random(s->project);
}

static void step_deactivating(struct row *s)
{
    if (deploy_stop_all(s, false)) {
        engine_after(s, SLOT_PROCESS, 1, "service.deactivating");
        return;
    }
    row_state(s, "inactive");
    engine_done(s, SLOT_PROCESS);
    netagent_event_random(s->project);
}

// Removing a service takes the links of both directions with it.
static void step_removing(struct row *s)
{
    if (deploy_stop_all(s, true)) {
        engine_after(s, SLOT_PROCESS, 1, "service.removing");
        return;
    }
    for (int n = 1; n <= db_count(T_CONSUME); n++) {
        struct row *map = db_get(T_CONSUME, n);
        if (map && !row_removed(map) &&
            (!strcmp(row_str(map, "serviceId"), row_id(s)) ||
             !strcmp(row_str(map, "consumedServiceId"), row_id(s))))
            remove_map(map);
    }
    char when[32];
    int64_t now = sim_now_ms();
    sim_iso(now, when);
    row_set_str(s, "removed", when);
    row_set(s, "removedTS", json_integer(now));
    sim_iso(now + 60000, when);
    row_set_str(s, "removeTime", when);
    row_state(s, "removed");
    engine_done(s, SLOT_PROCESS);
    engine_done(s, SLOT_SIDE);
    netagent_event_random(s->project);
}

static void step_updated(struct row *s)
{
    row_state(s, row_state_is(s, "updating-inactive") ? "inactive" : "active");
    engine_done(s, SLOT_PROCESS);
    service_reconcile(s);
    netagent_event_random(s->project);
}

static void step_restarting(struct row *s)
{
    for (int n = 0; n < s->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (i && row_state_is(i, "running"))
            instance_restart(i);
    }
    row_state(s, "active");
    engine_done(s, SLOT_PROCESS);
}

static void step_reconcile(struct row *s)
{
    engine_done(s, SLOT_SIDE);
    // Exactly `active`: an upgraded, inactive or updating service isn't looked at.
    if (row_state_is(s, "active"))
        deploy_reconcile(s);
}

void service_reconcile(struct row *service)
{
    if (row_state_is(service, "active") && !engine_pending(service, SLOT_SIDE))
        engine_after(service, SLOT_SIDE, 0.5, "service.reconcile");
}

static void begin(struct row *s, const char *state, const char *step)
{
    row_state(s, state);
    engine_after(s, SLOT_PROCESS, 1, step);
}

static const struct {
    const char *action, *from, *state, *step;
} ACTIONS[] = {
    {"activate", "inactive", "activating", "service.activating"},
    {"deactivate", "active,activating,updating-active,updating-inactive", "deactivating",
     "service.deactivating"},
    {"remove",
     "inactive,registering,active,activating,updating-inactive,updating-active,upgrading,"
     "canceling-upgrade,rolling-back,deactivating,requested,canceled-upgrade,upgraded,"
     "finishing-upgrade,restarting",
     "removing", "service.removing"},
    {"update", "active", "updating-active", "service.updated"},
    {"update", "inactive", "updating-inactive", "service.updated"},
    {"restart", "active", "restarting", "service.restarting"},
    {"upgrade", "active,inactive", "upgrading", "service.upgrading"},
    {"cancelupgrade", "upgrading", "canceling-upgrade", "service.canceled"},
    {"finishupgrade", "upgraded", "finishing-upgrade", "service.finishing"},
    {"rollback", "upgraded,canceled-upgrade", "rolling-back", "service.rolling"},
};

bool service_allows(const struct row *service, const char *action)
{
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++)
        if (!strcmp(ACTIONS[i].action, action) && row_state_is(service, ACTIONS[i].from))
            return true;
    return false;
}

bool service_action(struct row *service, const char *action, json_t *body, const char **ret_error)
{
    *ret_error = NULL;
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
        if (strcmp(ACTIONS[i].action, action) != 0 || !row_state_is(service, ACTIONS[i].from))
            continue;
        if (!strcmp(action, "upgrade")) {
            *ret_error = upgrade_prepare(service, body);
            if (*ret_error)
                return false;
        }
        begin(service, ACTIONS[i].state, ACTIONS[i].step);
        return true;
    }
    return false;
}

void service_init(void)
{
    static const struct step steps[] = {
        {"service.created", step_created},     {"service.activating", step_activating},
        {"service.removing", step_removing},   {"service.deactivating", step_deactivating},
        {"service.updated", step_updated},     {"service.restarting", step_restarting},
        {"service.reconcile", step_reconcile},
    };
    engine_register(steps, sizeof steps / sizeof *steps);
    upgrade_init();
}
