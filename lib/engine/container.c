/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/container.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/engine/client.h"
#include "lib/engine/frames.h"
#include "lib/json.h"
#include "lib/text.h"

/* "start container 'rancher'", for errors. */
#define DOING_MAX 160
static const char *describe(char *ret, const char *verb, const char *id)
{
    snprintf(ret, DOING_MAX, "%s container '%.100s'", verb, id);
    return ret;
}

json_t *dr_docker_inspect(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    char doing[DOING_MAX];
    dr_autofree char *path = dr_engine_path("/containers/", id, "/json", err);

    return path ? dr_engine_get(engine, path, describe(doing, "inspect", id), err) : NULL;
}

int dr_docker_find(struct dr_engine *engine, const char *id, json_t **ret_inspect,
                   struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_t *inspect = dr_docker_inspect(engine, id, &why);

    if (!inspect && why.code != DR_ERR_ABSENT) {
        if (err)
            *err = why;
        return -1;
    }
    *ret_inspect = inspect;
    return 0;
}

json_t *dr_docker_inspect_all(struct dr_engine *engine, struct dr_err *err)
{
    json_auto_t *list = dr_engine_get(engine, "/containers/json?all=1", "list containers", err);
    json_auto_t *all = json_array();
    json_t *entry;
    size_t i;

    if (!list)
        return NULL;
    json_array_foreach(list, i, entry)
    {
        json_t *inspect = NULL;

        if (dr_docker_find(engine, dr_json_string_or(entry, "Id", ""), &inspect, err) < 0 ||
            (inspect && dr_json_append(all, inspect, err) < 0))
            return NULL;
    }
    return json_incref(all);
}

const char *dr_docker_name(const json_t *inspect)
{
    const char *name = dr_json_string_or(inspect, "Name", "");

    return *name == '/' ? name + 1 : name;
}

bool dr_docker_is_new(const json_t *inspect)
{
    const char *started = dr_json_string_or(json_object_get(inspect, "State"), "StartedAt", "");

    return !*started || dr_text_starts(started, "0001-01-01");
}

bool dr_docker_is_running(const json_t *inspect)
{
    return dr_json_true(json_object_get(inspect, "State"), "Running");
}

const char *dr_docker_finished_at(const json_t *inspect)
{
    return dr_json_string_or(json_object_get(inspect, "State"), "FinishedAt", "");
}

const char *dr_docker_policy(const json_t *inspect)
{
    const char *name =
        json_string_value(dr_json_at(inspect, "HostConfig", "RestartPolicy", "Name", NULL));

    return name && *name ? name : "no";
}

bool dr_docker_comes_back(const json_t *inspect)
{
    return strcmp(dr_docker_policy(inspect), "no") != 0;
}

