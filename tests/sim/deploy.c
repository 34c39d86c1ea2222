/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy.h"

#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "faults.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_balancer(const struct row *service)
{
    return !strcmp(row_str(service, "kind"), "loadBalancerService");
}

static struct row *kid(const struct row *owner, int n)
{
    return db_get(T_INSTANCE, owner->kids.items[n]);
}

// ---- the allocator

static bool wants_port(json_t *ports, int port)
{
    json_t *item;
    size_t at;
    json_array_foreach(ports, at, item) if (json_is_string(item) &&
                                            atoi(json_string_value(item)) == port) return true;
    return false;
}

// Only instances that start, restart or run hold their ports.
static bool ports_free(const struct row *host, json_t *ports)
{
    for (int n = 0; n < host->kids.count; n++) {
        struct row *i = kid(host, n);
        if (!i || !row_state_is(i, "requested,creating,starting,restarting,running") ||
            instance_is_agent(i))
            continue;
        json_t *item;
        size_t at;
        json_array_foreach(json_object_get(i->j, "ports"), at,
                           item) if (json_is_string(item) &&
                                     wants_port(ports, atoi(json_string_value(item)))) return false;
    }
    return true;
}

static bool has_unit(const struct row *host, const struct row *service)
{
    for (int n = 0; n < host->kids.count; n++) {
        struct row *i = kid(host, n);
        if (i && i->service == service->num && instance_counts(i) && !row_true(i, "_old"))
            return true;
    }
    return false;
}

static bool eligible(const struct row *host, const struct row *service)
{
    json_t *labels = json_object_get(json_object_get(service->j, "launchConfig"), "labels");
    return host->project == service->project && host_shown_active(host) &&
           host_has_labels(host, labels);
}

// Deterministic: the lowest host without a unit of this service and with its ports free. The fault
// `sticky` prefers the last unit's host, `lbMoves` takes the highest instead of the lowest.
static int choose_host(const struct row *service)
{
    json_t *ports = json_object_get(json_object_get(service->j, "launchConfig"), "ports");
    int found = 0, last = (int)row_int(service, "_lastHost");
    bool moves = is_balancer(service) && fault_get("lbMoves") && fault_strike("lbMoves");
    struct row *old = db_get(T_HOST, last);
    if (fault_get("sticky") && !moves && old && eligible(old, service) && !has_unit(old, service) &&
        ports_free(old, ports))
        return last;
    for (int n = 1; n <= db_count(T_HOST); n++) {
        struct row *host = db_get(T_HOST, n);
        if (!host || !eligible(host, service) || has_unit(host, service) ||
            !ports_free(host, ports))
            continue;
        if (moves && n == last)
            continue;
        found = n;
        if (!moves)
            break;
    }
    return found;
}

// ---- units

static const char *stack_name(const struct row *service)
{
    struct row *stack = db_get(T_ENVIRONMENT, id_num(row_str(service, "environmentId")));
    return stack ? row_str(stack, "name") : "Default";
}

// The lowest suffix that no live instance has.
static int free_suffix(const struct row *service)
{
    int room = service->kids.count + 2, found = 1;
    bool *used = calloc((size_t)room, sizeof *used);
    if (!used)
        abort();
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        const char *dash = i && instance_counts(i) && !row_true(i, "_old")
                               ? strrchr(row_str(i, "name"), '_')
                               : NULL;
        int suffix = dash ? atoi(dash + 1) : 0;
        if (suffix > 0 && suffix < room)
            used[suffix] = true;
    }
    while (used[found])
        found++;
    free(used);
    return found;
}

