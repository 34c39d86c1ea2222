/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <string.h>

const char *const FAULT_NAMES[] = {
    "slowTransitions",
    "stuckRemoving",
    "hostAway",
    "conflictStorm",
    "serverErrors",
    "dropConnections",
    "slowResponses",
    "imageMissing",
    "pullFails",
    "agentPullFails",
    "lbMoves",
    "lbError",
    "lbNeverHealthy",
    "agentStartFails",
    "apiRestart",
    "hostDiesAfterWrites",
    "sticky",
    "hostReconnectsNever",
    NULL,
};

static json_t *all(void)
{
    return json_object_get(db_meta(), "faults");
}

json_t *fault_get(const char *name)
{
    json_t *fault = json_object_get(all(), name);
    return json_is_object(fault) ? fault : NULL;
}

bool fault_strike(const char *name)
{
    json_t *fault = fault_get(name);
    if (!fault)
        return false;
    json_t *count = json_object_get(fault, "count");
    if (!json_is_integer(count))
        return true;
    if (json_integer_value(count) <= 0)
        return false;
    json_object_set_new(fault, "count", json_integer(json_integer_value(count) - 1));
    db_touch_meta();
    return true;
}

bool fault_names_host(const json_t *fault, const struct row *host)
{
    const char *wanted = json_string_value(json_object_get(fault, "host"));
    return !wanted ||
           (host && (!strcmp(wanted, row_id(host)) || !strcmp(wanted, row_str(host, "name")) ||
                     !strcmp(wanted, row_str(host, "hostname"))));
}

bool fault_strikes_host(const char *name, const struct row *host)
{
    json_t *fault = fault_get(name);
    return fault && fault_names_host(fault, host) && fault_strike(name);
}

double faults_slowness(const struct row *row)
{
    json_t *fault = fault_get("slowTransitions");
    if (!fault || row->type == T_ACCOUNT)
        return 1;
    double factor = json_number_value(json_object_get(fault, "factor"));
    return factor > 0 ? factor : 10;
}

static bool known(const char *name)
{
    for (size_t i = 0; FAULT_NAMES[i]; i++)
        if (!strcmp(FAULT_NAMES[i], name))
            return true;
    return false;
}

int faults_set(json_t *wanted, const char **ret_unknown)
{
    const char *name;
    json_t *value;
    json_object_foreach(wanted, name, value)
    {
        if (known(name))
            continue;
        *ret_unknown = name;
        return -1;
    }
    json_object_foreach(wanted, name, value)
    {
        if (json_is_object(value))
            json_object_set(all(), name, value);
        else if (json_is_true(value))
            json_object_set_new(all(), name, json_object());
        else
            json_object_del(all(), name);
    }
    db_touch_meta();
    return 0;
}
