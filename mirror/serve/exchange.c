/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/exchange.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "mirror/serve/server.h"

/* What the kernel is given at once. */
#define SENT_PIECE (16u << 20)

/* What is read at once for all running transfers together, and for one at least and at most. */
#define READ_TOTAL (4u << 20)
#define READ_LEAST (32u << 10)
#define READ_MOST (256u << 10)

static void next_piece(struct evhttp_connection *connection, void *context);

static const char *method_of(const struct dr_exchange *exchange)
{
    switch ((int)evhttp_request_get_command(exchange->request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "?";
    }
}

static void log_end(const struct dr_exchange *exchange, bool cut)
{
    const char *uri = evhttp_request_get_uri(exchange->request);
    uint64_t sent = dr_exchange_is_head(exchange) ? 0 : exchange->size - exchange->left;
    char *peer = NULL;
    ev_uint16_t port;

    evhttp_connection_get_peer(exchange->connection, &peer, &port);
    dr_log_detail(exchange->serve->log, "%s %s %s %.400s %d %" PRIu64 " %.3fs%s", peer ? peer : "-",
                  *exchange->user ? exchange->user : "-", method_of(exchange), uri ? uri : "-",
                  exchange->status, sent, dr_clock() - exchange->began, cut ? " (cut)" : "");
}

static void finish(struct dr_exchange *exchange, bool cut)
{
    log_end(exchange, cut);
    exchange->serve->running--;
    free(exchange);
}

/* The answer is out; the connection may live on. */
static void on_complete(struct evhttp_request *request, void *context)
{
    struct dr_exchange *exchange = context;

    (void)request;
    evhttp_connection_set_closecb(exchange->connection, NULL, NULL);
    dr_visitors_busy(&exchange->serve->visitors, exchange->bev, false);
    finish(exchange, false);
}

/* The connection ends before. evhttp leaves a request that it took off its connection to us. */
static void on_close(struct evhttp_connection *connection, void *context)
{
    struct dr_exchange *exchange = context;
    struct evhttp_request *request = exchange->request;
    bool ours = evhttp_request_get_connection(request) == NULL;

    (void)connection;
    finish(exchange, true);
    if (ours)
        evhttp_request_free(request);
}

struct dr_exchange *dr_exchange_begin(struct dr_serve *serve, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct dr_exchange *exchange = calloc(1, sizeof *exchange);
    int on = 1;

    if (!exchange) {
        evhttp_connection_free(connection);
        return NULL;
    }
    *exchange = (struct dr_exchange){.serve = serve,
                                     .request = request,
                                     .connection = connection,
                                     .bev = evhttp_connection_get_bufferevent(connection),
                                     .began = dr_clock()};
    serve->running++;
    /* The last bytes of a blob need not wait for the client to acknowledge those before. */
    setsockopt(bufferevent_getfd(exchange->bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    dr_visitors_busy(&serve->visitors, exchange->bev, true);
    evhttp_connection_set_closecb(connection, on_close, exchange);
    evhttp_request_set_on_complete_cb(request, on_complete, exchange);
    dr_exchange_tell(exchange, "Docker-Distribution-Api-Version", "registry/2.0");
    dr_exchange_tell(exchange, "X-Content-Type-Options", "nosniff");
    if (serve->ending)
        dr_exchange_tell(exchange, "Connection", "close");
    return exchange;
}

const char *dr_exchange_asked(const struct dr_exchange *exchange, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

void dr_exchange_tell(const struct dr_exchange *exchange, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

bool dr_exchange_is_head(const struct dr_exchange *exchange)
{
    return evhttp_request_get_command(exchange->request) == EVHTTP_REQ_HEAD;
}

static void tell_size(struct dr_exchange *exchange, int status, uint64_t size)
{
    char text[24];

    exchange->status = status;
    exchange->size = size;
    snprintf(text, sizeof text, "%" PRIu64, size);
    if (status != 304)
        dr_exchange_tell(exchange, "Content-Length", text);
}

static void cut(struct dr_exchange *exchange)
{
    evhttp_connection_free(exchange->connection); /* and so, by on_close(), the exchange */
}

void dr_exchange_reply(struct dr_exchange *exchange, int status, const void *body, size_t size)
{
    struct evbuffer *buffer = evbuffer_new();

    tell_size(exchange, status, size);
    if (!buffer ||
        (size > 0 && !dr_exchange_is_head(exchange) && evbuffer_add(buffer, body, size) < 0))
        cut(exchange);
    else
        evhttp_send_reply(exchange->request, status, NULL, buffer);
    if (buffer)
        evbuffer_free(buffer);
}

void dr_exchange_reply_json(struct dr_exchange *exchange, int status, json_t *document)
{
    json_auto_t *taken = document;
    dr_autofree char *text = taken ? dr_json_text(taken, false, NULL) : NULL;

    if (!text) {
        cut(exchange);
        return;
    }
    if (!evhttp_find_header(evhttp_request_get_output_headers(exchange->request), "Content-Type"))
        dr_exchange_tell(exchange, "Content-Type", "application/json; charset=utf-8");
    dr_exchange_reply(exchange, status, text, strlen(text));
}

void dr_exchange_refuse(struct dr_exchange *exchange, int status, const char *code,
                        const char *format, ...)
{
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    dr_exchange_reply_json(
        exchange, status,
        json_pack("{s:[{s:s, s:s}]}", "errors", "code", code, "message", message));
}

/* A piece that the kernel reads for itself; what it cannot read any more cuts the connection. `size` becomes less at the
 * end of a volume. */
static int add_from_file(const struct dr_exchange *exchange, struct evbuffer *piece, size_t *size)
{
    struct evbuffer_file_segment *segment;
    uint64_t at;
    uint64_t most;
    int fd;

    if (dr_bundle_file_place(exchange->serve->bundle, exchange->at, &fd, &at, &most, NULL) < 0)
        return -1;
    *size = *size < most ? *size : (size_t)most;
    segment =
        evbuffer_file_segment_new(fd, (ev_off_t)at, (ev_off_t)*size, EVBUF_FS_DISABLE_LOCKING);
    /* Else the bytes would be mapped into memory. */
    if (!segment || evbuffer_set_flags(piece, EVBUFFER_FLAG_DRAINS_TO_FD) < 0 ||
        evbuffer_add_file_segment(piece, segment, 0, (ev_off_t)*size) < 0)
        return -1;
    evbuffer_file_segment_free(segment); /* the piece has a reference of its own */
    return 0;
}

static int add_from_memory(const struct dr_exchange *exchange, struct evbuffer *piece, size_t size)
{
    struct evbuffer_iovec room;

    if (evbuffer_reserve_space(piece, (ev_ssize_t)size, &room, 1) != 1 || room.iov_len < size ||
        dr_bundle_file_read(exchange->serve->bundle, exchange->at, room.iov_base, size, NULL) !=
            (long)size)
        return -1;
    room.iov_len = size;
    return evbuffer_commit_space(piece, &room, 1);
}

static size_t read_most(const struct dr_serve *serve)
{
    size_t share = READ_TOTAL / serve->running;

    if (share > READ_MOST)
        return READ_MOST;
    return share > READ_LEAST ? share : READ_LEAST;
}

static int send_piece(struct dr_exchange *exchange)
{
    struct evbuffer *piece = evbuffer_new();
    bool plain = !exchange->serve->tls;
    size_t most = plain ? SENT_PIECE : read_most(exchange->serve);
    size_t size = exchange->left < most ? (size_t)exchange->left : most;
    int done = piece ? 0 : -1;

    if (done == 0)
        done =
            plain ? add_from_file(exchange, piece, &size) : add_from_memory(exchange, piece, size);
    if (done == 0) {
        exchange->at += size;
        exchange->left -= size;
        evhttp_send_reply_chunk_with_cb(exchange->request, piece, next_piece, exchange);
    }
    if (piece)
        evbuffer_free(piece);
    return done;
}

/* What was given before is out. */
static void next_piece(struct evhttp_connection *connection, void *context)
{
    struct dr_exchange *exchange = context;

    (void)connection;
    if (exchange->left == 0)
        evhttp_send_reply_end(exchange->request);
    else if (exchange->serve->changed || send_piece(exchange) < 0)
        cut(exchange);
}

void dr_exchange_send(struct dr_exchange *exchange, int status, uint64_t offset, uint64_t size)
{
    tell_size(exchange, status, size);
    if (size == 0 || dr_exchange_is_head(exchange)) {
        evhttp_send_reply(exchange->request, status, NULL, NULL);
        return;
    }
    exchange->at = offset;
    exchange->left = size;
    evhttp_send_reply_start(exchange->request, status, NULL);
    if (send_piece(exchange) < 0)
        cut(exchange);
}
