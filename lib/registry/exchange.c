/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/exchange.h"

#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/authorize.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define TRIES 3
#define REDIRECTS 5
#define PAUSE_SECONDS 0.5
/* However long a server asks us to wait, an operator sits in front of this: what takes longer is for
 * another run. */
#define RETRY_AFTER_MAX 300
/* Pauses that people would notice are told. */
#define TOLD_SECONDS 5
#define LOCATION_MAX 8192
/* For an answer without a body that is worth a wait. */
#define PATIENCE_SECONDS 30

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

const char *dr_exchange_target(const struct dr_exchange *exchange)
{
    return exchange->target ? exchange->target : exchange->url;
}

static bool is_read(const struct dr_exchange *exchange)
{
    return strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0;
}

unsigned dr_exchange_patience(void)
{
    double seconds = dr_scaled(PATIENCE_SECONDS);

    return seconds > 1 ? (unsigned)seconds : 1;
}

static int add_range(struct dr_exchange *exchange, struct dr_err *err)
{
    unsigned long long from = exchange->from;

    if (exchange->to > 0)
        exchange->lines[3] = dr_text_format(err, "Range: bytes=%llu-%llu", from,
                                            (unsigned long long)exchange->to - 1);
    else if (from > 0)
        exchange->lines[3] = dr_text_format(err, "Range: bytes=%llu-", from);
    else
        return 0;
    return exchange->lines[3] ? 0 : -1;
}

static int make_lines(struct dr_registry *registry, struct dr_exchange *exchange,
                      struct dr_err *err)
{
    size_t count = 0;

    free_lines(exchange);
    if (dr_authorize_line(registry, exchange, &exchange->lines[0], err) < 0)
        return -1;
    if (exchange->accept &&
        !(exchange->lines[1] = dr_text_format(err, "Accept: %s", exchange->accept)))
        return -1;
    if (!is_read(exchange) &&
        !(exchange->lines[2] = dr_text_format(err, "Content-Type: %s",
                                              exchange->content_type ? exchange->content_type
                                                                     : "application/octet-stream")))
        return -1;
    if (add_range(exchange, err) < 0)
        return -1;
    if (exchange->content_range &&
        !(exchange->lines[4] = dr_text_format(err, "Content-Range: %s", exchange->content_range)))
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
        .url = dr_exchange_target(exchange),
        .headers = exchange->headers,
        .body = exchange->body,
        .body_size = exchange->body_size,
        .source = exchange->source,
        .sink = exchange->sink,
        .context = exchange->context,
    };
    /* Not of what writes: to close an upload, some stores copy all of it first. */
    if (!exchange->sink && is_read(exchange))
        exchange->request.stall_seconds = dr_exchange_patience();
    return 0;
}

/* Seconds that the server asks for (RFC 9110 §10.2.3), 0: it doesn't. */
static double retry_after(const struct dr_exchange *exchange)
{
    uint64_t seconds;
    char value[64];

    if (!dr_http_header(&exchange->response, "Retry-After", 0, value, sizeof value))
        return 0;
    if (dr_text_uint64(value, UINT64_C(1) << 31, &seconds, NULL) < 0)
        return (double)dr_http_seconds_until(value);
    return (double)seconds;
}

/* 0 to 1/4, so that many clients that were sent away together don't come back together. */
static double jitter(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_nsec / 1000 % 1000) / 4000;
}

static int pass_on(const struct dr_err *failure, struct dr_err *err)
{
    if (err)
        *err = *failure;
    return -1;
}

static void tell(const struct dr_exchange *exchange, double pause, const struct dr_err *failure)
{
    char took[16];
    char until[32];

    if (!exchange->log)
        return;
    if (pause < TOLD_SECONDS) {
        dr_log_detail(exchange->log, "trying again in %.1f s: %s", pause, failure->text);
        return;
    }
    dr_text_seconds(pause, took);
    dr_text_time((int64_t)time(NULL) + (int64_t)pause, until);
    dr_log_say(exchange->log, "waiting %s, until %s: %s", took, until, failure->text);
}

