/* SPDX-License-Identifier: Apache-2.0 */
// The log of every request, one JSON object a line, that tests assert on.
#include "api.h"
#include "base.h"

#include <event2/http.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fd = -1;

void requests_open(void)
{
    char path[SIM_PATH_MAX];
    sim_path(path, "/var/lib/cattle/sim-requests.log");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static const char *command(struct evhttp_request *request)
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
    default:
        return "OTHER";
    }
}

// A request may carry bytes that are no UTF-8, and must still be logged.
static json_t *text_or_null(const char *text)
{
    json_t *value = text ? json_string(text) : json_null();
    return value ? value : json_string("(not UTF-8)");
}

void requests_note(struct evhttp_request *request, const char *path, const char *key, int project,
                   int status, int64_t started)
{
    if (fd < 0)
        return;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    if (!path)
        path = uri ? evhttp_uri_get_path(uri) : "";
    char id[32];
    snprintf(id, sizeof id, "1a%d", project);
    json_t *line = json_object();
    json_object_set_new(line, "time", json_integer(started));
    json_object_set_new(line, "method", json_string(command(request)));
    json_object_set_new(line, "path", text_or_null(path));
    json_object_set_new(line, "query", text_or_null(query));
    json_object_set_new(line, "status", json_integer(status));
    json_object_set_new(line, "key", key ? json_string(key) : json_null());
    json_object_set_new(line, "project", project ? json_string(id) : json_null());
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return;
    size_t size = strlen(text);
    text[size] = '\n';
    if (write(fd, text, size + 1) < 0)
        fd = -1;
    free(text);
}
