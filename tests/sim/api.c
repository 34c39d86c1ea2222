/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "faults.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

static int64_t started_at;

// ---- answers

struct delayed {
    struct evhttp_request *request;
    struct evbuffer *body;
    int status;
};

static void send_delayed(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct delayed *d = arg;
    evhttp_send_reply(d->request, d->status, NULL, d->body);
    evbuffer_free(d->body);
    free(d);
}

static void add_headers(struct api *api)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(api->request);
    char text[500];
    evhttp_add_header(out, "Content-Type", "application/json; charset=utf-8");
    snprintf(text, sizeof text, "%s/schemas", api->base);
    evhttp_add_header(out, "X-API-Schemas", text);
    snprintf(text, sizeof text, "1a%d", api->project ? api->project : 1);
    evhttp_add_header(out, "X-API-ACCOUNT-ID", text);
}

void api_reply(struct api *api, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    add_headers(api);
    requests_note(api->request, NULL, api->key, api->project, status, started_at);
    // Durable first: what was answered must be there after a SIGKILL.
    db_commit();
    struct evbuffer *out = evbuffer_new();
    if (!out)
        abort();
    evbuffer_add(out, text ? text : "{}", text ? strlen(text) : 2);
    free(text);
    json_t *slow = fault_get("slowResponses");
    struct delayed *d = slow ? malloc(sizeof *d) : NULL;
    if (d) {
        *d = (struct delayed){api->request, out, status};
        double ms = json_number_value(json_object_get(slow, "ms"));
        struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
                             .tv_usec = (suseconds_t)((long)ms % 1000 * 1000)};
        if (!event_base_once(sim_base, -1, EV_TIMEOUT, send_delayed, d, &tv))
            return;
        free(d);
    }
    evhttp_send_reply(api->request, status, NULL, out);
    evbuffer_free(out);
}

void api_error(struct api *api, int status, const char *code, const char *message,
               const char *field)
{
    char uuid[37];
    sim_uuid(uuid);
    json_t *body =
        json_pack("{s:s, s:s, s:{}, s:{}, s:i, s:s, s:s, s:n}", "id", uuid, "type", "error",
                  "links", "actions", "status", status, "code", code, "message", message, "detail");
    if (field)
        json_object_set_new(body, "fieldName", json_string(field));
    api_reply(api, status, body);
}

const char *api_query(const struct api *api, const char *name)
{
    return evhttp_find_header(&api->query, name);
}

// ---- who asks

static int base64(const char *text, char out[512])
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int have = 0, size = 0;
    for (; *text && *text != '=' && size < 510; text++) {
        const char *at = strchr(set, *text);
        if (!at)
            return -1;
        bits = (bits << 6 | (unsigned)(at - set)) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[size++] = (char)(bits >> have & 0xff);
        }
    }
    out[size] = 0;
    return size;
}

static json_t *find_key(const char *public, const char *secret)
{
    json_t *keys = json_object_get(json_object_get(db_meta(), "access"), "keys"), *key;
    size_t at;
    json_array_foreach(keys, at, key)
    {
        const char *p = json_string_value(json_object_get(key, "public"));
        const char *s = json_string_value(json_object_get(key, "secret"));
        if (p && s && !strcmp(p, public) && !strcmp(s, secret))
            return key;
    }
    return NULL;
}

// Access control off: everybody is the admin, even with wrong credentials. 0, or the status of the
// refusal.
static int authenticate(struct api *api)
{
    json_t *access = json_object_get(db_meta(), "access");
    struct evkeyvalq *in = evhttp_request_get_input_headers(api->request);
    bool forced = evhttp_find_header(in, "X-ENFORCE-AUTHENTICATION") != NULL;
    api->role = ROLE_ADMIN;
    if (!json_is_true(json_object_get(access, "enabled")) && !forced)
        return 0;
    const char *header = evhttp_find_header(in, "Authorization");
    char plain[512];
    if (!header || strncasecmp(header, "Basic ", 6) != 0 || base64(header + 6, plain) < 0)
        return 401;
    char *colon = strchr(plain, ':');
    if (!colon)
        return 401;
    *colon = 0;
    json_t *key = find_key(plain, colon + 1);
    if (!key)
        return 401;
    api->key = json_string_value(json_object_get(key, "public"));
    const char *kind = json_string_value(json_object_get(key, "kind"));
    if (kind && !strcmp(kind, "environment")) {
        api->role = ROLE_PROJECT;
        api->project = id_num(json_string_value(json_object_get(key, "projectId")));
    }
    return 0;
}

