/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "faults.h"
#include "pull.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool host_shown_active(const struct row *host)
{
    return row_state_is(host, "active") &&
           (row_is_null(host, "agentState") || !strcmp(row_str(host, "agentState"), "active"));
}

static bool is_away(const struct row *host)
{
    json_t *fault = fault_get("hostAway");
    return row_true(host, "_away") || (fault && fault_names_host(fault, host));
}

bool host_answers(const struct row *host)
{
    return host->connected && !is_away(host) && !row_gone(host);
}

// `key=value` of a host label; an empty or absent map fits every host.
bool host_has_labels(const struct row *host, json_t *labels)
{
    static const char must[] = "io.rancher.scheduler.affinity:host_label";
    static const char must_not[] = "io.rancher.scheduler.affinity:host_label_ne";
    const char *key;
    json_t *value;
    json_object_foreach(labels, key, value)
    {
        bool want = !strcmp(key, must);
        if (!want && strcmp(key, must_not) != 0)
            continue;
        const char *text = json_string_value(value);
        char *copy = strdup(text ? text : ""), *save = NULL;
        bool fits = copy != NULL;
        for (char *p = copy ? strtok_r(copy, ",", &save) : NULL; p;
             p = strtok_r(NULL, ",", &save)) {
            char *equals = strchr(p, '=');
            if (equals)
                *equals = 0;
            const char *has =
                json_string_value(json_object_get(json_object_get(host->j, "labels"), p));
            bool same = equals && has && !strcmp(has, equals + 1);
            fits = fits && same == want;
        }
        free(copy);
        if (!fits)
            return false;
    }
    return true;
}

static void set_agent_state(struct row *host, const char *state)
{
    char from[64];
    strncpy(from, row_str(host, "agentState"), sizeof from - 1);
    from[sizeof from - 1] = 0;
    row_set_str(host, "agentState", state);
    event_note("agentState", host, from, state);
}

static void set_default(json_t *fields, const char *key, json_t *value)
{
    if (json_object_get(fields, key))
        json_decref(value);
    else
        json_object_set_new(fields, key, value);
}

struct row *host_create(int project, json_t *fields)
{
    json_t *j = json_deep_copy(fields);
    set_default(j, "type", json_string("host"));
    set_default(j, "kind", json_string("docker"));
    set_default(j, "state", json_string("active"));
    set_default(j, "agentState", json_null());
    set_default(j, "labels", json_object());
    set_default(j, "publicEndpoints", json_array());
    set_default(j, "transitioning", json_string("no"));
    set_default(j, "transitioningMessage", json_null());
    set_default(j, "transitioningProgress", json_null());
    set_default(j, "info",
                json_pack("{s:{s:s, s:s, s:s}}", "osInfo", "dockerVersion",
                          "Docker version 1.10.3, build 20f81dd", "kernelVersion", "4.2.0",
                          "operatingSystem", "Ubuntu 14.04.4 LTS"));
    struct row *host = db_new(T_HOST, project, j);
    char text[64];
    snprintf(text, sizeof text, "1ph%d", host->num);
    row_set_str(host, "physicalHostId", text);
    if (row_is_null(host, "hostname")) {
        snprintf(text, sizeof text, "node%d", host->num);
        row_set_str(host, "hostname", text);
    }
    snprintf(text, sizeof text, "10.%d.%d.%d", host->num / 62500, (host->num / 250) % 250,
             host->num % 250 + 10);
    row_set_str(host, "agentIpAddress", text);
    char *image = setting_value("bootstrap.required.image");
    row_set_str(host, "_agentImage", image);
    host_add_image(host, image);
    free(image);
    struct row *agent =
        db_new(T_AGENT, project,
               json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "agent", "kind", "agent", "uri",
                         "event:///", "state", "active", "_host", row_id(host)));
    row_set_str(host, "agentId", row_id(agent));
    host->connected = !row_true(host, "_noAgent");
    return host;
}

// ---- agents after a lost connection

static void step_back(struct row *host)
{
    engine_done(host, SLOT_SIDE);
    if (is_away(host)) {
        engine_after(host, SLOT_SIDE, 5, "host.bootstrap");
        return;
    }
    host->connected = true;
    set_agent_state(host, "active");
}

