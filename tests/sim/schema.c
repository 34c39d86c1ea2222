/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static json_t *methods(const char *may, const char *first, char a, const char *second, char b,
                       const char *third, char c)
{
    json_t *out = json_array();
    if (strchr(may, a))
        json_array_append_new(out, json_string(first));
    if (second && strchr(may, b))
        json_array_append_new(out, json_string(second));
    if (third && strchr(may, c))
        json_array_append_new(out, json_string(third));
    return out;
}

static void each(const char *list, void (*fn)(json_t *out, const char *name, json_t *value),
                 json_t *out, json_t *value)
{
    while (*list) {
        char name[64];
        size_t size = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)size, list);
        list += size + (list[size] == ',');
        fn(out, name, value);
    }
}

static void put(json_t *out, const char *name, json_t *value)
{
    json_object_set_new(out, name, json_deep_copy(value));
}

static json_t *one(const struct api *api, const struct api_type *type)
{
    const char *may = api->project ? type->project : type->admin;
    char self[700], collection[700];
    snprintf(self, sizeof self, "%s/schemas/%s", api->base, type->name);
    snprintf(collection, sizeof collection, "%s/%s", api->base, type->plural);
    json_t *filters = json_object(), *actions = json_object(), *fields = json_object();
    json_t *modifiers = json_pack("{s:[s, s, s, s, s, s, s]}", "modifiers", "eq", "ne", "prefix",
                                  "like", "notlike", "null", "notnull");
    json_t *output = json_pack("{s:s}", "output", type->name);
    json_t *field =
        json_pack("{s:s, s:b, s:b, s:b}", "type", "string", "create", strchr(may, 'c') != NULL,
                  "update", strchr(may, 'u') != NULL, "nullable", 1);
    json_t *fixed = json_pack("{s:s, s:b, s:b, s:b}", "type", "string", "create", 0, "update", 0,
                              "nullable", 1);
    each("id,name,state,kind,uuid,description,created,removed,removeTime,accountId", put, filters,
         modifiers);
    each(type->columns, put, filters, modifiers);
    if (strchr(may, 'u') || strchr(may, 'c'))
        each(type->actions, put, actions, output);
    each("name,state,kind,uuid,created,removed,accountId", put, fields, fixed);
    each(type->columns, put, fields, fixed);
    each(type->creatable, put, fields, field);
    json_decref(modifiers);
    json_decref(output);
    json_decref(field);
    json_decref(fixed);
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
                     type->name, "type", "schema", "links", "self", self, "collection", collection,
                     "actions", "pluralName", type->plural, "resourceMethods",
                     methods(may, "GET", 'r', "PUT", 'u', "DELETE", 'd'), "collectionMethods",
                     methods(may, "GET", 'r', "POST", 'c', NULL, 0), "resourceActions", actions,
                     "collectionFilters", filters, "resourceFields", fields);
}

void schema_reply(struct api *api)
{
    json_t *data = json_array();
    for (const struct api_type *t = API_TYPES; t->name; t++) {
        const char *may = api->project ? t->project : t->admin;
        if (!*may)
            continue;
        if (api->count > 1 &&
            (!strcasecmp(api->parts[1], t->name) || !strcasecmp(api->parts[1], t->plural))) {
            json_decref(data);
            api_reply(api, 200, one(api, t));
            return;
        }
        if (api->count == 1)
            json_array_append_new(data, one(api, t));
    }
    if (api->count == 1) {
        api_reply(api, 200, render_collection(api, "schema", data));
        return;
    }
    json_decref(data);
    api_error(api, 404, "NotFound", "Not Found", NULL);
}
