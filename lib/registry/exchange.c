/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/exchange.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/auth.h"
#include "lib/registry/token.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define TRIES 3
#define REDIRECTS 5
#define PAUSE_SECONDS 0.5
/* However long a server asks us to wait, an operator sits in front of this. */
#define RETRY_AFTER_MAX 120
#define LOCATION_MAX 8192

static void free_lines(struct dr_exchange *exchange)
{
    for (size_t i = 0; i < sizeof exchange->lines / sizeof *exchange->lines; i++) {
        free(exchange->lines[i]);
        exchange->lines[i] = NULL;
    }
}

static void set_text(char **to, char *text)
{
    free(*to);
    *to = text;
}

void dr_exchange_release(struct dr_exchange *exchange)
{
    dr_http_response_release(&exchange->response);
    free_lines(exchange);
    set_text(&exchange->url, NULL);
    set_text(&exchange->scope, NULL);
    set_text(&exchange->target, NULL);
}

int dr_exchange_ask(struct dr_exchange *exchange, const char *method, char *url, char *scope)
{
    struct dr_http_response response = exchange->response;

    exchange->response.headers = exchange->response.body = (struct dr_buf){0};
    dr_exchange_release(exchange);
    *exchange =
        (struct dr_exchange){.response = response, .method = method, .url = url, .scope = scope};
    return url && scope ? 0 : -1;
}

static const char *target(const struct dr_exchange *exchange)
{
    return exchange->target ? exchange->target : exchange->url;
}

/* The Authorization line for where the request goes; NULL with 0: none. */
static int make_authorization(struct dr_registry *registry, const struct dr_exchange *exchange,
                              char **ret_line, struct dr_err *err)
{
    dr_autofree char *basic = NULL;
    const char *token;

    *ret_line = NULL;
    if (!dr_http_same_origin(registry->base, target(exchange)))
        return 0;
    token = dr_token_get(registry, exchange->scope);
    if (token) {
        *ret_line = dr_text_format(err, "Authorization: Bearer %s", token);
    } else if (registry->basic) {
        basic = dr_credential_basic(&registry->credential, err);
        *ret_line = basic ? dr_text_format(err, "Authorization: %s", basic) : NULL;
    } else {
        return 0;
    }
    return *ret_line ? 0 : -1;
}

static int make_lines(struct dr_registry *registry, struct dr_exchange *exchange,
                      struct dr_err *err)
{
    bool sends = strcmp(exchange->method, "GET") != 0 && strcmp(exchange->method, "HEAD") != 0;
    size_t count = 0;

    free_lines(exchange);
    if (make_authorization(registry, exchange, &exchange->lines[0], err) < 0)
        return -1;
    if (exchange->accept &&
        !(exchange->lines[1] = dr_text_format(err, "Accept: %s", exchange->accept)))
        return -1;
    if (sends &&
        !(exchange->lines[2] = dr_text_format(err, "Content-Type: %s",
                                              exchange->content_type ? exchange->content_type
                                                                     : "application/octet-stream")))
        return -1;
    if (exchange->from > 0 && !(exchange->lines[3] = dr_text_format(
                                    err, "Range: bytes=%llu-", (unsigned long long)exchange->from)))
        return -1;
    for (size_t i = 0; i < sizeof exchange->lines / sizeof *exchange->lines; i++) {
        if (exchange->lines[i])
            exchange->headers[count++] = exchange->lines[i];
    }
    exchange->headers[count] = NULL;
    return 0;
}

int dr_exchange_prepare(struct dr_registry *registry, struct dr_exchange *exchange,
                        struct dr_err *err)
{
    if (make_lines(registry, exchange, err) < 0)
        return -1;
    exchange->attempts++;
    exchange->log = registry->log;
    exchange->request = (struct dr_http_request){
        .method = exchange->method,
        .url = target(exchange),
        .headers = exchange->headers,
        .body = exchange->body,
        .body_size = exchange->body_size,
        .source = exchange->source,
        .sink = exchange->sink,
        .context = exchange->context,
    };
    return 0;
}

