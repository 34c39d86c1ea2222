/* SPDX-License-Identifier: Apache-2.0 */
// Collections that are no tables: settings, haconfigs with its dump, the change log lock, config
// items.
#include "api.h"
#include "base.h"
#include "cattle.h"
#include "settings.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_admin(const struct api *api)
{
    return api->role == ROLE_ADMIN && !api->project;
}

static void not_found(struct api *api)
{
    api_error(api, 404, "NotFound", "Not Found", NULL);
}

// ---- settings

static json_t *with_links(const struct api *api, json_t *setting, const char *collection)
{
    char url[900];
    snprintf(url, sizeof url, "%s/%s/%s", api->base, collection,
             json_string_value(json_object_get(setting, "id")));
    json_object_set_new(setting, "links", json_pack("{s:s}", "self", url));
    json_object_set_new(setting, "actions", json_object());
    return setting;
}

static void settings_list(struct api *api, const char *collection)
{
    json_t *names = setting_names(), *data = json_array(), *name;
    const char *wanted = api_query(api, "name");
    size_t at;
    json_array_foreach(names, at, name)
    {
        const char *text = json_string_value(name);
        if ((!is_admin(api) && !setting_is_public(text)) || (wanted && strcmp(wanted, text) != 0))
            continue;
        json_t *setting = setting_resource(text);
        if (setting)
            json_array_append_new(data, with_links(api, setting, collection));
    }
    json_decref(names);
    api_reply(api, 200, render_collection(api, "activeSetting", data));
}

static void setting_write(struct api *api, const char *name, const char *collection)
{
    const char *value = json_string_value(json_object_get(api->body, "value"));
    if (!is_admin(api)) {
        api_error(api, 405, "MethodNotAllowed", "Method not allowed", NULL);
        return;
    }
    if (strcmp(api->method, "DELETE") != 0 && !value) {
        api_error(api, 422, "MissingRequired", "Validation failed in API", "value");
        return;
    }
    setting_put(name, !strcmp(api->method, "DELETE") ? NULL : value);
    json_t *setting = setting_resource(name);
    if (!setting)
        setting = json_pack("{s:s, s:s}", "id", name, "type", "activeSetting");
    api_reply(api, !strcmp(api->method, "POST") ? 201 : 200, with_links(api, setting, collection));
}

void special_settings(struct api *api)
{
    const char *collection = api->parts[0];
    const char *name = api->count > 1 ? api->parts[1] : NULL;
    if (name && !strncmp(name, "1as!", 4))
        name += 4;
    bool get = !strcmp(api->method, "GET");
    if (!name && get) {
        settings_list(api, collection);
        return;
    }
    if (!name)
        name = json_string_value(json_object_get(api->body, "name"));
    if (!name || strlen(name) > 200) {
        api_error(api, 422, "MissingRequired", "Validation failed in API", "name");
        return;
    }
    if (!get) {
        setting_write(api, name, collection);
        return;
    }
    json_t *setting = is_admin(api) || setting_is_public(name) ? setting_resource(name) : NULL;
    if (!setting) {
        not_found(api);
        return;
    }
    api_reply(api, 200, with_links(api, setting, collection));
}

// ---- haconfigs and the dump

static unsigned crc32_of(const unsigned char *data, size_t size)
{
    unsigned crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void le(struct evbuffer *out, unsigned value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8) {
        unsigned char byte = (unsigned char)value;
        evbuffer_add(out, &byte, 1);
    }
}

static void zip_fields(struct evbuffer *out, unsigned crc, unsigned size, unsigned name)
{
    le(out, 20, 2); // version needed
    le(out, 0, 2);
    le(out, 0, 2); // stored
    le(out, 0x6000, 2);
    le(out, 0x48be, 2);
    le(out, crc, 4);
    le(out, size, 4);
    le(out, size, 4);
    le(out, name, 2);
    le(out, 0, 2);
}

// One stored member: a ZIP of a "mysqldump", as GET .../dbdump streams it.
static void zip(struct evbuffer *out, const char *name, const char *data, unsigned size)
{
    unsigned crc = crc32_of((const unsigned char *)data, size), length = (unsigned)strlen(name);
    le(out, 0x04034b50, 4);
    zip_fields(out, crc, size, length);
    evbuffer_add(out, name, length);
    evbuffer_add(out, data, size);
    le(out, 0x02014b50, 4);
    le(out, 20, 2);
    zip_fields(out, crc, size, length);
    le(out, 0, 2);
    le(out, 0, 2);
    le(out, 0, 2);
    le(out, 0, 4);
    le(out, 0, 4);
    evbuffer_add(out, name, length);
    le(out, 0x06054b50, 4);
    le(out, 0, 4);
    le(out, 1, 2);
    le(out, 1, 2);
    le(out, 46 + length, 4);
    le(out, 30 + length + size, 4);
    le(out, 0, 2);
}

