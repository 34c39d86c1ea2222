/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/sides.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/server/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

static bool is_secret(const char *name)
{
    static const char *const words[] = {"PASS", "SECRET", "TOKEN", "CREDENTIAL", "KEY"};
    char upper[128] = "";

    for (size_t i = 0; name[i] && name[i] != '=' && i + 1 < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(upper, words[i]))
            return true;
    }
    return false;
}

/* One field of one side; `value` is borrowed, and nothing is put for nothing. */
static int put(json_t *side, const char *what, const char *name, const json_t *value,
               struct dr_err *err)
{
    dr_autofree char *field = dr_text_format(err, "%s%.200s", what, name);
    dr_autofree char *text = NULL;

    if (!field)
        return -1;
    if (dr_spec_is_empty(value))
        return 0;
    text = json_is_string(value)
               ? strdup(json_string_value(value))
               : json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (!text)
        return dr_fail_memory(err);
    dr_text_clean(field);
    dr_text_clean(text);
    return dr_json_set(side, field, json_string(text), err);
}

static int put_map(json_t *side, const char *what, const json_t *map, struct dr_err *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map, name, value)
    {
        if (put(side, what, name, value, err) < 0)
            return -1;
    }
    return 0;
}

static int put_variables(json_t *side, const json_t *list, struct dr_err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        const char *value = strchr(text, '=');
        dr_autofree char *name = dr_text_format(err, "%.*s", (int)strcspn(text, "="), text);
        json_auto_t *shown = json_string(is_secret(text) ? "(not shown)"
                                         : !value        ? "(unset)"
                                         : value[1]      ? value + 1
                                                         : "(empty)");

        if (!name || put(side, "Env ", name, shown, err) < 0)
            return -1;
    }
    return 0;
}

