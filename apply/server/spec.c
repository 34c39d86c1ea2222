/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/spec.h"

#include <string.h>

#include "apply/server/spec_parts.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

json_t *dr_spec_make(const struct dr_spec_input *input, struct dr_err *err)
{
    json_auto_t *spec = json_pack("{s:{}, s:[], s:[]}", "body", "connect", "notes");
    json_t *body = json_object_get(spec, "body");
    json_t *notes = json_object_get(spec, "notes");

    if (!spec) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_spec_add_config(input, body, notes, err) < 0 ||
        dr_spec_add_host(input, body, notes, err) < 0 ||
        dr_spec_add_networks(input, body, json_object_get(spec, "connect"), err) < 0)
        return NULL;
    return json_incref(spec);
}

/* "/path", "/path/" or "/path:mode". */
static bool is_place(const char *text, const char *destination)
{
    const char *rest = text + strlen(destination);

    return dr_text_starts(text, destination) && (*rest == '\0' || *rest == ':' || *rest == '/');
}

/* "name:/path[:mode]" with a name, not a folder: that volume comes back by itself. */
static bool bound_by_name(const json_t *inspect, const char *name, const char *destination)
{
    size_t length = strlen(name);
    json_t *entry;
    size_t i;

    json_array_foreach(dr_json_at(inspect, "HostConfig", "Binds", NULL), i, entry)
    {
        const char *bind = json_string_value(entry);

        if (bind && strncmp(bind, name, length) == 0 && bind[length] == ':' &&
            is_place(bind + length + 1, destination))
            return true;
    }
    json_array_foreach(dr_json_at(inspect, "HostConfig", "Mounts", NULL), i, entry)
    {
        if (strcmp(dr_json_string_or(entry, "Source", ""), name) == 0 &&
            strcmp(dr_json_string_or(entry, "Target", ""), destination) == 0)
            return true;
    }
    return false;
}

static bool comes_from(const json_t *sources, const char *name, const char *destination)
{
    json_t *source;
    size_t i;

    json_array_foreach(sources, i, source)
    {
        const json_t *mount = dr_docker_mount(source, destination);

        if (strcmp(dr_json_string_or(mount, "Name", ""), name) == 0)
            return true;
    }
    return false;
}

bool dr_spec_needs_data(const json_t *inspect, const json_t *sources)
{
    json_t *mount;
    size_t i;

    json_array_foreach(json_object_get(inspect, "Mounts"), i, mount)
    {
        const char *name = dr_json_string_or(mount, "Name", "");
        const char *destination = dr_json_string_or(mount, "Destination", "");

        if (*name && !bound_by_name(inspect, name, destination) &&
            !comes_from(sources, name, destination))
            return true;
    }
    return false;
}
