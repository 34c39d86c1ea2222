/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "pull.h"
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void not_allowed(struct api *api)
{
    api_error(api, 405, "MethodNotAllowed", "Method not allowed", NULL);
}

static void invalid(struct api *api, const char *code, const char *field)
{
    api_error(api, 422, code, "Validation failed in API", field);
}

static void created(struct api *api, struct row *row)
{
    api_reply(api, 201, render_row(api, row));
}

static void accepted(struct api *api, struct row *row)
{
    api_reply(api, 202, render_row(api, row));
}

static const char *body_text(const struct api *api, const char *key)
{
    return json_string_value(json_object_get(api->body, key));
}

static bool is_dns_label(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    if (!size || size > 63 || name[0] == '-' || name[size - 1] == '-')
        return false;
    for (; *name; name++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", *name))
            return false;
    return true;
}

// ---- create

static void create_container(struct api *api)
{
    const char *image = body_text(api, "imageUuid"), *name = body_text(api, "name");
    const char *mode = body_text(api, "networkMode"), *host_id = body_text(api, "requestedHostId");
    if (!image) {
        invalid(api, "MissingRequired", "imageUuid");
        return;
    }
    if (strncmp(image, "docker:", 7) != 0 || !image_is_valid(image)) {
        invalid(api, "InvalidReference", "imageUuid");
        return;
    }
    if (name && !is_dns_label(name)) {
        invalid(api, "InvalidCharacters", "name");
        return;
    }
    struct row *host = db_get(T_HOST, id_num(host_id));
    if (host_id && (!host || host->project != api->project)) {
        invalid(api, "InvalidReference", "requestedHostId");
        return;
    }
    for (int n = 1; !host && n <= db_count(T_HOST); n++) {
        struct row *candidate = db_get(T_HOST, n);
        if (candidate && candidate->project == api->project && host_shown_active(candidate))
            host = candidate;
    }
    if (!host) {
        invalid(api, "InvalidReference", "requestedHostId");
        return;
    }
    json_t *fields = json_pack("{s:s}", "networkMode", mode ? mode : "managed");
    static const char *const keep[] = {"command", "entryPoint",  "environment",    "labels",
                                       "ports",   "description", "requestedHostId"};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (json_object_get(api->body, keep[i]))
            json_object_set(fields, keep[i], json_object_get(api->body, keep[i]));
    struct instance_spec spec = {.project = api->project,
                                 .host = host->num,
                                 .name = name,
                                 .image_uuid = image,
                                 .fields = fields,
                                 .start =
                                     !json_is_false(json_object_get(api->body, "startOnCreate"))};
    struct row *row = instance_create(&spec);
    json_decref(fields);
    created(api, row);
}

static bool name_taken(const struct api *api, const char *name, const char *stack)
{
    for (int n = 1; n <= db_count(T_SERVICE); n++) {
        struct row *s = db_get(T_SERVICE, n);
        if (s && s->project == api->project && row_is_null(s, "removed") &&
            !strcasecmp(row_str(s, "name"), name) && !strcmp(row_str(s, "environmentId"), stack))
            return true;
    }
    return false;
}

static bool certificates_exist(const struct api *api)
{
    json_t *id;
    size_t at;
    json_array_foreach(json_object_get(api->body, "certificateIds"), at, id)
    {
        struct row *c = db_get(T_CERTIFICATE, id_num(json_string_value(id)));
        if (!c || c->project != api->project || row_removed(c))
            return false;
    }
    return true;
}

// What a client may not set is dropped silently, as a schema without `create` does.
static json_t *creatable(const struct api *api, const struct api_type *type)
{
    json_t *out = json_object(), *value;
    const char *key;
    json_object_foreach(api->body, key, value)
    {
        const char *at = strstr(type->creatable, key);
        size_t size = strlen(key);
        if (at && (at == type->creatable || at[-1] == ',') && (at[size] == ',' || !at[size]))
            json_object_set(out, key, value);
    }
    return out;
}

static void create_service(struct api *api, const struct api_type *type)
{
    const char *name = body_text(api, "name"), *stack = body_text(api, "environmentId");
    struct row *environment = db_get(T_ENVIRONMENT, id_num(stack));
    if (!name) {
        invalid(api, "MissingRequired", "name");
        return;
    }
    if (!is_dns_label(name)) {
        invalid(api, "InvalidCharacters", "name");
        return;
    }
    if (!stack) {
        invalid(api, "MissingRequired", "environmentId");
        return;
    }
    if (!environment || environment->project != api->project) {
        invalid(api, "InvalidReference", "environmentId");
        return;
    }
    if (name_taken(api, name, stack)) {
        invalid(api, "NotUnique", "name");
        return;
    }
    if (!certificates_exist(api)) {
        invalid(api, "InvalidReference", "certificateIds");
        return;
    }
    json_t *fields = creatable(api, type);
    struct row *row = service_create(api->project, type->name, fields);
    json_decref(fields);
    created(api, row);
}

static void create_plain(struct api *api, const struct api_type *type)
{
    json_t *fields = creatable(api, type);
    json_object_set_new(fields, "type", json_string(type->name));
    json_object_set_new(fields, "kind", json_string(type->name));
    if (type->table == T_CREDENTIAL) {
        char token[37];
        sim_uuid(token);
        json_object_set_new(fields, "token", json_string(token));
    }
    struct row *row = db_new(type->table, api->project, fields);
    row_state(row, "active");
    created(api, row);
}

void write_create(struct api *api, const struct api_type *type)
{
    if (!api_may(api, type, 'c')) {
        not_allowed(api);
        return;
    }
    if (!strcmp(type->name, "container")) {
        create_container(api);
        return;
    }
    if (type->table == T_SERVICE) {
        create_service(api, type);
        return;
    }
    if (!strcmp(type->name, "project")) {
        created(api, project_create(body_text(api, "name"), "active"));
        return;
    }
    if (!strcmp(type->name, "pullTask")) {
        if (!body_text(api, "image")) {
            invalid(api, "MissingRequired", "image");
            return;
        }
        const char *mode = body_text(api, "mode");
        if (mode && strcmp(mode, "all") != 0 && strcmp(mode, "cached") != 0) {
            invalid(api, "InvalidOption", "mode");
            return;
        }
        created(api, pulltask_create(api->project, api->body));
        return;
    }
    create_plain(api, type);
}

// ---- update

void write_update(struct api *api, struct row *row)
{
    const struct api_type *type = api_type_of(row);
    static const char *const fixed = ",environmentId,launchConfig,imageUuid,startOnCreate,";
    if (!api_may(api, type, 'u')) {
        not_allowed(api);
        return;
    }
    if (!action_allowed(row, "update")) {
        not_allowed(api);
        return;
    }
    bool changed = false;
    json_t *fields = creatable(api, type), *value;
    const char *key;
    json_object_foreach(fields, key, value)
    {
        char search[80];
        snprintf(search, sizeof search, ",%.70s,", key);
        if (strstr(fixed, search) || json_equal(value, json_object_get(row->j, key)))
            continue;
        row_set(row, key, json_incref(value));
        // Only these schedule a process; a PUT that changes nothing triggers nothing.
        changed = changed || (row->type == T_SERVICE && strcmp(key, "description") != 0);
    }
    json_decref(fields);
    const char *error;
    if (changed)
        service_action(row, "update", NULL, &error);
    // account.update everywhere, host.update since 1.1: one arbitrary nic of the environment.
    if (row->type == T_ACCOUNT || (row->type == T_HOST && release_here()->is_1_1))
        netagent_event_random(row->type == T_ACCOUNT ? row->num : row->project);
    api_reply(api, 200, render_row(api, row));
}

// ---- delete

static void busy_or_wrong(struct api *api, const struct row *row)
{
    if (!strcmp(row_str(row, "transitioning"), "yes")) {
        api_error(api, 409, "Conflict", "Conflict", NULL);
        return;
    }
    not_allowed(api);
}

// DELETE of a running container is stop with remove:true, in one.
static bool remove_instance(struct row *row)
{
    if (action_allowed(row, "remove"))
        instance_remove(row);
    else if (action_allowed(row, "stop"))
        instance_stop(row, true);
    else
        return false;
    return true;
}

static bool certificate_used(const struct row *certificate)
{
    for (int n = 1; n <= db_count(T_SERVICE); n++) {
        struct row *s = db_get(T_SERVICE, n);
        json_t *id;
        size_t at;
        if (!s || row_removed(s))
            continue;
        json_array_foreach(json_object_get(s->j, "certificateIds"), at,
                           id) if (json_is_string(id) &&
                                   !strcmp(json_string_value(id), row_id(certificate))) return true;
    }
    return false;
}

static void remove_now(struct row *row)
{
    char when[32];
    sim_iso(sim_now_ms(), when);
    row_set_str(row, "removed", when);
    row_set(row, "removedTS", json_integer(sim_now_ms()));
    row_state(row, "removed");
}

void write_delete(struct api *api, struct row *row)
{
    const struct api_type *type = api_type_of(row);
    const char *error;
    if (!api_may(api, type, 'd')) {
        not_allowed(api);
        return;
    }
    if (row->type == T_INSTANCE) {
        if (!remove_instance(row)) {
            busy_or_wrong(api, row);
            return;
        }
    } else if (row->type == T_SERVICE) {
        if (!service_action(row, "remove", NULL, &error)) {
            busy_or_wrong(api, row);
            return;
        }
    } else if (row->type == T_CERTIFICATE && certificate_used(row)) {
        invalid(api, "InvalidAction", NULL);
        return;
    } else if (!action_allowed(row, "remove")) {
        busy_or_wrong(api, row);
        return;
    } else {
        remove_now(row);
    }
    api_reply(api, 200, render_row(api, row));
}

// ---- actions

static bool do_link(struct api *api, struct row *row, json_t *link)
{
    const char *id = json_string_value(json_object_get(link, "serviceId"));
    struct row *to = db_get(T_SERVICE, id_num(id));
    if (!to || to->project != row->project || row_removed(to)) {
        invalid(api, id ? "InvalidReference" : "MissingRequired", "serviceId");
        return false;
    }
    if (!service_link(row, to->num, json_string_value(json_object_get(link, "name")),
                      json_object_get(link, "ports"))) {
        invalid(api, "NotUnique", "serviceId");
        return false;
    }
    return true;
}

static bool links_valid(const struct row *row, json_t *links)
{
    json_t *link;
    size_t at;
    if (links && !json_is_array(links))
        return false;
    json_array_foreach(links, at, link)
    {
        struct row *to =
            db_get(T_SERVICE, id_num(json_string_value(json_object_get(link, "serviceId"))));
        if (!to || to->project != row->project || row_removed(to))
            return false;
    }
    return true;
}

static void link_action(struct api *api, struct row *row, const char *action)
{
    json_t *one = json_object_get(api->body, "serviceLink"), *link;
    json_t *many = json_object_get(api->body, "serviceLinks");
    size_t at;
    if (!strcmp(action, "addservicelink")) {
        if (!do_link(api, row, one))
            return;
    } else if (!strcmp(action, "removeservicelink")) {
        service_unlink(row, id_num(json_string_value(json_object_get(one, "serviceId"))),
                       json_string_value(json_object_get(one, "name")));
    } else {
        if (!links_valid(row, many)) {
            invalid(api, "InvalidReference", "serviceId");
            return;
        }
        service_clear_links(row);
        json_array_foreach(many, at, link) service_link(
            row, id_num(json_string_value(json_object_get(link, "serviceId"))),
            json_string_value(json_object_get(link, "name")), json_object_get(link, "ports"));
        netagent_event_random(row->project);
    }
    accepted(api, row);
}

static void instance_action(struct api *api, struct row *row, const char *action)
{
    if (!strcmp(action, "start"))
        instance_start(row);
    else if (!strcmp(action, "stop"))
        instance_stop(row, json_is_true(json_object_get(api->body, "remove")));
    else if (!strcmp(action, "restart"))
        instance_restart(row);
    else if (!strcmp(action, "remove"))
        instance_remove(row);
    else if (!strcmp(action, "purge"))
        engine_after(row, SLOT_PROCESS, 0.1, "instance.purging");
    else {
        invalid(api, "InvalidAction", NULL);
        return;
    }
    accepted(api, row);
}

static void service_do(struct api *api, struct row *row, const char *action)
{
    const char *error = NULL;
    if (strstr(action, "servicelink")) {
        link_action(api, row, action);
        return;
    }
    if (!service_action(row, action, api->body, &error)) {
        error ? invalid(api, "MissingRequired", error) : busy_or_wrong(api, row);
        return;
    }
    accepted(api, row);
}

static bool is_action(const struct api_type *type, const char *action)
{
    const char *at = strstr(type->actions, action);
    size_t size = strlen(action);
    return size && at && (at == type->actions || at[-1] == ',') && (at[size] == ',' || !at[size]);
}

void write_action(struct api *api, struct row *row, const char *action)
{
    const struct api_type *type = api_type_of(row);
    if (!is_action(type, action)) {
        api_error(api, 404, "ActionNotFound", "Action not found", NULL);
        return;
    }
    if (!api_may(api, type, 'u') && !api_may(api, type, 'c')) {
        not_allowed(api);
        return;
    }
    if (!action_allowed(row, action)) {
        busy_or_wrong(api, row);
        return;
    }
    if (row->type == T_INSTANCE) {
        instance_action(api, row, action);
        return;
    }
    if (row->type == T_SERVICE) {
        service_do(api, row, action);
        return;
    }
    if (!strcmp(action, "activate"))
        row_state(row, "active");
    else if (!strcmp(action, "deactivate"))
        row_state(row, "inactive");
    else if (!strcmp(action, "remove"))
        remove_now(row);
    accepted(api, row);
}