// An environment key is always its own project; an admin may act as any that is active.
static int choose_project(struct api *api, int wanted)
{
    if (!wanted)
        return 0;
    struct row *project = db_get(T_ACCOUNT, wanted);
    if (!project || (api->role == ROLE_PROJECT && api->project != wanted) ||
        !row_state_is(project, "active"))
        return 403;
    api->project = wanted;
    return 0;
}

// ---- where to

static int split_path(struct api *api, char *path)
{
    char *save = NULL;
    for (char *p = strtok_r(path, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
        if (api->count == MAX_PARTS)
            return -1;
        api->parts[api->count++] = p;
    }
    return 0;
}

// /projects/<pid>/<type>...: the first two parts only say on whose behalf. /projects/<pid> is the
// project.
static int project_of_path(struct api *api)
{
    struct evkeyvalq *in = evhttp_request_get_input_headers(api->request);
    const char *wanted = evhttp_find_header(in, "X-API-Project-Id");
    if (!wanted)
        wanted = api_query(api, "projectId");
    if (api->count > 2 && !strcasecmp(api->parts[0], "projects")) {
        int status = choose_project(api, id_num(api->parts[1]));
        if (status || !id_num(api->parts[1]))
            return status ? status : 403;
        snprintf(api->base, sizeof api->base, "%s/projects/%s", api->root, api->parts[1]);
        memmove(api->parts, api->parts + 2, sizeof *api->parts * (MAX_PARTS - 2));
        api->count -= 2;
        return 0;
    }
    return wanted ? choose_project(api, id_num(wanted)) : 0;
}

static void root_reply(struct api *api)
{
    json_t *links = json_pack("{s:s}", "self", api->base);
    for (const struct api_type *t = API_TYPES; t->name; t++) {
        char url[600];
        if (!strchr(api->project ? t->project : t->admin, 'r') && strcmp(t->name, "project") != 0)
            continue;
        snprintf(url, sizeof url, "%s/%s", api->base, t->plural);
        json_object_set_new(links, t->plural, json_string(url));
    }
    static const char *const more[] = {"schemas", "settings", "activesettings", "haconfigs",
                                       "databasechangeloglocks"};
    for (size_t i = 0; i < (api->project ? 3u : 5u); i++) {
        char url[600];
        snprintf(url, sizeof url, "%s/%s", api->base, more[i]);
        json_object_set_new(links, more[i], json_string(url));
    }
    api_reply(api, 200,
              json_pack("{s:s, s:s, s:o, s:{}}", "id", "v1", "type", "apiVersion", "links", links,
                        "actions"));
}

static bool of_owner(const struct row *row, const void *arg)
{
    const struct row *owner = arg;
    if (row->type == T_INSTANCE && owner->type == T_HOST)
        return row->host == owner->num;
    if (row->type == T_INSTANCE && owner->type == T_SERVICE)
        return row->service == owner->num && !row_removed(row);
    if (row->type == T_SERVICE && owner->type == T_ENVIRONMENT)
        return !strcmp(row_str(row, "environmentId"), row_id(owner));
    if (row->type == T_EXPOSE)
        return !strcmp(row_str(row, owner->type == T_SERVICE ? "serviceId" : "instanceId"),
                       row_id(owner));
    if (row->type == T_HOST && owner->type == T_INSTANCE)
        return owner->host == row->num;
    return row->type == T_SERVICE && owner->type == T_INSTANCE && owner->service == row->num;
}

static bool consumed(const struct row *row, const void *arg)
{
    for (int n = 1; n <= db_count(T_CONSUME); n++) {
        const struct row *map = db_get(T_CONSUME, n), *owner = arg;
        if (map && !row_removed(map) && !strcmp(row_str(map, "serviceId"), row_id(owner)) &&
            !strcmp(row_str(map, "consumedServiceId"), row_id(row)))
            return true;
    }
    return false;
}

static bool consumer(const struct row *row, const void *arg)
{
    return consumed(arg, row);
}

// Container, service or host rows behind a link of a resource.
static void link_reply(struct api *api, struct row *row, const char *link)
{
    char url[40];
    snprintf(url, sizeof url, "%s", link);
    if (!strcasecmp(link, "account")) {
        api_reply(api, 200, render_row(api, db_get(T_ACCOUNT, row->project)));
        return;
    }
    if (!strcasecmp(link, "environment") && row->type == T_SERVICE) {
        struct row *stack = db_get(T_ENVIRONMENT, id_num(row_str(row, "environmentId")));
        if (stack) {
            api_reply(api, 200, render_row(api, stack));
            return;
        }
    }
    if (!strcasecmp(link, "consumedservices")) {
        list_reply(api, api_type_by_plural("services"), consumed, row);
        return;
    }
    if (!strcasecmp(link, "consumedbyservices")) {
        list_reply(api, api_type_by_plural("services"), consumer, row);
        return;
    }
    if (!strcasecmp(link, "instances"))
        link = "containers"; // rows of type container, as the real link shows them
    const struct api_type *type = api_type_by_plural(link);
    if (!strcasecmp(link, "ports")) {
        api_reply(api, 200, render_collection(api, "port", json_array()));
        return;
    }
    if (!type || type->table == row->type) {
        api_error(api, 404, "NotFound", "Not Found", NULL);
        return;
    }
    list_reply(api, type, of_owner, row);
}

static struct row *find_row(struct api *api, const struct api_type *type, const char *id)
{
    struct row *row = db_get(type->table, id_num(id));
    if (!row || !api_sees(api, row))
        return NULL;
    bool same = type->subtypes || !strcmp(row_str(row, "type"), type->name) ||
                !strcmp(type->name, "instance") || !strcmp(type->name, "account");
    return same ? row : NULL;
}

static void resource(struct api *api, const struct api_type *type)
{
    struct row *row = find_row(api, type, api->parts[1]);
    const char *action = api_query(api, "action");
    if (!row) {
        api_error(api, 404, "NotFound", "Not Found", NULL);
        return;
    }
    if (api->count > 2) {
        link_reply(api, row, api->parts[2]);
        return;
    }
    if (!strcmp(api->method, "GET")) {
        api_reply(api, 200, render_row(api, row));
        return;
    }
    if (!strcmp(api->method, "POST") && action) {
        write_action(api, row, action);
        return;
    }
    if (!strcmp(api->method, "PUT")) {
        write_update(api, row);
        return;
    }
    if (!strcmp(api->method, "DELETE")) {
        write_delete(api, row);
        return;
    }
    api_error(api, 405, "MethodNotAllowed", "Method not allowed", NULL);
}

static bool is_project(const struct row *row, const void *arg)
{
    const struct api *api = arg;
    const char *all = api_query(api, "all");
    // Without ?all=true only the active ones that the caller is a member of.
    return (all && !strcmp(all, "true")) || api->role != ROLE_ADMIN || row_state_is(row, "active");
}

static void collection(struct api *api, const struct api_type *type)
{
    if (!strcmp(api->method, "POST")) {
        write_create(api, type);
        return;
    }
    if (strcmp(api->method, "GET") != 0) {
        api_error(api, 405, "MethodNotAllowed", "Method not allowed", NULL);
        return;
    }
    if (!api_may(api, type, 'r')) {
        api_error(api, 404, "NotFound", "Not Found", NULL);
        return;
    }
    list_reply(api, type, !strcmp(type->name, "project") ? is_project : NULL, api);
}

static void dispatch(struct api *api)
{
    if (!api->count) {
        root_reply(api);
        return;
    }
    if (!strcasecmp(api->parts[0], "schemas")) {
        schema_reply(api);
        return;
    }
    if (!strcasecmp(api->parts[0], "settings") || !strcasecmp(api->parts[0], "activesettings")) {
        special_settings(api);
        return;
    }
    if (special_handles(api))
        return;
    const struct api_type *type = api_type_by_plural(api->parts[0]);
    if (!type) {
        api_error(api, 404, "NotFound", "Not Found", NULL);
        return;
    }
    if (api->count == 1) {
        collection(api, type);
        return;
    }
    resource(api, type);
}

// ---- faults at the door

static bool is_write(const struct api *api)
{
    return strcmp(api->method, "GET") != 0 && strcmp(api->method, "HEAD") != 0;
}

static bool struck(struct api *api)
{
    if (is_write(api) && fault_strike("conflictStorm")) {
        api_error(api, 409, "Conflict", "Conflict", NULL);
        return true;
    }
    json_t *fault = fault_get("serverErrors");
    if (fault && fault_strike("serverErrors")) {
        json_int_t status = json_integer_value(json_object_get(fault, "status"));
        api_error(api, status >= 500 && status < 600 ? (int)status : 503, "ServerError",
                  "Server error", NULL);
        return true;
    }
    return false;
}

static void after_write(struct api *api)
{
    json_t *fault = fault_get("hostDiesAfterWrites");
    if (!is_write(api) || !fault)
        return;
    json_int_t left = json_integer_value(json_object_get(fault, "writes")) - 1;
    json_object_set_new(fault, "writes", json_integer(left));
    db_touch_meta();
    if (left > 0)
        return;
    const char *host = json_string_value(json_object_get(fault, "host")), *unknown;
    json_t *away = json_pack("{s:{s:s?}, s:b}", "hostAway", "host", host, "hostDiesAfterWrites", 0);
    faults_set(away, &unknown);
    json_decref(away);
    host_apply_faults();
}

// ---- entry

static const char *method_name(struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    default:
        return "OTHER";
    }
}

