/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/container.h"

#include "lib/engine/container.h"
#include "lib/json.h"

static int clear_leftover(const struct dr_upgrade *upgrade, const char *name, struct dr_err *err)
{
    json_auto_t *leftover = NULL;

    if (dr_docker_find(upgrade->engine, name, &leftover, err) < 0)
        return -1;
    if (!leftover)
        return 0;
    if (!dr_docker_is_new(leftover))
        return dr_fail(err, DR_ERR_REFUSED,
                       "container '%s' was started by somebody else than drover; stop it and look "
                       "what it is",
                       name);
    return dr_docker_remove(upgrade->engine, name, err);
}

int dr_container_make(struct dr_upgrade *upgrade, json_t *record, const json_t *spec,
                      struct dr_err *err)
{
    const char *name = dr_json_string_or(record, "name", "");
    json_auto_t *warnings = json_array();
    char id[DR_CONTAINER_ID] = "";
    json_t *entry;
    size_t i;

    if (clear_leftover(upgrade, name, err) < 0 ||
        dr_docker_create(upgrade->engine, name, json_object_get(spec, "body"), id, warnings, err) <
            0)
        return -1;
    json_array_foreach(warnings, i, entry)
        dr_log_warn(upgrade->log, "the engine says: %s",
                    json_is_string(entry) ? json_string_value(entry) : "?");
    if (dr_json_set(record, "id", json_string(id), err) < 0 ||
        dr_journal_save(upgrade->journal, err) < 0)
        return -1;
    json_array_foreach(json_object_get(spec, "connect"), i, entry)
    {
        if (dr_docker_connect(upgrade->engine, dr_json_string_or(entry, "network", ""), id,
                              json_object_get(entry, "endpoint"), err) < 0)
            return -1;
    }
    return 0;
}

int dr_container_find(const struct dr_upgrade *upgrade, const json_t *record, json_t **ret_inspect,
                      struct dr_err *err)
{
    const char *id = dr_json_string_or(record, "id", "");

    *ret_inspect = NULL;
    return *id ? dr_docker_find(upgrade->engine, id, ret_inspect, err) : 0;
}