/* The settings that an image can bring too. `from` lies over `under` (may be NULL), as the engine merges them. */
static int put_config(json_t *side, const json_t *from, const json_t *under, struct dr_err *err)
{
    static const char *const keys[] = {"Cmd",        "Entrypoint", "Healthcheck", "Hostname",
                                       "Domainname", "MacAddress", "StopSignal",  "StopTimeout",
                                       "User",       "WorkingDir", "Tty",         "OpenStdin"};
    bool own_command = json_object_get(from, "Entrypoint") != NULL;

    if (put_variables(side, json_object_get(under, "Env"), err) < 0 ||
        put_variables(side, json_object_get(from, "Env"), err) < 0 ||
        put_map(side, "Label ", json_object_get(under, "Labels"), err) < 0 ||
        put_map(side, "Label ", json_object_get(from, "Labels"), err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(from, keys[i]);
        /* A user's entrypoint keeps the image's command away. */
        bool inherits = !value && !(own_command && strcmp(keys[i], "Cmd") == 0);

        if (put(side, "", keys[i], inherits ? json_object_get(under, keys[i]) : value, err) < 0)
            return -1;
    }
    return 0;
}

static int put_host(json_t *side, const json_t *host, struct dr_err *err)
{
    /* Shown as mounts, or no settings of anybody's; the restart policy is given after the start. */
    static const char *const left_out[] = {"Binds",       "Mounts",       "ContainerIDFile",
                                           "ConsoleSize", "MaskedPaths",  "ReadonlyPaths",
                                           "AutoRemove",  "RestartPolicy"};
    json_auto_t *copy = json_copy((json_t *)(uintptr_t)host);

    if (host && !copy)
        return dr_fail_memory(err);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        json_object_del(copy, left_out[i]);
    if (put_map(side, "Port ", json_object_get(copy, "PortBindings"), err) < 0)
        return -1;
    json_object_del(copy, "PortBindings");
    return put_map(side, "HostConfig.", copy, err);
}

/* What is mounted where is proved on the created container; until then it is the old one's. */
static int put_mounts(json_t *side, const struct dr_spec_input *input, bool is_new,
                      struct dr_err *err)
{
    json_t *mount;
    size_t i;

    json_array_foreach(json_object_get(input->inspect, "Mounts"), i, mount)
    {
        const char *place = dr_json_string_or(mount, "Destination", "");
        json_auto_t *source = json_string(
            is_new && input->folder && dr_spec_is_database(place)
                ? input->folder
                : dr_json_string_or(mount, "Name", dr_json_string_or(mount, "Source", "")));

        if (put(side, "Mount ", place, source, err) < 0)
            return -1;
    }
    return 0;
}

/* The old side's endpoints are also what the spec made of them: the rest is the engine's own. */
static int put_networks(json_t *side, const json_t *spec, struct dr_err *err)
{
    json_t *endpoints = dr_json_at(spec, "body", "NetworkingConfig", "EndpointsConfig", NULL);
    json_auto_t *plain = json_string("member");
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach(endpoints, name, value)
    {
        if (put(side, "Network ", name, dr_spec_is_empty(value) ? plain : value, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(spec, "connect"), i, value)
    {
        const json_t *endpoint = json_object_get(value, "endpoint");

        if (put(side, "Network ", dr_json_string_or(value, "network", "?"),
                dr_spec_is_empty(endpoint) ? plain : endpoint, err) < 0)
            return -1;
    }
    return 0;
}

static int make_old(const struct dr_spec_input *input, const json_t *spec, json_t *side,
                    struct dr_err *err)
{
    const json_t *config = json_object_get(input->inspect, "Config");
    const char *host = dr_json_string_or(config, "Hostname", "");

    if (put(side, "", "Image", json_object_get(config, "Image"), err) < 0 ||
        put_config(side, config, NULL, err) < 0 ||
        put_host(side, json_object_get(input->inspect, "HostConfig"), err) < 0 ||
        put_mounts(side, input, false, err) < 0)
        return -1;
    /* The engine's invention, another one for each container. */
    if (*host && strncmp(host, dr_json_string_or(input->inspect, "Id", ""), 12) == 0)
        json_object_del(side, "Hostname");
    return put_networks(side, spec, err);
}

static int make_new(const struct dr_spec_input *input, const json_t *spec, const json_t *image,
                    json_t *side, struct dr_err *err)
{
    const json_t *body = json_object_get(spec, "body");

    if (put(side, "", "Image", json_object_get(body, "Image"), err) < 0 ||
        put_config(side, body, image, err) < 0 ||
        put_host(side, json_object_get(body, "HostConfig"), err) < 0 ||
        put_mounts(side, input, true, err) < 0)
        return -1;
    return put_networks(side, spec, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `all` holds every field of both. */
static json_t *pair(const json_t *before, const json_t *after, const json_t *all,
                    struct dr_err *err)
{
    size_t count = json_object_size(all);
    dr_autofree const char **names = calloc(count + 1, sizeof *names);
    json_auto_t *rows = json_array();
    const char *name;
    json_t *value;
    size_t i = 0;

    if (!names || !rows) {
        dr_fail_memory(err);
        return NULL;
    }
    json_object_foreach((json_t *)(uintptr_t)all, name, value) names[i++] = name;
    qsort(names, count, sizeof *names, by_name);
    for (i = 0; i < count; i++) {
        if (dr_json_append(rows,
                           json_pack("{s:s, s:s, s:s}", "field", names[i], "old",
                                     dr_json_string_or(before, names[i], "-"), "new",
                                     dr_json_string_or(after, names[i], "-")),
                           err) < 0)
            return NULL;
    }
    return json_incref(rows);
}

json_t *dr_sides_make(const struct dr_spec_input *input, const json_t *spec, const json_t *image,
                      struct dr_err *err)
{
    json_auto_t *before = json_object();
    json_auto_t *after = json_object();
    json_auto_t *all = json_object();

    if (!before || !after || !all) {
        dr_fail_memory(err);
        return NULL;
    }
    if (make_old(input, spec, before, err) < 0 || make_new(input, spec, image, after, err) < 0)
        return NULL;
    if (json_object_update(all, before) < 0 || json_object_update(all, after) < 0) {
        dr_fail_memory(err);
        return NULL;
    }
    return pair(before, after, all, err);
}
