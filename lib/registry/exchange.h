/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_EXCHANGE_H
#define DROVER_LIB_REGISTRY_EXCHANGE_H

/*
 * One question to a registry, asked until the answer means something to who asks: 401 is answered
 * with a token or password, redirects are followed by hand (5 at most, never from https to http,
 * credentials only to the registry's own origin; of what writes only 307 and 308, which keep it so), broken connections, 5xx and 429
 * are tried again after a pause (3 times in all, Retry-After obeyed within bounds). What can't get
 * better by itself (unknown name, certificate that is not trusted) is not.
 *
 *     dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_MANIFEST_MAX);
 *     if (dr_exchange_ask(&exchange, "GET", url, scope) < 0 ||     takes both
 *         dr_exchange_run(registry, &exchange, err) < 0)
 *         return -1;
 *     switch (exchange.response.status) ...
 *
 * Many at once, one after the other in each place: lib/registry/pool.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/http/http.h"
#include "lib/registry/session.h"

/* Error pages and token answers beyond this are cut off. */
#define DR_ANSWER_MAX (1u << 20)

/* All kinds of manifests, on every question for one: without, registries rewrite schema 2 into schema 1
 * on the fly. */
#define DR_MEDIA_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+"
#define DR_ACCEPT_MANIFESTS                                                                        \
    "application/vnd.docker.distribution.manifest.v2+json, "                                       \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.oci.image.manifest.v1+json, "                                                 \
    "application/vnd.oci.image.index.v1+json, " DR_MEDIA_SCHEMA1 "prettyjws, " DR_MEDIA_SCHEMA1    \
    "json"

struct dr_exchange {
    /* Set by who asks; borrowed. */
    const char *accept;
    const char *content_type;  /* NULL: application/octet-stream where there is a body */
    const char *content_range; /* NULL: none */
    const void *body;
    uint64_t body_size;
    dr_http_source_fn *source;
    dr_http_sink_fn *sink;
    void *context;
    uint64_t from; /* ask for the bytes from here on; a sink may move it, for the next try */
    uint64_t to;   /* and up to here, this one not included; 0: all that follow */
    bool once;     /* broken connections and 5xx are for who asks: the body can't be repeated */

    /* The answer. */
    struct dr_http_response response;

    /* The exchange's own. */
    const char *method;
    char *url;
    char *scope;
    char *target; /* where redirects have led; NULL: url */
    char *authorization;
    char *lines[5];
    struct dr_http_request request;
    const char *headers[7];
    unsigned attempts; /* how often it was sent: tells a sink where an answer begins */
    unsigned tries;    /* how often that failed since the last progress */
    unsigned redirects;
    const struct dr_log *log; /* for words about what is tried again */
    bool renewed;
    double not_before; /* dr_clock() */
};

#define DR_EXCHANGE_INIT(max_body)                                                                 \
    {                                                                                              \
        .response = DR_HTTP_RESPONSE_INIT(max_body)                                                \
    }

void dr_exchange_release(struct dr_exchange *exchange);
#define dr_auto_exchange __attribute__((cleanup(dr_exchange_release)))

/* Begins a new question; body, source, sink and the rest are forgotten unless set afterwards. Takes
 * `url` and `scope` (owned texts). -1 when one of them is NULL: who failed to make it has filled
 * `err`. `method` is a literal. */
int dr_exchange_ask(struct dr_exchange *exchange, const char *method, char *url, char *scope);

/* Asks and waits. 0: there is an answer in exchange->response, whatever its status. */
int dr_exchange_run(struct dr_registry *registry, struct dr_exchange *exchange, struct dr_err *err);

/* The two halves of dr_exchange_run(), for pools: make exchange->request ready; judge what came
 * (`failure` as of dr_http_next()): 1 it is an answer, 0 send it again at exchange->not_before. */
int dr_exchange_prepare(struct dr_registry *registry, struct dr_exchange *exchange,
                        struct dr_err *err);
int dr_exchange_judge(struct dr_registry *registry, struct dr_exchange *exchange,
                      const struct dr_err *failure, struct dr_err *err);

/* Where it goes now: its URL, or where redirects have led. Borrowed. */
const char *dr_exchange_target(const struct dr_exchange *exchange);

/* Counts a failed try and sets not_before; -1 with `failure` when it was the last, or the server
 * asked for a longer pause than 5 minutes. Long pauses are told. */
int dr_exchange_again(struct dr_exchange *exchange, const struct dr_err *failure,
                      struct dr_err *err);

/* Seconds without a byte after which a question with a small answer counts as failed. */
unsigned dr_exchange_patience(void);

/* Content-Length of the answer; UINT64_MAX: it has none. */
uint64_t dr_exchange_length(const struct dr_exchange *exchange);

/* What a manifest's digest is, as the answer says (Docker-Content-Digest). False: it does not, or in
 * another algorithm. */
bool dr_exchange_digest(const struct dr_exchange *exchange, struct dr_digest *ret_digest);

/* Sleeps until exchange->not_before. */
void dr_exchange_pause(const struct dr_exchange *exchange);

/* Fails with what the answer says: 404 is DR_ERR_ABSENT, 401 and 403 DR_ERR_AUTH, the rest
 * DR_ERR_NET, with the registry's own words (errors[0] of the body). */
int dr_exchange_refused(const struct dr_exchange *exchange, struct dr_err *err);

#endif