static json_t *read_body(struct evhttp_request *request, bool *ret_bad)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(in);
    *ret_bad = false;
    if (!size)
        return json_object();
    const char *data = (const char *)evbuffer_pullup(in, -1);
    json_t *body = data ? json_loadb(data, size, 0, NULL) : NULL;
    *ret_bad = !json_is_object(body);
    if (*ret_bad) {
        json_decref(body);
        return json_object();
    }
    return body;
}

static void set_root(struct api *api)
{
    struct evkeyvalq *in = evhttp_request_get_input_headers(api->request);
    const char *host = evhttp_find_header(in, "X-Forwarded-Host");
    const char *proto = evhttp_find_header(in, "X-Forwarded-Proto");
    if (!host)
        host = evhttp_find_header(in, "Host");
    snprintf(api->root, sizeof api->root, "%s://%.200s/v1",
             proto && !strcmp(proto, "https") ? "https" : "http", host ? host : "localhost:8080");
    snprintf(api->base, sizeof api->base, "%s", api->root);
}

static void serve(struct api *api, char *path)
{
    bool bad;
    int status = authenticate(api);
    api->body = read_body(api->request, &bad);
    if (status == 401) {
        api_error(api, 401, "Unauthorized", "Unauthorized", NULL);
        return;
    }
    if (split_path(api, path)) {
        api_error(api, 404, "NotFound", "Not Found", NULL);
        return;
    }
    status = project_of_path(api);
    if (status) {
        api_error(api, 403, "Forbidden", "Forbidden", NULL);
        return;
    }
    if (bad) {
        api_error(api, 400, "InvalidBodyContent", "Invalid body content", NULL);
        return;
    }
    if (struck(api))
        return;
    dispatch(api);
    after_write(api);
}

