/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_TESTS_UNIT_SCRIPT_SERVER_H
#define DROVER_TESTS_UNIT_SCRIPT_SERVER_H

/*
 * A server on loopback that answers from a script, for tests of HTTP clients against what real
 * servers seldom do. Each step answers requests that begin with its text, `times` times (0: once);
 * the first step with answers left counts. GET /v2/ is answered 200 unless a step says otherwise,
 * anything else unexpected 599.
 *
 *     static const struct step steps[] = {{"HEAD /v2/a/blobs/", "HTTP/1.1 404 No\r\n..."}, {NULL}};
 *     struct server server;
 *     server_start(&server, steps);       server.port
 *     ...
 *     server_stop(&server);               server.log: all requests, heads and bodies
 *     server_release(&server);
 */

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct step {
    const char *request;
    const char *reply; /* with its head; "" closes without a word */
    unsigned times;
    bool close; /* after the reply */
};

#define STEPS_MAX 32
#define LOG_MAX (8u << 20)

struct connection {
    struct server *server;
    int socket;
    pthread_t thread;
};

struct server {
    const struct step *steps;
    unsigned used[STEPS_MAX];
    int socket;
    unsigned short port;
    pthread_t thread;
    pthread_mutex_t mutex;
    char *log;
    size_t log_size;
    struct connection connections[64];
    size_t connection_count;
};

#define EMPTY_REPLY(status) "HTTP/1.1 " status " X\r\nContent-Length: 0\r\n\r\n"

static inline void server_note(struct server *server, const char *data, size_t size)
{
    pthread_mutex_lock(&server->mutex);
    assert(server->log_size + size < LOG_MAX);
    memcpy(server->log + server->log_size, data, size);
    server->log_size += size;
    server->log[server->log_size] = '\0';
    pthread_mutex_unlock(&server->mutex);
}

static inline const struct step *server_find(struct server *server, const char *head)
{
    static const struct step ping = {"GET /v2/ ", EMPTY_REPLY("200"), 0, false};
    static const struct step unexpected = {"", EMPTY_REPLY("599"), 0, false};
    const struct step *found = NULL;

    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; server->steps[i].request && !found; i++) {
        const struct step *step = &server->steps[i];

        if (strncmp(head, step->request, strlen(step->request)) == 0 &&
            server->used[i] < (step->times ? step->times : 1)) {
            server->used[i]++;
            found = step;
        }
    }
    pthread_mutex_unlock(&server->mutex);
    if (found)
        return found;
    return strncmp(head, ping.request, strlen(ping.request)) == 0 ? &ping : &unexpected;
}

/* Reads a head, byte by byte: simple, and nothing of the next request is taken. */
static inline bool server_read_head(int fd, char *head, size_t room)
{
    size_t size = 0;

    while (size + 1 < room && read(fd, head + size, 1) == 1) {
        head[++size] = '\0';
        if (size >= 4 && memcmp(head + size - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static inline bool server_read_body(struct server *server, int fd, const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length:");
    size_t left = line ? strtoul(line + 17, NULL, 10) : 0;
    char piece[4096];

    while (left > 0) {
        ssize_t got = read(fd, piece, left < sizeof piece ? left : sizeof piece);

        if (got <= 0)
            return false;
        server_note(server, piece, (size_t)got);
        left -= (size_t)got;
    }
    return true;
}

static inline void *server_talk(void *context)
{
    const struct connection *connection = context;
    struct server *server = connection->server;
    int fd = connection->socket;
    char head[16384];

    while (server_read_head(fd, head, sizeof head)) {
        const struct step *step = server_find(server, head);

        server_note(server, head, strlen(head));
        if (!server_read_body(server, fd, head) ||
            send(fd, step->reply, strlen(step->reply), MSG_NOSIGNAL) < 0 || step->close ||
            !*step->reply)
            break;
    }
    shutdown(fd, SHUT_RDWR);
    return NULL;
}

static inline void *server_accept(void *context)
{
    struct server *server = context;
    int fd;

    while ((fd = accept(server->socket, NULL, NULL)) >= 0) {
        size_t i = server->connection_count;

        assert(i < sizeof server->connections / sizeof *server->connections);
        server->connections[i].server = server;
        server->connections[i].socket = fd;
        server->connection_count++;
        pthread_create(&server->connections[i].thread, NULL, server_talk, &server->connections[i]);
    }
    return NULL;
}

static inline void server_start(struct server *server, const struct step *steps)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *server = (struct server){.steps = steps};
    server->log = calloc(1, LOG_MAX);
    server->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&server->mutex, NULL);
    if (!server->log || server->socket < 0 ||
        bind(server->socket, (struct sockaddr *)&address, size) < 0 ||
        listen(server->socket, 64) < 0 ||
        getsockname(server->socket, (struct sockaddr *)&address, &size) < 0)
        abort();
    server->port = ntohs(address.sin_port);
    pthread_create(&server->thread, NULL, server_accept, server);
}

static inline void server_stop(struct server *server)
{
    shutdown(server->socket, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->socket);
    for (size_t i = 0; i < server->connection_count; i++) {
        shutdown(server->connections[i].socket, SHUT_RDWR);
        pthread_join(server->connections[i].thread, NULL);
        close(server->connections[i].socket);
    }
}

static inline void server_release(struct server *server)
{
    free(server->log);
    pthread_mutex_destroy(&server->mutex);
}

/* How often `text` is in the log. */
static inline unsigned server_saw(const struct server *server, const char *text)
{
    unsigned count = 0;

    for (const char *c = server->log; (c = strstr(c, text)); c += strlen(text))
        count++;
    return count;
}

#endif
