/* SPDX-License-Identifier: Apache-2.0 */
// /sim/...: how a test looks behind the curtain and switches faults. No part of Rancher.
#include "api.h"
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "faults.h"
#include "settings.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reply(struct evhttp_request *request, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    db_commit();
    struct evbuffer *out = evbuffer_new();
    if (!out)
        abort();
    evbuffer_add(out, text ? text : "{}", text ? strlen(text) : 2);
    free(text);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/json");
    evhttp_send_reply(request, status, NULL, out);
    evbuffer_free(out);
}

static void fail(struct evhttp_request *request, int status, const char *what)
{
    reply(request, status, json_pack("{s:s}", "error", what));
}

// A file of JSON lines becomes one array; ?from=N skips the first N.
static void lines_reply(struct evhttp_request *request, const char *file)
{
    char path[SIM_PATH_MAX];
    size_t size = 0;
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    const char *from = query ? strstr(query, "from=") : NULL;
    long skip = from ? strtol(from + 5, NULL, 10) : 0;
    char *data = sim_read_file(sim_path(path, file), &size);
    struct evbuffer *out = evbuffer_new();
    if (!out)
        abort();
    const char *separator = "[";
    for (char *line = data, *end; line && (end = memchr(line, '\n', size - (size_t)(line - data)));
         line = end + 1) {
        if (skip-- > 0)
            continue;
        evbuffer_add(out, separator, 1);
        evbuffer_add(out, line, (size_t)(end - line));
        separator = ",";
    }
    evbuffer_add_printf(out, "%s", *separator == '[' ? "[]" : "]");
    free(data);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/json");
    evhttp_send_reply(request, 200, NULL, out);
    evbuffer_free(out);
}

static int count_concurrent(void)
{
    char path[SIM_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/sim-concurrent", db_folder());
    char *data = sim_read_file(path, NULL);
    int count = 0;
    for (char *p = data; p && *p; p++)
        count += *p == '\n';
    free(data);
    return count;
}

static json_t *state_all(void)
{
    static const char *const names[T_TYPES] = {
        [T_ACCOUNT] = "projects",   [T_HOST] = "hosts",
        [T_INSTANCE] = "instances", [T_SERVICE] = "services",
        [T_ENVIRONMENT] = "stacks", [T_CONSUME] = "consumeMaps",
        [T_EXPOSE] = "exposeMaps",  [T_CERTIFICATE] = "certificates",
        [T_CREDENTIAL] = "tokens",  [T_GENERIC] = "pullTasks",
        [T_AGENT] = "agents"};
    const struct release *r = release_here();
    json_t *out = json_deep_copy(db_meta());
    json_object_set_new(out, "uncleanStops", json_integer(db_counter("uncleanStops")));
    json_object_set_new(out, "concurrentServers", json_integer(count_concurrent()));
    json_object_set_new(out, "release",
                        json_pack("{s:s, s:s, s:s, s:s}", "server", r->server, "cattle", r->cattle,
                                  "agent", r->agent, "agentInstance", r->agent_instance));
    for (int t = 0; t < T_TYPES; t++) {
        json_t *rows = json_array();
        for (int n = 1; n <= db_count((enum row_type)t); n++) {
            struct row *row = db_get((enum row_type)t, n);
            if (!row)
                continue;
            json_t *copy = json_copy(row->j);
            if (t == T_HOST)
                json_object_set_new(copy, "_connected", json_boolean(host_answers(row)));
            json_array_append_new(rows, copy);
        }
        json_object_set_new(out, names[t], rows);
    }
    return out;
}

static void set_faults(struct evhttp_request *request, json_t *body)
{
    const char *unknown = NULL;
    if (faults_set(body, &unknown)) {
        fail(request, 422, unknown);
        return;
    }
    host_apply_faults();
    json_t *restart = fault_get("apiRestart");
    if (restart) {
        double seconds = json_number_value(json_object_get(restart, "seconds"));
        json_t *off = json_pack("{s:b}", "apiRestart", 0);
        faults_set(off, &unknown);
        json_decref(off);
        server_pause(seconds > 0 ? seconds : 5);
    }
    reply(request, 200, json_deep_copy(json_object_get(db_meta(), "faults")));
}

static void set_access(struct evhttp_request *request, json_t *body)
{
    json_t *keys = json_object_get(body, "keys"), *key;
    size_t at;
    json_array_foreach(keys, at, key) if (!json_is_string(json_object_get(key, "public")) ||
                                          !json_is_string(json_object_get(key, "secret")))
    {
        fail(request, 422, "every key needs public and secret");
        return;
    }
    json_object_set_new(db_meta(), "access",
                        json_pack("{s:b, s:o}", "enabled",
                                  json_is_true(json_object_get(body, "enabled")), "keys",
                                  json_is_array(keys) ? json_incref(keys) : json_array()));
    db_touch_meta();
    reply(request, 200, json_deep_copy(json_object_get(db_meta(), "access")));
}

static void docker_rm(struct evhttp_request *request, json_t *body)
{
    struct row *i =
        db_get(T_INSTANCE, id_num(json_string_value(json_object_get(body, "instanceId"))));
    struct row *host = i ? db_get(T_HOST, i->host) : NULL;
    if (!host || row_gone(i)) {
        fail(request, 404, "no such instance");
        return;
    }
    host_docker_rm(host, i);
    reply(request, 200, json_copy(i->j));
}

// As a server leaves it that was killed in the middle of a migration, while this one runs already.
static void set_lock(struct evhttp_request *request, json_t *body)
{
    const char *by = json_string_value(json_object_get(body, "by"));
    if (by)
        json_object_set_new(db_meta(), "changeLogLock",
                            json_pack("{s:s, s:s}", "by", by, "since", "2016-06-01T00:00:00Z"));
    else
        json_object_del(db_meta(), "changeLogLock");
    db_touch_meta();
    reply(request, 200, json_object());
}

static void seed(struct evhttp_request *request, json_t *body)
{
    const char *error;
    json_t *out = seed_apply(body, &error);
    if (error) {
        fail(request, 422, error);
        return;
    }
    reply(request, 200, out);
}

static void post(struct evhttp_request *request, const char *path)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(in);
    const char *data = size ? (const char *)evbuffer_pullup(in, -1) : "{}";
    json_t *body = json_loadb(data, size ? size : 2, 0, NULL);
    if (!json_is_object(body))
        fail(request, 400, "the body is no JSON object");
    else if (!strcmp(path, "/sim/seed"))
        seed(request, body);
    else if (!strcmp(path, "/sim/faults"))
        set_faults(request, body);
    else if (!strcmp(path, "/sim/access"))
        set_access(request, body);
    else if (!strcmp(path, "/sim/lock"))
        set_lock(request, body);
    else if (!strcmp(path, "/sim/docker-rm"))
        docker_rm(request, body);
    else
        fail(request, 404, "no such thing");
    json_decref(body);
}

void sim_handle(struct evhttp_request *request)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (evhttp_request_get_command(request) == EVHTTP_REQ_POST) {
        post(request, path);
        return;
    }
    if (!strcmp(path, "/sim/state")) {
        reply(request, 200, state_all());
        return;
    }
    if (!strcmp(path, "/sim/faults")) {
        reply(request, 200, json_deep_copy(json_object_get(db_meta(), "faults")));
        return;
    }
    if (!strcmp(path, "/sim/requests")) {
        lines_reply(request, "/var/lib/cattle/sim-requests.log");
        return;
    }
    if (!strcmp(path, "/sim/events")) {
        lines_reply(request, "/var/lib/cattle/sim-events.log");
        return;
    }
    fail(request, 404, "no such thing");
}
