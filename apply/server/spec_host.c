/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/server/database.h"
#include "apply/server/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

static const char *volume_at(const struct dr_spec_input *input, const char *destination)
{
    return dr_json_string_or(dr_docker_mount(input->inspect, destination), "Name", NULL);
}

/* An entry without a source would make a new, empty volume: say which one it is. */
static int name_binds(const struct dr_spec_input *input, json_t *host, struct dr_err *err)
{
    json_t *binds = json_object_get(host, "Binds");
    json_t *bind;
    size_t i;

    json_array_foreach(binds, i, bind)
    {
        const char *place = json_string_value(bind);
        const char *name = place && !strchr(place, ':') ? volume_at(input, place) : NULL;
        json_t *named = name ? json_sprintf("%s:%s", name, place) : NULL;

        if (name && json_array_set_new(binds, i, named) < 0)
            return dr_fail_memory(err);
    }
    return 0;
}

static int name_mounts(const struct dr_spec_input *input, json_t *host, struct dr_err *err)
{
    json_t *mount;
    size_t i;

    json_array_foreach(json_object_get(host, "Mounts"), i, mount)
    {
        const char *name = volume_at(input, dr_json_string_or(mount, "Target", ""));

        if (strcmp(dr_json_string_or(mount, "Type", ""), "volume") == 0 && name &&
            dr_spec_is_empty(json_object_get(mount, "Source")) &&
            dr_json_set(mount, "Source", json_string(name), err) < 0)
            return -1;
    }
    return 0;
}

static bool holds(const json_t *list, const json_t *text)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_equal(item, text))
            return true;
    }
    return false;
}

bool dr_spec_is_database(const char *place)
{
    const char *rest = place + strlen(DR_SERVER_DATABASE);

    if (!dr_text_starts(place, DR_SERVER_DATABASE))
        return false;
    rest += strspn(rest, "/");
    return *rest == '\0' || *rest == ':';
}

/* "/source:/place:mode", "name:/place", "/place": the place. */
static const char *place_of(const json_t *bind)
{
    const char *text = json_is_string(bind) ? json_string_value(bind) : "";
    const char *colon = strchr(text, ':');

    return colon ? colon + 1 : text;
}

int dr_spec_mount_database(json_t *host, const char *source, struct dr_err *err)
{
    json_t *binds = json_object_get(host, "Binds");
    json_t *mounts = json_object_get(host, "Mounts");

    for (size_t i = json_array_size(binds); i-- > 0;) {
        if (dr_spec_is_database(place_of(json_array_get(binds, i))))
            json_array_remove(binds, i);
    }
    for (size_t i = json_array_size(mounts); i-- > 0;) {
        if (dr_spec_is_database(dr_json_string_or(json_array_get(mounts, i), "Target", "")))
            json_array_remove(mounts, i);
    }
    if (!json_is_array(binds)) {
        binds = json_array();
        if (dr_json_set(host, "Binds", binds, err) < 0)
            return -1;
    }
    return dr_json_append(binds, json_sprintf("%s:%s", source, DR_SERVER_DATABASE), err);
}

/* Those that are gone have handed their volumes down to the old container, and from there they come through the
 * data container. */
static int take_volumes(const struct dr_spec_input *input, json_t *host, struct dr_err *err)
{
    json_t *sources = json_array();
    json_t *source;
    size_t i;

    if (!sources)
        return dr_fail_memory(err);
    json_array_foreach(json_object_get(host, "VolumesFrom"), i, source)
    {
        if (!holds(input->gone, source) && dr_json_append(sources, json_incref(source), err) < 0) {
            json_decref(sources);
            return -1;
        }
    }
    if (input->data_container &&
        dr_json_append(sources, json_string(input->data_container), err) < 0) {
        json_decref(sources);
        return -1;
    }
    return dr_json_set(host, "VolumesFrom", sources, err);
}

static int dedupe_links(json_t *host, struct dr_err *err)
{
    json_t *links = json_object_get(host, "Links");
    json_t *unique;
    json_t *link;
    size_t i;

    if (!json_is_array(links))
        return 0;
    unique = json_array();
    if (!unique)
        return dr_fail_memory(err);
    json_array_foreach(links, i, link)
    {
        if (!holds(unique, link) && json_array_append(unique, link) < 0) {
            json_decref(unique);
            return dr_fail_memory(err);
        }
    }
    return dr_json_set(host, "Links", unique, err);
}

/* [] is the user's "systempaths=unconfined"; a full list is the old engine's default, and the new one has its
 * own. */
static void drop_defaults(json_t *host)
{
    static const char *const always[] = {"ContainerIDFile", "ConsoleSize", "AutoRemove"};
    static const char *const filled[] = {"MaskedPaths", "ReadonlyPaths"};

    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        json_object_del(host, always[i]);
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        const json_t *paths = json_object_get(host, filled[i]);

        if (!json_is_array(paths) || json_array_size(paths) > 0)
            json_object_del(host, filled[i]);
    }
}

int dr_spec_add_host(const struct dr_spec_input *input, json_t *body, json_t *notes,
                     struct dr_err *err)
{
    json_t *host = json_deep_copy(json_object_get(input->inspect, "HostConfig"));
    bool random = dr_json_true(host, "PublishAllPorts");

    if (dr_json_set(body, "HostConfig", host, err) < 0)
        return -1;
    drop_defaults(host);
    if (name_binds(input, host, err) < 0 || name_mounts(input, host, err) < 0 ||
        (input->folder && dr_spec_mount_database(host, input->folder, err) < 0) ||
        take_volumes(input, host, err) < 0 || dedupe_links(host, err) < 0)
        return -1;
    if (random &&
        dr_json_append(notes,
                       json_string("all ports are published at random host ports: they will "
                                   "change, and agents keep using the old address"),
                       err) < 0)
        return -1;
    /* The real policy comes after the start: engines before 18.06 start a created container with `always` when the
     * engine itself starts, and that would be two servers on one database. */
    return dr_json_set(host, "RestartPolicy",
                       json_pack("{s:s, s:i}", "Name", "no", "MaximumRetryCount", 0), err);
}