static void plain_reply(struct evhttp_request *request, int status, const char *text)
{
    struct evbuffer *out = evbuffer_new();
    if (!out)
        abort();
    evbuffer_add(out, text, strlen(text));
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain");
    requests_note(request, NULL, NULL, 0, status, started_at);
    evhttp_send_reply(request, status, NULL, out);
    evbuffer_free(out);
}

// A connection that is cut without a word, for the fault dropConnections.
static bool dropped(struct evhttp_request *request)
{
    // A connection that was kept alive through the fault apiRestart is as dead as a new one.
    if (!server_is_paused() && !fault_strike("dropConnections"))
        return false;
    requests_note(request, NULL, NULL, 0, 0, started_at);
    db_commit();
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    evhttp_connection_free(connection);
    return true;
}

void api_handle(struct evhttp_request *request, void *arg)
{
    (void)arg;
    started_at = sim_now_ms();
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *raw = uri ? evhttp_uri_get_path(uri) : NULL;
    char *path = evhttp_uridecode(raw ? raw : "/", 0, NULL);
    if (!path) {
        plain_reply(request, 400, "Bad Request");
        return;
    }
    if (server_is_paused() && dropped(request)) {
        free(path);
        return;
    }
    if (!strcmp(path, "/ping") || !strcmp(path, "/healthcheck")) {
        plain_reply(request, 200, "pong");
    } else if (!strncmp(path, "/sim/", 5)) {
        sim_handle(request);
    } else if (strcmp(path, "/v1") != 0 && strncmp(path, "/v1/", 4) != 0) {
        plain_reply(request, 404, "Not Found");
    } else if (!dropped(request)) {
        struct api api = {.request = request, .method = method_name(request)};
        const char *query = evhttp_uri_get_query(uri);
        snprintf(api.path, sizeof api.path, "%s", raw + 3);
        TAILQ_INIT(&api.query);
        if (query)
            evhttp_parse_query_str(query, &api.query);
        set_root(&api);
        serve(&api, path + 3);
        evhttp_clear_headers(&api.query);
        json_decref(api.body);
    }
    free(path);
    db_commit();
}
