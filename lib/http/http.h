/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HTTP_HTTP_H
#define DROVER_LIB_HTTP_HTTP_H

/*
 * HTTP, the one place for libcurl and its defaults: no automatic redirects (callers follow them by
 * hand, so that credentials never travel), bounded headers and bodies, a limit on stalls, TLS
 * always verified unless a caller was told otherwise by name.
 *
 * One exchange:
 *     dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(1u << 20);
 *     if (dr_http_do(http, &(struct dr_http_request){.url = url}, &response, err) < 0)
 *         return -1;                       no answer: DR_ERR_NET says why, and names the URL
 *     if (response.status != 200) ...      an answer: its meaning is the caller's business
 *
 * Many at once: dr_http_start() each, then dr_http_next() until nothing is running. Not for several
 * threads. Every exchange notices dr_stop_wanted() and ends with DR_ERR_STOPPED.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_http;

struct dr_http_options {
    const char *ca_file; /* PEM with CAs trusted besides the system's; NULL: none */
    const char *ca_pem;  /* the same as text, instead of ca_file; NULL: none */
    const char *
        ca_option; /* how the operator gives a CA, for advice, a literal; NULL: --ca-cert, as for registries */
    const char *cert_file; /* client certificate and key, PEM; NULL: none */
    const char *key_file;
    const char *unix_socket;  /* talk through this socket whatever the URL's host is; NULL: TCP */
    bool insecure;            /* do not verify the server's certificate */
    bool no_proxy;            /* ignore http_proxy and friends */
    unsigned connect_seconds; /* limit for a connection; 0: 15 */
    unsigned stall_seconds;   /* give up after so long without a byte; 0: 60 */
    uint64_t rate;            /* bytes per second of all bodies together; 0: no limit */
    const struct dr_log *log; /* is told of servers that are silent for 10 s; NULL: nobody */
};

/* Appends nothing, returns what it took: fills up to `size` bytes, 0 at the end; -1 and `err` on
 * failure. */
typedef long dr_http_source_fn(void *context, void *ret_data, size_t size, struct dr_err *err);

/* Takes one piece of a 2xx body; -1 and `err` to break off. */
typedef int dr_http_sink_fn(void *context, const void *data, size_t size, struct dr_err *err);

struct dr_http_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* absolute */
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const void *body;           /* sent as it is, with Content-Length; NULL: none */
    uint64_t body_size;         /* of `body` or of what `source` will give */
    dr_http_source_fn *source;  /* instead of `body`, for large ones */
    dr_http_sink_fn *sink;      /* 2xx bodies go here instead of into the response */
    void *context;              /* for source and sink */
    unsigned stall_seconds;     /* instead of that of the options; 0: that one */
    bool endless;               /* no stall limit: waiting is the point (container wait, events) */
    bool unstoppable; /* a polite stop does not break it off: half of it would be worse than all */
};

struct dr_http_response {
    long status;           /* 0 while there was none; a sink can already see it */
    struct dr_buf headers; /* "name: value\n" lines of the last header block */
    struct dr_buf body;    /* what did not go to a sink */
    bool hopeless; /* there was no answer, and asking again would not change that: the name is not
                    * known, the certificate not trusted */
    bool silent;   /* there was none in time */
};

#define DR_HTTP_RESPONSE_INIT(max_body)                                                            \
    {                                                                                              \
        .headers = DR_BUF_INIT(65536), .body = DR_BUF_INIT(max_body)                               \
    }

void dr_http_response_release(struct dr_http_response *response);
#define dr_auto_http_response __attribute__((cleanup(dr_http_response_release)))

/* The value of the `index`-th header of that name (case does not matter), trimmed; false: there is
 * none. A value that does not fit in `room` counts as none. */
bool dr_http_header(const struct dr_http_response *response, const char *name, unsigned index,
                    char *ret_value, size_t room);

/* The strings of `options` are copied. NULL on failure. */
struct dr_http *dr_http_new(const struct dr_http_options *options, struct dr_err *err);
void dr_http_free(struct dr_http *http);
static inline void dr_cleanup_http(struct dr_http **http)
{
    dr_http_free(*http);
}
#define dr_auto_http __attribute__((cleanup(dr_cleanup_http)))

/* One exchange, keeping the connection for the next one. Also allowed while started ones are
 * running. */
int dr_http_do(struct dr_http *http, const struct dr_http_request *request,
               struct dr_http_response *ret_response, struct dr_err *err);

/* Starts an exchange; request (with all it points to) and response must live until it is finished.
 * `token` is given back by dr_http_next(). */
int dr_http_start(struct dr_http *http, const struct dr_http_request *request,
                  struct dr_http_response *ret_response, void *token, struct dr_err *err);

/* Runs the started exchanges until one is finished: 1, its token in `ret_token` and, when there was
 * no answer, the reason in `ret_failure` (code DR_OK when there was one). 0: nothing is running.
 * -1: cannot go on. */
int dr_http_next(struct dr_http *http, void **ret_token, struct dr_err *ret_failure,
                 struct dr_err *err);

/* The same, but for at most so many seconds: 2, nothing is finished yet. */
int dr_http_next_within(struct dr_http *http, double seconds, void **ret_token,
                        struct dr_err *ret_failure, struct dr_err *err);

/* Breaks off everything that was started. */
void dr_http_cancel(struct dr_http *http);

/* `url` (absolute, or relative to `base` as in a Location header) as an absolute one; owned. */
char *dr_http_resolve(const char *base, const char *url, struct dr_err *err);

/* The host of an absolute URL, as libcurl understands it (numeric ones in normal form, IPv6 in
 * brackets). DR_ERR_NET when there is none, or a user before it. */
int dr_http_url_host(const char *url, char *ret_host, size_t room, struct dr_err *err);

/* The host of this URL is 127.0.0.0/8, ::1 or localhost: no proxy is asked, as in the docker command. */
bool dr_http_is_loopback(const char *url);

/* Seconds from now until a date as headers have it (RFC 9110 §5.6.7); 0 when it is past or none. */
int64_t dr_http_seconds_until(const char *date);

/* Such a date as seconds since the epoch; -1: it is none. */
int64_t dr_http_date(const char *date);

/* True when both have the same scheme, host and port: only then may credentials go along. */
bool dr_http_same_origin(const char *a, const char *b);

/* Percent-encodes everything but unreserved characters (RFC 3986 §2.3); owned. */
char *dr_http_escape(const char *text, struct dr_err *err);

/* `url` with any user:password@ blanked, for messages. Writes to `ret` and returns it. */
const char *dr_http_display(const char *url, char *ret, size_t room);

#endif
