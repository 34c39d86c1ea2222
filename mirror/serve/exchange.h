/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_EXCHANGE_H
#define DROVER_MIRROR_SERVE_EXCHANGE_H

/*
 * One request, from its arrival to the last byte of its answer or to the end of its connection; then it is a line of the
 * access log (-v) and frees itself. Exactly one of dr_exchange_reply(), dr_exchange_refuse() and dr_exchange_send() is
 * called for each, after which it must not be touched any more.
 *
 * A body out of the bundle goes in pieces: without TLS the kernel sends them from the file (sendfile(2)), with TLS they
 * are read, so that memory stays flat whatever the blob. When the file has become shorter the connection is cut.
 */

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/serve/htpasswd.h"

struct dr_serve;

struct dr_exchange {
    struct dr_serve *serve;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    struct bufferevent *bev;
    double began;
    char user[DR_HTPASSWD_USER]; /* "": nobody logged in */
    int status;
    uint64_t size; /* of the body */
    uint64_t at;   /* of a body out of the bundle: the next byte's place in the file */
    uint64_t left; /* bytes from there */
};

/* NULL: memory is out, and the connection is closed. */
struct dr_exchange *dr_exchange_begin(struct dr_serve *serve, struct evhttp_request *request);

/* A header of the request, NULL: there is none; and one of the answer. */
const char *dr_exchange_asked(const struct dr_exchange *exchange, const char *name);
void dr_exchange_tell(const struct dr_exchange *exchange, const char *name, const char *value);

/* HEAD: the answer has headers only, those that GET would have. */
bool dr_exchange_is_head(const struct dr_exchange *exchange);

/* A small body, copied; NULL: none. */
void dr_exchange_reply(struct dr_exchange *exchange, int status, const void *body, size_t size);

/* The same for a document, which is taken; NULL: memory is out. Sets Content-Type unless that was told. */
void dr_exchange_reply_json(struct dr_exchange *exchange, int status, json_t *document);

/* An error as the specification has it (distribution-spec, "Error Codes"): `code` is one of its words. */
void dr_exchange_refuse(struct dr_exchange *exchange, int status, const char *code,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* `size` bytes from `offset` of the bundle's file. */
void dr_exchange_send(struct dr_exchange *exchange, int status, uint64_t offset, uint64_t size);

#endif