static void agent_pulled(struct row *host, struct row *same, const char *error)
{
    (void)same;
    if (error) {
        // run.sh's loop: bootstrap again after five seconds, and the host stays `reconnecting`.
        row_set_str(host, "_agentError", error);
        db_bump("agentPullFailures");
        engine_after(host, SLOT_SIDE, 5, "host.bootstrap");
        return;
    }
    char *image = setting_value("bootstrap.required.image");
    row_set_str(host, "_agentImage", image);
    row_unset(host, "_agentError");
    db_bump("agentUpgrades");
    event_note("agentUpgraded", host, NULL, image);
    free(image);
    engine_after(host, SLOT_SIDE, 3, "host.back");
}

// The agent asks the server which image it has to be and compares strings, nothing else.
static void step_bootstrap(struct row *host)
{
    if (is_away(host) || fault_strikes_host("hostReconnectsNever", host)) {
        engine_after(host, SLOT_SIDE, 5, "host.bootstrap");
        return;
    }
    char *image = setting_value("bootstrap.required.image");
    json_t *fault = fault_get("agentPullFails");
    const char *text = json_string_value(json_object_get(fault, "text"));
    if (!strcmp(image, row_str(host, "_agentImage")))
        engine_after(host, SLOT_SIDE, 1, "host.back");
    else if (fault && fault_names_host(fault, host) && fault_strike("agentPullFails"))
        agent_pulled(host, host, text ? text : "Error: image not found");
    else if (host_holds(host, image))
        agent_pulled(host, host, NULL);
    else
        pull_start(host, image, agent_pulled, host);
    free(image);
}

static void step_lost(struct row *host)
{
    set_agent_state(host, "reconnecting");
    engine_after(host, SLOT_SIDE, 20, "host.bootstrap");
}

void host_server_started(void)
{
    for (int n = 1; n <= db_count(T_HOST); n++) {
        struct row *host = db_get(T_HOST, n);
        if (!host || row_gone(host) || row_true(host, "_noAgent"))
            continue;
        host->connected = false;
        // The API goes on showing what is stored until enough pings were missed: 45 to 120 seconds.
        if (!strcmp(row_str(host, "agentState"), "reconnecting"))
            engine_after(host, SLOT_SIDE, 20, "host.bootstrap");
        else
            engine_after(host, SLOT_SIDE, 45 + host->num * 37 % 76, "host.lost");
    }
}

// Fault hostAway, when switched on or off while the server runs: six missed pings, then
// reconnecting.
void host_apply_faults(void)
{
    for (int n = 1; n <= db_count(T_HOST); n++) {
        struct row *host = db_get(T_HOST, n);
        if (!host || row_gone(host) || row_true(host, "_noAgent"))
            continue;
        if (is_away(host) && host->connected) {
            host->connected = false;
            engine_after(host, SLOT_SIDE, 30, "host.lost");
        }
    }
}

// `docker rm` on the host: the next ping sync misses a running system container and does HA_RESTART
// with the image that is stored in the instance. Any other container just ends up stopped.
struct row *host_docker_rm(struct row *host, struct row *instance)
{
    (void)host;
    traffic_close(instance);
    db_bump("dockerRemovals");
    event_note("dockerRm", instance, row_str(instance, "state"), NULL);
    if (*row_str(instance, "systemContainer")) {
        row_state(instance, "stopping");
        row_unset(instance, "_remove");
        row_set(instance, "externalId", json_null());
        engine_after(instance, SLOT_PROCESS, 5, "host.harestart");
    } else {
        instance_stop(instance, false);
    }
    return instance;
}

static void step_ha_restart(struct row *instance)
{
    instance_start(instance);
}

void host_init(void)
{
    static const struct step steps[] = {
        {"host.lost", step_lost},
        {"host.bootstrap", step_bootstrap},
        {"host.back", step_back},
        {"host.harestart", step_ha_restart},
    };
    engine_register(steps, sizeof steps / sizeof *steps);
}