/* Seconds that the server asks for (RFC 9110 §10.2.3; dates are not worth it), 0: it
 * doesn't. */
static double retry_after(const struct dr_exchange *exchange)
{
    uint64_t seconds;
    char value[32];

    if (!dr_http_header(&exchange->response, "Retry-After", 0, value, sizeof value) ||
        dr_text_uint64(value, UINT64_MAX, &seconds, NULL) < 0)
        return 0;
    return seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (double)seconds;
}

static int pass_on(const struct dr_err *failure, struct dr_err *err)
{
    if (err)
        *err = *failure;
    return -1;
}

int dr_exchange_again(struct dr_exchange *exchange, const struct dr_err *failure,
                      struct dr_err *err)
{
    double pause = PAUSE_SECONDS * (double)(1u << exchange->tries);
    double asked = retry_after(exchange);

    if (++exchange->tries >= TRIES) {
        pass_on(failure, err);
        return dr_err_wrap(err, "tried %d times", TRIES);
    }
    /* Redirects to a store carry signatures that may have been the trouble: begin at the
     * registry. */
    set_text(&exchange->target, NULL);
    exchange->redirects = 0;
    exchange->renewed = false;
    if (asked > pause)
        pause = asked;
    if (exchange->log)
        dr_log_detail(exchange->log, "trying again in %.1f s: %s", pause, failure->text);
    exchange->not_before = dr_clock() + dr_scaled(pause);
    return 0;
}

uint64_t dr_exchange_length(const struct dr_exchange *exchange)
{
    uint64_t length;
    char value[32];

    if (!dr_http_header(&exchange->response, "Content-Length", 0, value, sizeof value) ||
        dr_text_uint64(value, UINT64_MAX, &length, NULL) < 0)
        return UINT64_MAX;
    return length;
}

void dr_exchange_pause(const struct dr_exchange *exchange)
{
    if (exchange->not_before > 0)
        dr_stop_sleep(exchange->not_before - dr_clock());
}

static int no_login(const struct dr_registry *registry, struct dr_err *err)
{
    const struct dr_credential *credential = &registry->credential;

    if (credential->user)
        return dr_fail(err, DR_ERR_AUTH, "it refuses user '%s'; log in again with docker login %s",
                       credential->user, registry->host);
    dr_fail(err, DR_ERR_AUTH, "it wants a login");
    if (credential->unusable)
        return dr_err_advise(err, "%s", credential->unusable);
    return dr_err_advise(err,
                         "log in with docker login %s, or name a file with its login in "
                         "REGISTRY_AUTH_FILE",
                         registry->host);
}

/* A fresh token was refused as well: the token server gave less than was asked for, in silence, as
 * the specification lets it. */
static int no_right(const struct dr_registry *registry, struct dr_err *err)
{
    const char *user = registry->credential.user;

    return dr_fail(err, DR_ERR_AUTH,
                   "it refuses the token that it sent for: there is no such repository, or %s%s%s "
                   "may not do this there",
                   user ? "user '" : "nobody without a login", user ? user : "", user ? "'" : "");
}

/* 401: get what is asked for, once. 0: send it again. */
static int log_in(struct dr_registry *registry, struct dr_exchange *exchange, struct dr_err *err)
{
    struct dr_challenge challenge;
    char display[300];

    if (!dr_http_same_origin(registry->base, target(exchange)))
        return dr_fail(err, DR_ERR_NET, "%s, where it redirects to, answered 401",
                       dr_http_display(target(exchange), display, sizeof display));
    if (exchange->renewed)
        return dr_token_get(registry, exchange->scope) ? no_right(registry, err)
                                                       : no_login(registry, err);
    if (!dr_challenge_choose(&exchange->response, &challenge))
        return dr_fail(
            err, DR_ERR_AUTH,
            "it wants a kind of login that drover can't give (it knows Basic and Bearer)");
    exchange->renewed = true;
    if (strcasecmp(challenge.scheme, "Basic") == 0) {
        /* Others may have learnt meanwhile that it is Basic: what counts is what this one sent. */
        if (!registry->credential.user || exchange->lines[0])
            return no_login(registry, err);
        registry->basic = true;
    } else if (dr_token_renew(registry, &challenge, exchange->scope, err) < 0) {
        return dr_err_wrap(err, "log in");
    }
    exchange->not_before = 0;
    return 0;
}