static void dump_reply(struct api *api)
{
    struct evbuffer *text = evbuffer_new(), *out = evbuffer_new();
    if (!text || !out)
        abort();
    evbuffer_add_printf(text, "-- MySQL dump 10.13  Distrib 5.5.49\n--\n-- Database: cattle\n");
    for (int t = 0; t < T_TYPES; t++) {
        for (int n = 1; n <= db_count((enum row_type)t); n++) {
            struct row *row = db_get((enum row_type)t, n);
            char *line = row ? json_dumps(row->j, JSON_COMPACT) : NULL;
            if (line)
                evbuffer_add_printf(text, "INSERT INTO `sim%d` VALUES (%d,'%s');\n", t, n, line);
            free(line);
        }
    }
    evbuffer_add_printf(text, "-- Dump completed\n");
    zip(out, "cattle-mysql-dump.sql", (const char *)evbuffer_pullup(text, -1),
        (unsigned)evbuffer_get_length(text));
    struct evkeyvalq *headers = evhttp_request_get_output_headers(api->request);
    evhttp_add_header(headers, "Content-Type", "application/zip");
    evhttp_add_header(headers, "Content-Disposition", "attachment; filename=cattle-mysql-dump.zip");
    requests_note(api->request, NULL, api->key, 0, 200, sim_now_ms());
    evhttp_send_reply(api->request, 200, "OK", out);
    evbuffer_free(text);
    evbuffer_free(out);
}

static bool external_db(void)
{
    const char *a = getenv("CATTLE_DB_CATTLE_MYSQL_HOST"), *b = getenv("MYSQL_PORT_3306_TCP_ADDR");
    return (a && *a) || (b && *b);
}

static void ha_reply(struct api *api)
{
    // Came with v1.0.1, and only an admin at the root sees it.
    if (!is_admin(api) || !strcmp(release_here()->server, "v1.0.0")) {
        not_found(api);
        return;
    }
    if (api->count > 2 && !strcasecmp(api->parts[2], "dbdump")) {
        external_db() ? not_found(api) : dump_reply(api);
        return;
    }
    char self[700], dump[800];
    snprintf(self, sizeof self, "%s/haconfigs/haConfig", api->base);
    snprintf(dump, sizeof dump, "%s/dbdump", self);
    const char *host = getenv("CATTLE_DB_CATTLE_MYSQL_HOST");
    json_t *one =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}, s:s, s:i, s:b, s:i}", "id", "haConfig", "type",
                  "haConfig", "links", "self", self, "dbdump", dump, "actions", "dbHost",
                  external_db() ? (host && *host ? host : "mysql") : "localhost", "dbSize", 12,
                  "enabled", 0, "clusterSize", 3);
    if (api->count > 1) {
        api_reply(api, 200, one);
        return;
    }
    api_reply(api, 200, render_collection(api, "haConfig", json_pack("[o]", one)));
}

// ---- the change log lock

static void lock_reply(struct api *api)
{
    json_t *lock = json_object_get(db_meta(), "changeLogLock");
    if (!is_admin(api)) {
        not_found(api);
        return;
    }
    if (!strcmp(api->method, "DELETE")) {
        json_object_del(db_meta(), "changeLogLock");
        db_touch_meta();
        api_reply(api, 200, json_object());
        return;
    }
    json_t *one =
        json_pack("{s:s, s:s, s:{}, s:{}, s:b, s:O?, s:O?}", "id", "1", "type",
                  "databasechangeloglock", "links", "actions", "locked", lock != NULL, "lockedBy",
                  json_object_get(lock, "by"), "lockGranted", json_object_get(lock, "since"));
    api_reply(api, 200, render_collection(api, "databasechangeloglock", json_pack("[o]", one)));
}

// ---- config items

// After an upgrade of the server the agent-instance containers of the old image can't take what the
// new server pushes: their scripts call apt-get. requestedVersion stays ahead of appliedVersion
// then.
static bool push_fails(const struct row *agent)
{
    struct row *instance = db_get(T_INSTANCE, id_num(row_str(agent, "_instance")));
    char *image = setting_value("agent.instance.image.uuid");
    bool old = instance && strcmp(row_str(instance, "imageUuid"), image) != 0;
    free(image);
    return old;
}

static void config_items(struct api *api, const struct row *agent)
{
    static const char *const of_host[] = {"pyagent", "configscripts", "host-config", NULL};
    static const char *const of_instance[] = {"configscripts", "haproxy", "healthcheck", NULL};
    const char *const *names = row_is_null(agent, "_host") ? of_instance : of_host;
    bool fails = push_fails(agent);
    json_t *data = json_array();
    for (; *names; names++) {
        bool behind = fails && strcmp(*names, "configscripts") != 0;
        json_array_append_new(data,
                              json_pack("{s:s, s:s, s:{}, s:{}, s:s, s:s, s:i, s:i}", "id", *names,
                                        "type", "configItemStatus", "links", "actions", "name",
                                        *names, "agentId", row_id(agent), "requestedVersion", 2,
                                        "appliedVersion", behind ? 1 : 2));
    }
    api_reply(api, 200, render_collection(api, "configItemStatus", data));
}

bool special_handles(struct api *api)
{
    if (!strcasecmp(api->parts[0], "haconfigs")) {
        ha_reply(api);
    } else if (!strcasecmp(api->parts[0], "databasechangeloglocks")) {
        lock_reply(api);
    } else if (!strcasecmp(api->parts[0], "agents") && api->count == 3 &&
               !strcasecmp(api->parts[2], "configitemstatuses")) {
        struct row *agent = db_get(T_AGENT, id_num(api->parts[1]));
        if (!agent || !is_admin(api))
            not_found(api);
        else
            config_items(api, agent);
    } else {
        return false;
    }
    return true;
}