static int fail_later(double asked, const struct dr_err *failure, struct dr_err *err)
{
    char took[16];
    char until[32];

    pass_on(failure, err);
    dr_text_seconds(asked, took);
    dr_text_time((int64_t)time(NULL) + (int64_t)asked, until);
    return dr_err_advise(
        err, "it asks to be left alone for %s: run the same command again after %s", took, until);
}

int dr_exchange_again(struct dr_exchange *exchange, const struct dr_err *failure,
                      struct dr_err *err)
{
    double pause = PAUSE_SECONDS * (double)(1u << exchange->tries) * (1 + jitter());
    double asked = retry_after(exchange);

    if (asked > RETRY_AFTER_MAX)
        return fail_later(asked, failure, err);
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
    tell(exchange, pause, failure);
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

bool dr_exchange_digest(const struct dr_exchange *exchange, struct dr_digest *ret_digest)
{
    char text[DR_DIGEST_TEXT];

    return dr_http_header(&exchange->response, "Docker-Content-Digest", 0, text, sizeof text) &&
           dr_digest_parse(text, ret_digest, NULL) == 0;
}

void dr_exchange_pause(const struct dr_exchange *exchange)
{
    if (exchange->not_before > 0)
        dr_stop_sleep(exchange->not_before - dr_clock());
}

static int redirect(struct dr_exchange *exchange, struct dr_err *err)
{
    char location[LOCATION_MAX];
    char *next;

    if (!dr_http_header(&exchange->response, "Location", 0, location, sizeof location))
        return dr_fail(err, DR_ERR_NET, "it redirects to nowhere");
    if (++exchange->redirects > REDIRECTS)
        return dr_fail(err, DR_ERR_NET, "it redirects more than %d times", REDIRECTS);
    next = dr_http_resolve(dr_exchange_target(exchange), location, err);
    if (!next)
        return dr_err_wrap(err, "it redirects");
    if (!dr_text_starts(next, "https://") &&
        !(dr_text_starts(next, "http://") &&
          dr_text_starts(dr_exchange_target(exchange), "http://"))) {
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

    /* The others may turn what writes into a GET. */
    return status == 307 || status == 308 ||
           (is_read(exchange) && (status == 301 || status == 302 || status == 303));
}

/* Docker Hub counts pulls: "ratelimit-limit: 100;w=21600", pulls and the seconds they are for. */
static void tell_limits(const struct dr_registry *registry, const struct dr_exchange *exchange)
{
    char limit[64];
    char left[64];

    if (!registry->log ||
        !dr_http_header(&exchange->response, "ratelimit-remaining", 0, left, sizeof left))
        return;
    if (!dr_http_header(&exchange->response, "ratelimit-limit", 0, limit, sizeof limit))
        dr_text_put(limit, sizeof limit, "?");
    dr_text_clean(left);
    dr_text_clean(limit);
    dr_log_detail(registry->log, "'%s' counts pulls: %s left of %s (pulls;w=seconds)",
                  registry->host, left, limit);
}

int dr_exchange_judge(struct dr_registry *registry, struct dr_exchange *exchange,
                      const struct dr_err *failure, struct dr_err *err)
{
    long status = exchange->response.status;
    bool cut = failure->code == DR_ERR_FORMAT && status >= 300; /* an endless error page */
    struct dr_err why = DR_ERR_INIT;

    if (failure->code != DR_OK && !cut) {
        if (failure->code == DR_ERR_NET && !exchange->once && !exchange->response.hopeless)
            return dr_exchange_again(exchange, failure, err);
        return pass_on(failure, err);
    }
    if (status == 401)
        return dr_authorize_again(registry, exchange, err);
    if (is_redirect(exchange))
        return redirect(exchange, err);
    tell_limits(registry, exchange);
    if (status == 429 || status >= 500) {
        dr_exchange_refused(exchange, &why);
        if (status == 429 && !dr_session_login(registry, exchange->scope))
            dr_err_advise(&why, "docker login %s may raise the limit", registry->host);
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