static int redirect(struct dr_exchange *exchange, struct dr_err *err)
{
    char location[LOCATION_MAX];
    char *next;

    if (!dr_http_header(&exchange->response, "Location", 0, location, sizeof location))
        return dr_fail(err, DR_ERR_NET, "it redirects to nowhere");
    if (++exchange->redirects > REDIRECTS)
        return dr_fail(err, DR_ERR_NET, "it redirects more than %d times", REDIRECTS);
    next = dr_http_resolve(target(exchange), location, err);
    if (!next)
        return dr_err_wrap(err, "it redirects");
    if (!dr_text_starts(next, "https://") &&
        !(dr_text_starts(next, "http://") && dr_text_starts(target(exchange), "http://"))) {
        dr_fail(err, DR_ERR_NET, "it redirects from https to '%.200s', which is not", next);
        free(next);
        return -1;
    }
    set_text(&exchange->target, next);
    exchange->not_before = 0;
    return 0;
}

static bool is_redirect(const struct dr_exchange *exchange)
{
    long status = exchange->response.status;

    return (strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0) &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

int dr_exchange_judge(struct dr_registry *registry, struct dr_exchange *exchange,
                      const struct dr_err *failure, struct dr_err *err)
{
    long status = exchange->response.status;
    bool cut = failure->code == DR_ERR_FORMAT && status >= 300; /* an endless error page */
    struct dr_err why = DR_ERR_INIT;

    if (failure->code != DR_OK && !cut) {
        if (failure->code == DR_ERR_NET && !exchange->once)
            return dr_exchange_again(exchange, failure, err);
        return pass_on(failure, err);
    }
    if (status == 401)
        return log_in(registry, exchange, err);
    if (is_redirect(exchange))
        return redirect(exchange, err);
    if (status == 429 || status >= 500) {
        dr_exchange_refused(exchange, &why);
        return exchange->once ? pass_on(&why, err) : dr_exchange_again(exchange, &why, err);
    }
    return 1;
}

int dr_exchange_run(struct dr_registry *registry, struct dr_exchange *exchange, struct dr_err *err)
{
    int done = dr_session_open(registry, err);

    if (done < 0)
        return -1;
    do {
        struct dr_err failure = DR_ERR_INIT;

        dr_exchange_pause(exchange);
        if (dr_exchange_prepare(registry, exchange, err) < 0)
            return -1;
        dr_http_do(registry->http, &exchange->request, &exchange->response, &failure);
        done = dr_exchange_judge(registry, exchange, &failure, err);
    } while (done == 0);
    return done < 0 ? -1 : 0;
}

int dr_exchange_refused(const struct dr_exchange *exchange, struct dr_err *err)
{
    const struct dr_buf *body = &exchange->response.body;
    long status = exchange->response.status;
    json_auto_t *answer = body->size ? dr_json_parse(body->data, body->size, "answer", NULL) : NULL;
    const json_t *first = json_array_get(json_object_get(answer, "errors"), 0);
    const char *code = dr_json_string_or(first, "code", "");
    const char *message = dr_json_string_or(first, "message", "");
    enum dr_code kind = DR_ERR_NET;

    if (status == 404)
        kind = DR_ERR_ABSENT;
    else if (status == 401 || status == 403)
        kind = DR_ERR_AUTH;
    return dr_fail(err, kind, "the registry answered %ld%s%.60s%s%.200s", status, *code ? ": " : "",
                   code, *message ? ": " : "", message);
}