// A balancer's private port becomes its public one at the instance.
static json_t *unit_ports(const struct row *service)
{
    json_t *ports = json_object_get(json_object_get(service->j, "launchConfig"), "ports");
    if (!is_balancer(service))
        return json_deep_copy(ports);
    json_t *out = json_array(), *item;
    size_t at;
    json_array_foreach(ports, at, item)
    {
        char text[64];
        int port = json_is_string(item) ? atoi(json_string_value(item)) : 0;
        bool udp = json_is_string(item) && strstr(json_string_value(item), "/udp");
        snprintf(text, sizeof text, "%d:%d%s", port, port, udp ? "/udp" : "/tcp");
        json_array_append_new(out, json_string(text));
    }
    return out;
}

static json_t *unit_labels(const struct row *service, const char *unit)
{
    char full[400];
    snprintf(full, sizeof full, "%s/%s", stack_name(service), row_str(service, "name"));
    json_t *labels =
        json_deep_copy(json_object_get(json_object_get(service->j, "launchConfig"), "labels"));
    if (!json_is_object(labels)) {
        json_decref(labels);
        labels = json_object();
    }
    json_object_set_new(labels, "io.rancher.service.deployment.unit", json_string(unit));
    json_object_set_new(labels, "io.rancher.service.launch.config",
                        json_string("io.rancher.service.primary.launch.config"));
    json_object_set_new(labels, "io.rancher.stack.name", json_string(stack_name(service)));
    json_object_set_new(labels, "io.rancher.stack_service.name", json_string(full));
    return labels;
}

static void expose(struct row *service, struct row *instance)
{
    struct row *map =
        db_new(T_EXPOSE, service->project,
               json_pack("{s:s, s:s, s:s, s:s, s:b, s:n, s:s}", "type", "serviceExposeMap", "kind",
                         "serviceExposeMap", "serviceId", row_id(service), "instanceId",
                         row_id(instance), "managed", 1, "ipAddress", "state", "requested"));
    row_state(map, "active");
    row_set_str(instance, "_expose", row_id(map));
}

// retainIp: the address belongs to the suffix (Cattle's serviceIndex), not to the instance.
static void keep_address(struct row *service, struct row *instance)
{
    json_t *kept = json_object_get(service->j, "_addresses");
    if (!kept) {
        kept = json_object();
        row_set(service, "_addresses", kept);
    }
    json_t *address = json_object_get(kept, row_str(instance, "name"));
    if (!address) {
        char text[32];
        snprintf(text, sizeof text, "10.42.%d.%d", (instance->num / 250) % 250 + 1,
                 instance->num % 250 + 2);
        address = json_string(text);
        json_object_set_new(kept, row_str(instance, "name"), address);
    }
    row_set(instance, "primaryIpAddress", json_incref(address));
    db_touch(service);
}

struct row *deploy_add_unit(struct row *service, int host)
{
    if (!host)
        host = choose_host(service);
    if (!host)
        return NULL;
    json_t *config = json_object_get(service->j, "launchConfig");
    char name[400], unit[37];
    sim_uuid(unit);
    snprintf(name, sizeof name, "%s_%s_%d", stack_name(service), row_str(service, "name"),
             free_suffix(service));
    json_int_t index = row_int(service, "createIndex") + 1;
    json_t *fields =
        json_pack("{s:o, s:o, s:I, s:s, s:O?}", "ports", unit_ports(service), "labels",
                  unit_labels(service, unit), "createIndex", index, "deploymentUnitUuid", unit,
                  "healthCheck", json_object_get(config, "healthCheck"));
    const char *pinned = json_string_value(json_object_get(config, "imageUuid"));
    char *image = pinned && *pinned ? strdup(pinned) : setting_value("agent.instance.image.uuid");
    struct instance_spec spec = {.project = service->project,
                                 .host = host,
                                 .service = service->num,
                                 .name = name,
                                 .image_uuid = image,
                                 .system = is_balancer(service) ? "LoadBalancerAgent" : NULL,
                                 .fields = fields,
                                 .start = true};
    struct row *instance = instance_create(&spec);
    expose(service, instance);
    if (row_true(service, "retainIp"))
        keep_address(service, instance);
    row_set(service, "createIndex", json_integer(index));
    row_set(service, "_lastHost", json_integer(host));
    json_decref(fields);
    free(image);
    return instance;
}

