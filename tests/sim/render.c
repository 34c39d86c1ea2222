/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "cattle.h"
#include "deploy.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool hidden(const struct api *api, const char *key)
{
    static const char *const admin_only[] = {"agentId", "allocationState"};
    if (key[0] == '_')
        return true;
    for (size_t i = 0; i < sizeof admin_only / sizeof *admin_only; i++)
        if (!strcmp(key, admin_only[i]) && (api->project || api->role != ROLE_ADMIN))
            return true;
    return false;
}

static void url_of(const struct api *api, const struct row *row, char out[700])
{
    const struct api_type *type = api_type_of(row);
    snprintf(out, 700, "%s/%s/%s", row->type == T_ACCOUNT ? api->root : api->base, type->plural,
             row_id(row));
}

static void add_link(json_t *links, const char *name, const char *self, const char *tail)
{
    char url[900];
    snprintf(url, sizeof url, "%s/%s", self, tail);
    json_object_set_new(links, name, json_string(url));
}

static const char *const LINKS[T_TYPES] = {
    [T_ACCOUNT] = "hosts,containers,instances,services,loadbalancerservices,environments,"
                  "serviceconsumemaps,serviceexposemaps,certificates,pulltasks,registrationtokens,"
                  "schemas",
    [T_HOST] = "account,instances,containers",
    [T_INSTANCE] = "account,hosts,services,ports,serviceexposemaps",
    [T_SERVICE] = "account,environment,instances,serviceexposemaps,consumedservices,"
                  "consumedbyservices",
    [T_ENVIRONMENT] = "account,services",
    [T_CONSUME] = "account,service,consumedservice",
    [T_EXPOSE] = "account,service,instance",
    [T_AGENT] = "configitemstatuses",
};

static json_t *links_of(const struct api *api, const struct row *row)
{
    char self[700];
    url_of(api, row, self);
    json_t *links = json_pack("{s:s}", "self", self);
    const char *list = LINKS[row->type];
    while (list && *list) {
        char name[64];
        size_t size = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)size, list);
        add_link(links, name, self, name);
        list += size + (list[size] == ',');
    }
    if (row->type == T_INSTANCE && !row_removed(row))
        add_link(links, "stats", self, "stats");
    return links;
}

static bool instance_allows(const struct row *row, const char *action)
{
    static const struct {
        const char *action, *from;
    } table[] = {
        {"start", "stopped"},
        {"stop", "running,starting,restarting,updating-running,updating-stopped"},
        {"restart", "running"},
        {"remove", "requested,creating,updating-running,updating-stopped,stopped,erroring,error"},
        {"purge", "removed"},
        {"restore", "removed"},
        {"update", "running,stopped"},
        {"logs", "running,stopped,removed"},
        {"execute", "running"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].action, action) && row_state_is(row, table[i].from))
            return true;
    // 1.1 lets an instance be stopped while it is made.
    return !strcmp(action, "stop") && release_here()->is_1_1 && row_state_is(row, "creating");
}

bool action_allowed(const struct row *row, const char *action)
{
    bool active = row_state_is(row, "active"), inactive = row_state_is(row, "inactive");
    if (row->type == T_INSTANCE)
        return instance_allows(row, action);
    if (row->type == T_SERVICE && strstr(action, "servicelink"))
        return active || inactive || row_state_is(row, "activating,updating-active");
    if (row->type == T_SERVICE)
        return service_allows(row, action);
    if (!strcmp(action, "activate"))
        return inactive;
    if (!strcmp(action, "deactivate"))
        return active;
    if (!strcmp(action, "remove"))
        return row->type == T_HOST || row->type == T_ACCOUNT
                   ? inactive
                   : active || row_state_is(row, "activating");
    return active || inactive;
}

static json_t *actions_of(const struct api *api, const struct row *row)
{
    const struct api_type *type = api_type_of(row);
    json_t *actions = json_object();
    bool may = api_may(api, type, 'u') || api_may(api, type, 'c');
    for (const char *list = type->actions; may && *list;) {
        char name[64], self[700], url[800];
        size_t size = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)size, list);
        list += size + (list[size] == ',');
        if (!action_allowed(row, name))
            continue;
        url_of(api, row, self);
        snprintf(url, sizeof url, "%s/?action=%s", self, name);
        json_object_set_new(actions, name, json_string(url));
    }
    return actions;
}

static void add_token_fields(const struct api *api, json_t *out)
{
    // The effective image of the host agents leaks here, also to a project's key.
    char *image = setting_value("bootstrap.required.image"), text[1200];
    json_object_set_new(out, "image", json_string(image));
    snprintf(text, sizeof text, "%s/scripts/%s", api->root,
             json_string_value(json_object_get(out, "token")));
    json_object_set_new(out, "registrationUrl", json_string(text));
    char command[2400];
    snprintf(command, sizeof command,
             "sudo docker run -d --privileged -v /var/run/docker.sock:/var/run/docker.sock %s %s",
             image, text);
    json_object_set_new(out, "command", json_string(command));
    free(image);
}

json_t *render_row(const struct api *api, const struct row *row)
{
    json_t *out = json_pack("{s:s, s:s, s:o, s:o}", "id", row_id(row), "type", row_str(row, "type"),
                            "links", links_of(api, row), "actions", actions_of(api, row));
    const char *key;
    json_t *value;
    json_object_foreach(row->j, key, value) if (!hidden(api, key) && !json_object_get(out, key))
        json_object_set(out, key, value);
    if (row->type == T_SERVICE)
        json_object_set_new(out, "healthState", json_string(service_health(row)));
    if (row->type == T_CREDENTIAL)
        add_token_fields(api, out);
    if (row->type == T_CERTIFICATE)
        json_object_set_new(out, "key", json_null()); // write only
    if (!json_object_get(out, "transitioning")) {
        json_object_set_new(out, "transitioning", json_string("no"));
        json_object_set_new(out, "transitioningMessage", json_null());
        json_object_set_new(out, "transitioningProgress", json_null());
    }
    return out;
}

json_t *render_collection(const struct api *api, const char *type, json_t *data)
{
    char self[1100];
    snprintf(self, sizeof self, "%.399s%s", api->root, api->path);
    return json_pack("{s:s, s:s, s:{s:s}, s:{}, s:{}, s:o, s:{}, s:n, s:n, s:{}}", "type",
                     "collection", "resourceType", type, "links", "self", self, "createTypes",
                     "actions", "data", data, "sortLinks", "pagination", "sort", "filters");
}
