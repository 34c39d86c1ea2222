/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/server/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

bool dr_spec_is_empty(const json_t *value)
{
    return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

bool dr_spec_same(const json_t *a, const json_t *b)
{
    return (dr_spec_is_empty(a) && dr_spec_is_empty(b)) || json_equal(a, b);
}

bool dr_spec_same_variable(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");

    return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

const char *dr_spec_variable(const json_t *env, const char *name)
{
    size_t length = strlen(name);
    json_t *item;
    size_t i;

    json_array_foreach(env, i, item)
    {
        const char *text = json_string_value(item);

        if (text && strncmp(text, name, length) == 0 && text[length] == '=')
            return text + length + 1;
    }
    return NULL;
}

bool dr_spec_is_version_variable(const char *assignment)
{
    static const char *const names[] = {"CATTLE_RANCHER_SERVER_VERSION", "CATTLE_CATTLE_VERSION",
                                        "CATTLE_RANCHER_COMPOSE_VERSION",
                                        "CATTLE_RANCHER_CLI_VERSION"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (dr_spec_same_variable(assignment, names[i]))
            return true;
    }
    /* Up to v1.0.2 this held a version; since v1.1.0 it holds a repository's name. */
    return dr_text_starts(assignment, "CATTLE_RANCHER_SERVER_IMAGE=v");
}

bool dr_spec_contains(const json_t *list, const json_t *wanted)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_equal(item, wanted))
            return true;
    }
    return false;
}

static bool is_set(const char *const *variables, const char *assignment)
{
    for (; *variables; variables++) {
        if (dr_spec_same_variable(*variables, assignment))
            return true;
    }
    return false;
}

static int note_pinned(json_t *notes, const char *assignment, struct dr_err *err)
{
    dr_autofree char *text = dr_text_format(
        err, "variable '%.200s' was pinned by an earlier tool: left to the new image", assignment);

    if (!text)
        return -1;
    dr_text_clean(text);
    return dr_json_append(notes, json_string(text), err);
}

static int add_env(const struct dr_spec_input *input, const json_t *old, const json_t *image,
                   json_t *body, json_t *notes, struct dr_err *err)
{
    json_t *list = json_array();
    json_t *item;
    size_t i;

    if (dr_json_set(body, "Env", list, err) < 0)
        return -1;
    json_array_foreach(json_object_get(old, "Env"), i, item)
    {
        const char *text = json_string_value(item);

        if (!text || dr_spec_contains(json_object_get(image, "Env"), item) ||
            is_set(input->variables, text))
            continue;
        if (dr_spec_is_version_variable(text)) {
            if (note_pinned(notes, text, err) < 0)
                return -1;
            continue;
        }
        if (dr_json_append(list, json_incref(item), err) < 0)
            return -1;
    }
    for (const char *const *variable = input->variables; *variable; variable++) {
        if (dr_json_append(list, json_string(*variable), err) < 0)
            return -1;
    }
    return 0;
}

int dr_spec_copy(json_t *to, const json_t *from, const char *key, struct dr_err *err)
{
    const json_t *value = json_object_get(from, key);

    return value ? dr_json_set(to, key, json_deep_copy(value), err) : 0;
}

/* The engine takes Cmd from the image only where the user gave neither Entrypoint nor Cmd. */
static int add_command(const json_t *old, const json_t *image, json_t *body, struct dr_err *err)
{
    const json_t *entrypoint = json_object_get(old, "Entrypoint");
    const json_t *cmd = json_object_get(old, "Cmd");

    if (dr_spec_same(entrypoint, json_object_get(image, "Entrypoint"))) {
        if (dr_spec_same(cmd, json_object_get(image, "Cmd")))
            return 0;
        return dr_spec_copy(body, old, "Cmd", err);
    }
    if (dr_json_set(body, "Entrypoint",
                    dr_spec_is_empty(entrypoint) ? json_array() : json_deep_copy(entrypoint),
                    err) < 0)
        return -1;
    return dr_spec_is_empty(cmd) ? 0 : dr_spec_copy(body, old, "Cmd", err);
}

/* The entries of an object that the image's object does not have with the same value. */
static json_t *difference(json_t *old, json_t *image, struct dr_err *err)
{
    json_t *left = json_object();
    const char *name;
    json_t *value;

    if (!left) {
        dr_fail_memory(err);
        return NULL;
    }
    json_object_foreach(old, name, value)
    {
        if (json_object_get(image, name) && json_equal(json_object_get(image, name), value))
            continue;
        if (dr_json_set(left, name, json_deep_copy(value), err) < 0) {
            json_decref(left);
            return NULL;
        }
    }
    return left;
}