static size_t length_without_slash(const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

json_t *dr_docker_mount(const json_t *inspect, const char *destination)
{
    size_t length = length_without_slash(destination);
    json_t *mount;
    size_t i;

    json_array_foreach(json_object_get(inspect, "Mounts"), i, mount)
    {
        const char *place = dr_json_string_or(mount, "Destination", "");

        if (length_without_slash(place) == length && strncmp(place, destination, length) == 0)
            return mount;
    }
    return NULL;
}

static int append_warnings(json_t *warnings, const json_t *answer, struct dr_err *err)
{
    json_t *warning;
    size_t i;

    json_array_foreach(json_object_get(answer, "Warnings"), i, warning)
    {
        if (warnings && dr_json_append(warnings, json_incref(warning), err) < 0)
            return -1;
    }
    return 0;
}

int dr_docker_create(struct dr_engine *engine, const char *name, const json_t *body,
                     char ret_id[DR_CONTAINER_ID], json_t *warnings, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    char doing[DOING_MAX];
    dr_autofree char *path = dr_engine_path("/containers/create?name=", name, "", err);
    json_auto_t *answer = NULL;
    const char *id = NULL;

    describe(doing, "create", name);
    if (!path || dr_engine_do(engine,
                              &(struct dr_engine_call){
                                  .method = "POST", .path = path, .body = body, .endless = true},
                              doing, &response, err) < 0)
        return -1;
    answer = dr_json_parse(response.body.data, response.body.size, doing, err);
    if (!answer || dr_json_get_string(answer, "Id", &id, err) < 0 ||
        append_warnings(warnings, answer, err) < 0)
        return -1;
    if (dr_text_put(ret_id, DR_CONTAINER_ID, id) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "%s: the engine answered with an id that is too long",
                       doing);
    return 0;
}

int dr_docker_connect(struct dr_engine *engine, const char *network, const char *id,
                      const json_t *endpoint, struct dr_err *err)
{
    char doing[2 * DOING_MAX];
    dr_autofree char *path = dr_engine_path("/networks/", network, "/connect", err);
    json_auto_t *body = json_pack("{s:s, s:O}", "Container", id, "EndpointConfig", endpoint);

    if (!body)
        return dr_fail_memory(err);
    snprintf(doing, sizeof doing, "connect container '%.100s' to network '%.100s'", id, network);
    return path ? dr_engine_change(engine, "POST", path, body, doing, err) : -1;
}

/* POST or DELETE of /containers/ID<after>. */
static int change(struct dr_engine *engine, const char *method, const char *verb, const char *id,
                  const char *after, const json_t *body, struct dr_err *err)
{
    char doing[DOING_MAX];
    dr_autofree char *path = dr_engine_path("/containers/", id, after, err);

    if (!path)
        return -1;
    return dr_engine_change(engine, method, path, body, describe(doing, verb, id), err);
}

int dr_docker_start(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    return change(engine, "POST", "start", id, "/start", NULL, err);
}

int dr_docker_stop(struct dr_engine *engine, const char *id, unsigned seconds, struct dr_err *err)
{
    char after[32];

    /* Without t Docker 1.10 kills at once. */
    snprintf(after, sizeof after, "/stop?t=%u", seconds);
    return change(engine, "POST", "stop", id, after, NULL, err);
}

int dr_docker_rename(struct dr_engine *engine, const char *id, const char *name, struct dr_err *err)
{
    dr_autofree char *after = dr_engine_path("/rename?name=", name, "", err);

    return after ? change(engine, "POST", "rename", id, after, NULL, err) : -1;
}

int dr_docker_set_restart(struct dr_engine *engine, const char *id, const json_t *policy,
                          struct dr_err *err)
{
    const char *name = dr_json_string_or(policy, "Name", "");
    int64_t retries =
        strcmp(name, "on-failure") == 0 ? dr_json_int_or(policy, "MaximumRetryCount", 0) : 0;
    json_auto_t *body = NULL;
    json_auto_t *after = NULL;

    /* The engine reads "" as "leave it as it is". */
    if (!*name)
        name = "no";
    body = json_pack("{s:{s:s, s:I}}", "RestartPolicy", "Name", name, "MaximumRetryCount",
                     (json_int_t)retries);
    if (!body)
        return dr_fail_memory(err);
    if (change(engine, "POST", "set the restart policy of", id, "/update", body, err) < 0)
        return -1;
    after = dr_docker_inspect(engine, id, err);
    if (!after)
        return -1;
    if (strcmp(dr_docker_policy(after), name) != 0 ||
        dr_json_int_or(dr_json_at(after, "HostConfig", "RestartPolicy", NULL), "MaximumRetryCount",
                       0) != retries)
        return dr_fail(
            err, DR_ERR_ENGINE,
            "set the restart policy of container '%.100s' to '%s': the engine said yes and "
            "left it at '%.20s'",
            id, name, dr_docker_policy(after));
    return 0;
}

int dr_docker_remove(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    return change(engine, "DELETE", "remove", id, "?v=0&force=0", NULL, err);
}

/* POST /containers/ID/exec gives the command an id of its own. */
static char *prepare_exec(struct dr_engine *engine, const char *id, const char *const *argv,
                          const char *doing, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    dr_autofree char *path = dr_engine_path("/containers/", id, "/exec", err);
    json_auto_t *body =
        json_pack("{s:b, s:b, s:b, s:[]}", "AttachStdout", 1, "AttachStderr", 1, "Tty", 0, "Cmd");
    json_auto_t *answer = NULL;
    const char *exec = NULL;

    if (!path)
        return NULL;
    for (; body && *argv; argv++) {
        if (dr_json_append(json_object_get(body, "Cmd"), json_string(*argv), err) < 0)
            return NULL;
    }
    if (!body) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_engine_do(engine, &(struct dr_engine_call){.method = "POST", .path = path, .body = body},
                     doing, &response, err) < 0)
        return NULL;
    answer = dr_json_parse(response.body.data, response.body.size, doing, err);
    if (!answer || dr_json_get_string(answer, "Id", &exec, err) < 0)
        return NULL;
    return dr_text_copy(exec, err);
}

