/* SPDX-License-Identifier: Apache-2.0 */
// The in-service upgrade: units are replaced one by one, the old ones kept stopped (`_old`) until
// finishupgrade removes them or rollback starts them again.
#include "cattle.h"
#include "deploy.h"
#include "engine.h"

#include <string.h>

const char *upgrade_prepare(struct row *service, json_t *body)
{
    json_t *strategy = json_object_get(body, "inServiceStrategy");
    json_t *config = json_object_get(strategy, "launchConfig");
    if (!json_is_object(strategy))
        return "inServiceStrategy";
    if (!json_is_object(config))
        return "launchConfig";
    json_t *previous = json_object_get(service->j, "launchConfig"),
           *merged = json_deep_copy(previous);
    json_object_update(merged, config);
    row_set(service, "_previous", json_incref(previous));
    row_set(service, "launchConfig", merged);
    json_t *upgrade = json_deep_copy(body);
    json_object_set(json_object_get(upgrade, "inServiceStrategy"), "previousLaunchConfig",
                    previous);
    row_set(service, "upgrade", upgrade);
    row_set(service, "_wasInactive", json_boolean(row_state_is(service, "inactive")));
    for (int n = 0; n < service->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, service->kids.items[n]);
        if (i && instance_counts(i))
            row_set(i, "_old", json_true());
    }
    return NULL;
}

// One unit per tick: stop an old one, make the new one on its host, wait until it runs.
static void step_upgrading(struct row *s)
{
    engine_after(s, SLOT_PROCESS, 2, "service.upgrading");
    struct row *stopped = NULL;
    for (int n = 0; n < s->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (!i || !instance_counts(i))
            continue;
        if (!row_true(i, "_old") && !row_state_is(i, "running,error"))
            return;
        if (row_true(i, "_old") && row_state_is(i, "stopping,starting,restarting,creating"))
            return;
        if (row_true(i, "_old") && row_state_is(i, "stopped,error") && !row_true(i, "_replaced"))
            stopped = i;
    }
    if (stopped) {
        row_set(stopped, "_replaced", json_true());
        if (!row_true(s, "_wasInactive"))
            deploy_add_unit(s, stopped->host);
        return;
    }
    for (int n = 0; n < s->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (i && row_true(i, "_old") && row_state_is(i, "running")) {
            instance_stop(i, false);
            return;
        }
    }
    row_state(s, "upgraded");
    engine_done(s, SLOT_PROCESS);
}

static void step_canceled(struct row *s)
{
    row_state(s, "canceled-upgrade");
    engine_done(s, SLOT_PROCESS);
}

static void step_finishing(struct row *s)
{
    for (int n = s->kids.count - 1; n >= 0; n--) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (i && row_true(i, "_old") && row_state_is(i, "stopped,error"))
            instance_remove(i);
    }
    row_unset(s, "_previous");
    row_state(s, "active");
    engine_done(s, SLOT_PROCESS);
    netagent_event_random(s->project);
    service_reconcile(s);
}

static void step_rolling(struct row *s)
{
    bool busy = false;
    for (int n = s->kids.count - 1; n >= 0; n--) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (!i || row_true(i, "_old") || row_gone(i))
            continue;
        busy = true;
        if (row_state_is(i, "running"))
            instance_stop(i, true);
        else if (row_state_is(i, "stopped,error,creating"))
            instance_remove(i);
    }
    if (busy) {
        engine_after(s, SLOT_PROCESS, 1, "service.rolling");
        return;
    }
    for (int n = 0; n < s->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, s->kids.items[n]);
        if (!i)
            continue;
        row_unset(i, "_old");
        row_unset(i, "_replaced");
    }
    json_t *previous = json_object_get(s->j, "_previous");
    if (previous)
        row_set(s, "launchConfig", json_incref(previous));
    row_unset(s, "_previous");
    row_set(s, "upgrade", json_null());
    row_state(s, "active");
    engine_done(s, SLOT_PROCESS);
    service_reconcile(s);
}

void upgrade_init(void)
{
    static const struct step steps[] = {
        {"service.upgrading", step_upgrading},
        {"service.canceled", step_canceled},
        {"service.finishing", step_finishing},
        {"service.rolling", step_rolling},
    };
    engine_register(steps, sizeof steps / sizeof *steps);
}