static int add_difference(const json_t *old, const json_t *image, const char *key, json_t *body,
                          struct dr_err *err)
{
    json_auto_t *left = difference(json_object_get(old, key), json_object_get(image, key), err);

    if (!left)
        return -1;
    return json_object_size(left) == 0 ? 0 : dr_json_set(body, key, json_incref(left), err);
}

/* A port that is bound but not exposed is not published, and no engine says a word. */
static int add_ports(const struct dr_spec_input *input, const json_t *old, const json_t *image,
                     json_t *body, struct dr_err *err)
{
    json_auto_t *ports = difference(json_object_get(old, "ExposedPorts"),
                                    json_object_get(image, "ExposedPorts"), err);
    json_t *binding;
    const char *port;

    if (!ports)
        return -1;
    json_object_foreach(dr_json_at(input->inspect, "HostConfig", "PortBindings", NULL), port,
                        binding)
    {
        if (dr_json_set(ports, port, json_object(), err) < 0)
            return -1;
    }
    return json_object_size(ports) == 0
               ? 0
               : dr_json_set(body, "ExposedPorts", json_incref(ports), err);
}

static int add_if_differs(const json_t *old, const json_t *image, const char *key, json_t *body,
                          struct dr_err *err)
{
    if (dr_spec_same(json_object_get(old, key), json_object_get(image, key)))
        return 0;
    return dr_spec_copy(body, old, key, err);
}

/* The engine's own invention (the id's first digits) and another namespace's name are not the user's. */
static int add_hostname(const struct dr_spec_input *input, const json_t *old, json_t *body,
                        struct dr_err *err)
{
    const char *name = dr_json_string_or(old, "Hostname", "");
    const char *id = dr_json_string_or(input->inspect, "Id", "");
    const char *uts = json_string_value(dr_json_at(input->inspect, "HostConfig", "UTSMode", NULL));
    const char *mode = dr_spec_network_mode(input->inspect);

    if (!*name || strncmp(name, id, 12) == 0 || (uts && strcmp(uts, "host") == 0) ||
        strcmp(mode, "host") == 0 || dr_text_starts(mode, "container:"))
        return 0;
    if (dr_spec_copy(body, old, "Hostname", err) < 0)
        return -1;
    return dr_spec_is_empty(json_object_get(old, "Domainname"))
               ? 0
               : dr_spec_copy(body, old, "Domainname", err);
}

static int add_flags(const json_t *old, json_t *body, struct dr_err *err)
{
    static const char *const flags[] = {"Tty", "OpenStdin", "StdinOnce", "NetworkDisabled"};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (dr_json_true(old, flags[i]) && dr_json_set(body, flags[i], json_true(), err) < 0)
            return -1;
    }
    if (json_is_integer(json_object_get(old, "StopTimeout")))
        return dr_spec_copy(body, old, "StopTimeout", err);
    return 0;
}

int dr_spec_add_config(const struct dr_spec_input *input, json_t *body, json_t *notes,
                       struct dr_err *err)
{
    const json_t *old = json_object_get(input->inspect, "Config");
    const json_t *image = json_object_get(input->image, "Config");

    if (dr_json_set(body, "Image", json_string(input->reference), err) < 0 ||
        add_env(input, old, image, body, notes, err) < 0 ||
        add_command(old, image, body, err) < 0 ||
        add_if_differs(old, image, "WorkingDir", body, err) < 0 ||
        add_if_differs(old, image, "User", body, err) < 0 ||
        add_difference(old, image, "Labels", body, err) < 0 ||
        add_ports(input, old, image, body, err) < 0 ||
        add_difference(old, image, "Volumes", body, err) < 0 ||
        /* A sub-field that is not sent is inherited; ["NONE"] is the user's way to switch it off. */
        add_difference(old, image, "Healthcheck", body, err) < 0 ||
        add_hostname(input, old, body, err) < 0 || add_flags(old, body, err) < 0)
        return -1;
    /* Docker 1.10 to 1.12 stored the default where nobody had asked for it. */
    if (strcmp(dr_json_string_or(old, "StopSignal", "SIGTERM"), "SIGTERM") != 0)
        return add_if_differs(old, image, "StopSignal", body, err);
    return 0;
}