/* A command that ended its own container leaves an exec that is gone, or that has no status. */
static int exec_status(struct dr_engine *engine, const char *exec)
{
    dr_autofree char *path = dr_engine_path("/exec/", exec, "/json", NULL);
    json_auto_t *answer = path ? dr_engine_get(engine, path, "inspect a command", NULL) : NULL;

    if (!answer || dr_json_true(answer, "Running"))
        return -1;
    return (int)dr_json_int_or(answer, "ExitCode", -1);
}

int dr_docker_exec(struct dr_engine *engine, const char *id, const char *const *argv,
                   struct dr_buf *ret_output, int *ret_status, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    struct dr_frames frames = {.output = ret_output};
    char doing[DOING_MAX];
    json_auto_t *body = json_pack("{s:b, s:b}", "Detach", 0, "Tty", 0);
    dr_autofree char *exec = NULL;
    dr_autofree char *path = NULL;

    snprintf(doing, sizeof doing, "run '%.40s' in container '%.80s'", *argv, id);
    exec = body ? prepare_exec(engine, id, argv, doing, err) : NULL;
    path = exec ? dr_engine_path("/exec/", exec, "/start", err) : NULL;
    if (!path)
        return body ? -1 : dr_fail_memory(err);
    if (dr_engine_do(engine,
                     &(struct dr_engine_call){.method = "POST",
                                              .path = path,
                                              .body = body,
                                              .sink = dr_frames_sink,
                                              .context = &frames,
                                              .endless = true},
                     doing, &response, err) < 0)
        return -1;
    *ret_status = exec_status(engine, exec);
    return 0;
}

int dr_docker_logs(struct dr_engine *engine, const char *id, unsigned lines, int64_t since,
                   struct dr_buf *ret_output, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    json_auto_t *inspect = dr_docker_inspect(engine, id, err);
    struct dr_frames frames = {.output = ret_output};
    char doing[DOING_MAX];
    char after[96];
    dr_autofree char *path = NULL;

    if (!inspect)
        return -1;
    frames.plain = json_is_true(dr_json_at(inspect, "Config", "Tty", NULL));
    snprintf(after, sizeof after, "/logs?stdout=1&stderr=1&tail=%u&since=%lld", lines,
             (long long)since);
    path = dr_engine_path("/containers/", id, after, err);
    if (!path)
        return -1;
    return dr_engine_do(
        engine, &(struct dr_engine_call){.path = path, .sink = dr_frames_sink, .context = &frames},
        describe(doing, "read the log of", id), &response, err);
}

int dr_docker_archive(struct dr_engine *engine, const char *id, const char *path,
                      dr_http_sink_fn *sink, void *context, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
    char doing[2 * DOING_MAX];
    dr_autofree char *place = dr_engine_path("/archive?path=", path, "", err);
    dr_autofree char *whole = place ? dr_engine_path("/containers/", id, place, err) : NULL;

    if (!whole)
        return -1;
    snprintf(doing, sizeof doing, "read '%.100s' of container '%.100s'", path, id);
    return dr_engine_do(
        engine,
        &(struct dr_engine_call){
            .path = whole, .sink = sink, .context = context, .endless = true, .stoppable = true},
        doing, &response, err);
}
