/* SPDX-License-Identifier: Apache-2.0 */
// Traffic through balancers: a service seeded with `trafficPort` answers, while an instance of it
// runs on host N, on port trafficPort + N with the instance's name. Stopping resets open
// connections.
#include "cattle.h"
#include "engine.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct traffic {
    struct evhttp *http;
    struct vec fds; // of open connections
};

static int fd_of(struct evhttp_connection *connection)
{
    return (int)bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
}

static void closed(struct evhttp_connection *connection, void *arg)
{
    struct traffic *traffic = arg;
    vec_remove(&traffic->fds, fd_of(connection));
}

static void answer(struct evhttp_request *request, void *arg)
{
    struct row *instance = arg;
    struct traffic *traffic = instance->runtime;
    struct evbuffer *out = evbuffer_new();
    if (!out)
        abort();
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    vec_remove(&traffic->fds, fd_of(connection));
    vec_add(&traffic->fds, fd_of(connection));
    evhttp_connection_set_closecb(connection, closed, traffic);
    evbuffer_add_printf(out, "%s %s\n", row_str(instance, "name"), row_str(instance, "hostId"));
    evhttp_send_reply(request, 200, "OK", out);
    evbuffer_free(out);
}

void traffic_open(struct row *instance)
{
    struct row *service = db_get(T_SERVICE, instance->service);
    int base = service ? (int)row_int(service, "_trafficPort") : 0, port = base + instance->host;
    if (!base || instance->runtime || port <= 0 || port > 65535)
        return;
    struct traffic *traffic = calloc(1, sizeof *traffic);
    if (!traffic)
        abort();
    traffic->http = evhttp_new(sim_base);
    if (!traffic->http || evhttp_bind_socket(traffic->http, "0.0.0.0", (uint16_t)port)) {
        if (traffic->http)
            evhttp_free(traffic->http);
        free(traffic);
        return;
    }
    evhttp_set_gencb(traffic->http, answer, instance);
    instance->runtime = traffic;
}

// What is open is reset, as when the container's network goes: no farewell to the client.
void traffic_close(struct row *instance)
{
    struct traffic *traffic = instance->runtime;
    if (!traffic)
        return;
    for (int n = 0; n < traffic->fds.count; n++) {
        // Dissolving the association sends the reset now; close() alone would say FIN first.
        struct sockaddr nobody = {.sa_family = AF_UNSPEC};
        connect(traffic->fds.items[n], &nobody, sizeof nobody);
    }
    evhttp_free(traffic->http);
    free(traffic->fds.items);
    free(traffic);
    instance->runtime = NULL;
}

void traffic_resume(void)
{
    for (int n = 1; n <= db_count(T_INSTANCE); n++) {
        struct row *instance = db_get(T_INSTANCE, n);
        if (instance && row_state_is(instance, "running"))
            traffic_open(instance);
    }
}
