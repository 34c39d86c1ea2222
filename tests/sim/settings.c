/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "base.h"
#include "db.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const struct release RELEASES[] = {
    {"v1.0.0", "v0.159.2", "v0.11.0", "v0.8.1", 1592, false},
    {"v1.0.1", "v0.159.7", "v1.0.1", "v0.8.1", 1597, false},
    {"v1.0.2", "v0.159.8", "v1.0.1", "v0.8.1", 1598, false},
    {"v1.1.0", "v0.165.4", "v1.0.2", "v0.8.3", 16540, true},
    {"v1.1.1", "v0.165.7", "v1.0.2", "v0.8.3", 16570, true},
    {"v1.1.2", "v0.165.8", "v1.0.2", "v0.8.3", 16580, true},
    {"v1.1.3", "v0.165.8.1", "v1.0.2", "v0.8.3", 16581, true},
    {"v1.1.4", "v0.165.8.4", "v1.0.2", "v0.8.3", 16584, true},
};

// name -> packaged default; an empty one exists without a value.
static const struct {
    const char *name, *value;
} PACKAGED[] = {
    {"agent.instance.image.uuid", "docker:${agent.instance.image}"},
    {"api.host", ""},
    {"api.security.enabled", "false"},
    {"api.show.removed.for.seconds", "300"},
    {"install.uuid", ""},
};

static const char *const PUBLIC[] = {
    "rancher.server.image",
    "rancher.server.version",
    "cattle.version",
    "catalog.url",
    "rancher.compose.linux.url",
    "rancher.compose.darwin.url",
    "rancher.compose.windows.url",
    "rancher.compose.version",
    "api.ui.index",
};

const struct release *release_here(void)
{
    static const struct release *found;
    if (found)
        return found;
    char path[SIM_PATH_MAX];
    char *text = sim_read_file(sim_path(path, "/usr/share/cattle/version"), NULL);
    found = &RELEASES[2];
    if (text)
        text[strcspn(text, " \r\n")] = 0;
    for (size_t i = 0; text && i < sizeof RELEASES / sizeof *RELEASES; i++)
        if (!strcmp(text, RELEASES[i].server))
            found = &RELEASES[i];
    free(text);
    return found;
}

bool setting_is_public(const char *name)
{
    for (size_t i = 0; i < sizeof PUBLIC / sizeof *PUBLIC; i++)
        if (!strcmp(PUBLIC[i], name))
            return true;
    return false;
}

// CATTLE_AGENT_INSTANCE_IMAGE of the setting agent.instance.image.
static const char *from_env(const char *prefix, const char *name)
{
    char key[256];
    size_t size = (size_t)snprintf(key, sizeof key, "%s%s", prefix, name);
    if (size >= sizeof key)
        return NULL;
    for (char *p = key; *p; p++)
        *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    const char *value = getenv(key);
    return value && *value ? value : NULL; // blank values are ignored
}

static const char *from_package(const char *name, char out[128])
{
    const struct release *r = release_here();
    if (!strcmp(name, "agent.instance.image")) {
        snprintf(out, 128, "rancher/agent-instance:%s", r->agent_instance);
        return out;
    }
    if (!strcmp(name, "bootstrap.required.image")) {
        snprintf(out, 128, "rancher/agent:%s", r->agent);
        return out;
    }
    for (size_t i = 0; i < sizeof PACKAGED / sizeof *PACKAGED; i++)
        if (!strcmp(PACKAGED[i].name, name))
            return PACKAGED[i].value;
    return NULL;
}

// The raw effective value and where it is from; NULL when no source has the name.
static const char *raw(const char *name, char out[128], const char **ret_source)
{
    const char *value = from_env("CATTLE_", name);
    *ret_source = "Environment Variables";
    if (value)
        return value;
    value = json_string_value(json_object_get(json_object_get(db_meta(), "settings"), name));
    *ret_source = "Database";
    if (value)
        return value;
    value = from_env("DEFAULT_CATTLE_", name);
    *ret_source = "Default Environment Variables";
    if (value)
        return value;
    value = from_package(name, out);
    *ret_source = !strcmp(name, "agent.instance.image") || !strcmp(name, "bootstrap.required.image")
                      ? "cattle-global.properties"
                      : "Code Packaged Defaults";
    return value;
}

// ${other.name} is replaced, to a small depth: a setting that names itself must not hang us.
static char *interpolate(const char *text, int depth)
{
    const char *open = depth < 4 ? strstr(text, "${") : NULL;
    const char *close = open ? strchr(open, '}') : NULL;
    if (!close)
        return strdup(text);
    char name[128], buffer[128];
    const char *source;
    snprintf(name, sizeof name, "%.*s", (int)(close - open - 2), open + 2);
    const char *inner = raw(name, buffer, &source);
    char *middle = interpolate(inner ? inner : "", depth + 1),
         *rest = interpolate(close + 1, depth);
    char *out = NULL;
    if (!middle || !rest || asprintf(&out, "%.*s%s%s", (int)(open - text), text, middle, rest) < 0)
        out = NULL;
    free(middle);
    free(rest);
    return out;
}

char *setting_value(const char *name)
{
    char buffer[128];
    const char *source, *value = raw(name, buffer, &source);
    char *out = interpolate(value ? value : "", 0);
    return out ? out : strdup("");
}

json_t *setting_resource(const char *name)
{
    char buffer[128];
    const char *source, *active = raw(name, buffer, &source);
    if (!active)
        return NULL;
    const char *stored =
        json_string_value(json_object_get(json_object_get(db_meta(), "settings"), name));
    char *effective = setting_value(name), id[300];
    snprintf(id, sizeof id, "1as!%s", name);
    // `value` is the database's even where the environment wins: that is the real trap.
    const char *value = stored ? stored : effective;
    json_t *out = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s, s:b}", "id", id, "type",
                            "activeSetting", "name", name, "value", value, "activeValue", active,
                            "source", source, "inDb", stored != NULL);
    free(effective);
    return out;
}

static void add_name(json_t *set, const char *name)
{
    if (*name && strlen(name) < 200)
        json_object_set_new(set, name, json_true());
}

json_t *setting_names(void)
{
    json_t *set = json_object(), *out = json_array();
    add_name(set, "agent.instance.image");
    add_name(set, "bootstrap.required.image");
    for (size_t i = 0; i < sizeof PACKAGED / sizeof *PACKAGED; i++)
        add_name(set, PACKAGED[i].name);
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(db_meta(), "settings"), name, value) add_name(set, name);
    for (char **e = environ; *e; e++) {
        char key[256];
        const char *at = !strncmp(*e, "DEFAULT_CATTLE_", 15) ? *e + 15
                         : !strncmp(*e, "CATTLE_", 7)        ? *e + 7
                                                             : NULL;
        if (!at || strlen(at) >= sizeof key)
            continue;
        size_t i = 0;
        for (; at[i] && at[i] != '='; i++)
            key[i] = at[i] == '_' ? '.' : (char)tolower((unsigned char)at[i]);
        key[i] = 0;
        if (at[i] == '=' && at[i + 1])
            add_name(set, key);
    }
    json_object_foreach(set, name, value) json_array_append_new(out, json_string(name));
    json_decref(set);
    return out;
}

void setting_put(const char *name, const char *value)
{
    json_t *settings = json_object_get(db_meta(), "settings");
    if (value)
        json_object_set_new(settings, name, json_string(value));
    else
        json_object_del(settings, name);
    db_touch_meta();
}