// ---- the planner

static int live_units(const struct row *service)
{
    int count = 0;
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        count += i && instance_counts(i) && !row_true(i, "_old");
    }
    return count;
}

static void start_stopped(struct row *service)
{
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        if (i && row_state_is(i, "stopped") && !row_true(i, "_old") &&
            !engine_pending(i, SLOT_PROCESS))
            instance_start(i);
    }
}

static bool add_missing(struct row *service)
{
    if (service_is_global(service)) {
        for (int n = 1; n <= db_count(T_HOST); n++) {
            struct row *host = db_get(T_HOST, n);
            if (host && eligible(host, service) && !has_unit(host, service))
                deploy_add_unit(service, n);
        }
        return true;
    }
    for (int have = live_units(service); have < (int)row_int(service, "scale"); have++)
        if (!deploy_add_unit(service, 0))
            return false;
    return true;
}

static void remove_surplus(struct row *service)
{
    if (service_is_global(service))
        return;
    int have = live_units(service), scale = (int)row_int(service, "scale");
    for (int n = service->kids.count - 1; n >= 0 && have > scale; n--) {
        struct row *i = kid(service, n);
        if (!i || !instance_counts(i) || row_true(i, "_old"))
            continue;
        if (row_state_is(i, "running,starting"))
            instance_stop(i, true);
        else if (row_state_is(i, "stopped,error,creating"))
            instance_remove(i);
        have--;
    }
}

void deploy_reconcile(struct row *service)
{
    start_stopped(service);
    remove_surplus(service);
    // No host with free ports: the real allocator fails and the reconcile is tried again later.
    if (!add_missing(service))
        engine_after(service, SLOT_SIDE, 5, "service.reconcile");
}

bool deploy_is_complete(const struct row *service)
{
    int running = 0, live = 0;
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        if (!i || !instance_counts(i) || row_true(i, "_old"))
            continue;
        live++;
        running += row_state_is(i, "running");
    }
    return running == live && (service_is_global(service) || running >= row_int(service, "scale"));
}

int deploy_stop_all(struct row *service, bool remove)
{
    int left = 0;
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        if (!i || (remove ? row_removed(i) : row_state_is(i, "stopped,error") || row_gone(i)))
            continue;
        left++;
        if (row_state_is(i, "running,starting,restarting"))
            instance_stop(i, remove);
        else if (remove && row_state_is(i, "stopped,error,creating"))
            instance_remove(i);
        else if (remove && row_state_is(i, "stopping") && !row_true(i, "_remove"))
            row_set(i, "_remove", json_true());
    }
    return left;
}

// The seed: everything runs at once. Hosts are given by name, or chosen by the allocator.
void service_seed_instances(struct row *service, json_t *hosts)
{
    engine_done(service, SLOT_PROCESS);
    size_t at;
    json_t *name;
    if (json_array_size(hosts)) {
        json_array_foreach(hosts, at, name)
        {
            const char *wanted = json_string_value(name);
            for (int n = 1; wanted && n <= db_count(T_HOST); n++) {
                struct row *host = db_get(T_HOST, n);
                if (host && host->project == service->project &&
                    (!strcmp(row_str(host, "name"), wanted) ||
                     !strcmp(row_str(host, "hostname"), wanted) || !strcmp(row_id(host), wanted))) {
                    deploy_add_unit(service, n);
                    break;
                }
            }
        }
    } else {
        add_missing(service);
    }
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = kid(service, n);
        if (!i || !row_state_is(i, "creating"))
            continue;
        if (json_is_object(json_object_get(i->j, "healthCheck")))
            row_set_str(i, "healthState", "healthy");
        instance_make_running(i);
    }
    service_refresh_endpoints(service);
}
