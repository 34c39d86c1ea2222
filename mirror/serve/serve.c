/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/serve.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/check.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"
#include "mirror/serve/address.h"
#include "mirror/serve/answer.h"
#include "mirror/serve/catalog.h"
#include "mirror/serve/server.h"

/* How long running transfers are waited for. */
#define END_SECONDS 10

#define HEADERS_MAX (16 << 10)
#define BODY_MAX (64 << 10) /* requests for reading have none; this is for the refusal of others */
#define BACKLOG 4096        /* who finds no place waits here; the kernel may allow less */

/* ---- connections */

static struct bufferevent *make_bufferevent(struct event_base *base, const struct dr_serve *serve)
{
    struct bufferevent *bev;
    SSL *tls;

    if (!serve->tls)
        return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    tls = SSL_new(serve->tls);
    if (!tls)
        return NULL;
    bev = bufferevent_openssl_socket_new(base, -1, tls, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    else
        SSL_free(tls);
    return bev;
}

static void let_in(const struct dr_serve *serve, bool yes)
{
    struct evconnlistener *listener =
        serve->socket ? evhttp_bound_socket_get_listener(serve->socket) : NULL;

    if (listener && yes)
        evconnlistener_enable(listener);
    else if (listener)
        evconnlistener_disable(listener);
}

/* For evhttp, which has just accepted a connection. */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
    struct dr_serve *serve = context;
    const struct timeval stall = {.tv_sec = (time_t)serve->timeout};
    struct bufferevent *bev = make_bufferevent(base, serve);

    if (!bev)
        return NULL;
    /* Only writing: a client that takes a large layer says nothing for a long time. */
    bufferevent_set_timeouts(bev, NULL, &stall);
    bufferevent_setwatermark(bev, EV_READ, 0, HEADERS_MAX + BODY_MAX);
    if (!dr_visitors_full(&serve->visitors))
        dr_visitors_add(&serve->visitors, bev);
    if (dr_visitors_full(&serve->visitors))
        let_in(serve, false);
    return bev;
}

/* No more file descriptors, or no memory: on_tick() tries again. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
    (void)context;
    evconnlistener_disable(listener);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct dr_exchange *exchange = dr_exchange_begin(context, request);

    if (exchange)
        dr_serve_answer(exchange);
}

/* ---- the life of the server */

/* Somebody wrote into the file, or cut it. */
static bool has_changed(const struct dr_serve *serve)
{
    struct dr_digest now;

    return dr_bundle_file_stamp(serve->bundle, &now, NULL) < 0 ||
           !dr_digest_equal(&now, &serve->verified);
}

static void begin_end(struct dr_serve *serve)
{
    serve->ending = true;
    serve->end = dr_clock() + dr_scaled(END_SECONDS);
    evhttp_del_accept_socket(serve->http, serve->socket);
    serve->socket = NULL;
    if (serve->running > 0)
        dr_log_say(serve->log, "stopping; %zu running transfer%s may end first, for at most %d s",
                   serve->running, serve->running == 1 ? "" : "s", END_SECONDS);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct dr_serve *serve = context;

    (void)fd;
    (void)what;
    serve->changed = serve->changed || has_changed(serve);
    if (serve->changed) {
        event_base_loopbreak(serve->base);
        return;
    }
    dr_visitors_sweep(&serve->visitors, serve->timeout);
    if (!serve->ending && dr_stop_wanted())
        begin_end(serve);
    if (!serve->ending) {
        let_in(serve, !dr_visitors_full(&serve->visitors));
    } else if (serve->running == 0 || dr_clock() >= serve->end) {
        event_base_loopbreak(serve->base);
    }
}

int dr_serve_run(struct dr_serve *serve, struct dr_err *err)
{
    if (event_base_dispatch(serve->base) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "wait for requests");
    if (serve->changed)
        return dr_fail(err, DR_ERR_VERIFY,
                       "the bundle '%s' was changed while it was served; nothing more was sent. "
                       "Verify it again",
                       serve->path);
    if (serve->running > 0)
        dr_log_warn(serve->log, "%zu transfer%s cut off by the stop", serve->running,
                    serve->running == 1 ? " was" : "s were");
    return 0;
}

/* ---- setting up */

/* libevent's own words are for its programmers. */
static void say_nothing(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

static void set_up_http(struct dr_serve *serve)
{
    evhttp_set_allowed_methods(serve->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                                EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
                                                EVHTTP_REQ_DELETE);
    evhttp_set_max_headers_size(serve->http, HEADERS_MAX);
    evhttp_set_max_body_size(serve->http, BODY_MAX);
    evhttp_set_default_content_type(serve->http, NULL);
    evhttp_set_bevcb(serve->http, on_connection, serve);
    evhttp_set_gencb(serve->http, on_request, serve);
}

/* Takes the address' socket. */
static int listen_at(struct dr_serve *serve, struct dr_address *address, struct dr_err *err)
{
    const struct timeval pause = {.tv_usec = 100000};
    struct evconnlistener *listener;

    event_set_log_callback(say_nothing);
    serve->base = event_base_new();
    serve->http = serve->base ? evhttp_new(serve->base) : NULL;
    serve->tick = serve->base ? event_new(serve->base, -1, EV_PERSIST, on_tick, serve) : NULL;
    if (!serve->http || !serve->tick || event_add(serve->tick, &pause) < 0)
        return dr_fail_memory(err);
    set_up_http(serve);
    listener =
        evconnlistener_new(serve->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                           BACKLOG, address->fd);
    if (!listener)
        return dr_fail_errno(err, DR_ERR_REFUSED, "listen at %s", address->text);
    address->fd = -1;
    serve->socket = evhttp_bind_listener(serve->http, listener);
    if (!serve->socket) {
        evconnlistener_free(listener);
        return dr_fail_memory(err);
    }
    evconnlistener_set_error_cb(listener, on_accept_failed);
    memcpy(serve->address, address->text, sizeof serve->address);
    serve->any = address->any;
    return 0;
}

static void warn_of_plain(const struct dr_serve_options *options, const struct dr_address *address,
                          const struct dr_log *log)
{
    if (options->cert_file || address->loopback)
        return;
    dr_log_warn(log,
                "plain HTTP at %s: whoever is on the way can change what hosts get%s; every engine "
                "has to be told that this is on purpose (--insecure-registry). --tls-cert and "
                "--tls-key are the better way",
                address->text, options->htpasswd ? ", and read the passwords" : "");
}

static int check_options(const struct dr_serve_options *options, struct dr_err *err)
{
    if (!options->cert_file != !options->key_file)
        return dr_fail(err, DR_ERR_USAGE, "--tls-cert and --tls-key belong together");
    if (options->timeout == 0 || options->timeout > 86400)
        return dr_fail(err, DR_ERR_USAGE, "--timeout is a number of seconds from 1 to 86400");
    if (options->max_connections == 0 || options->max_connections > 65536)
        return dr_fail(err, DR_ERR_USAGE, "--max-connections is a number from 1 to 65536");
    return 0;
}

/* What can be wrong at once is found out before the long hashing; nobody can connect before its end. */
static int open_all(struct dr_serve *serve, const struct dr_serve_options *options,
                    struct dr_address *address, struct dr_err *err)
{
    if (check_options(options, err) < 0)
        return -1;
    serve->path = dr_text_copy(options->bundle, err);
    serve->bundle = serve->path ? dr_bundle_open(options->bundle, options->trust, err) : NULL;
    if (!serve->bundle ||
        dr_bundle_refuse_delta(serve->bundle, "it cannot be served alone", err) < 0 ||
        dr_address_bind(options->listen, address, err) < 0)
        return -1;
    if (options->cert_file) {
        serve->tls = dr_serve_tls_new(options->cert_file, options->key_file, serve->log, err);
        if (!serve->tls)
            return -1;
    }
    if (options->htpasswd) {
        serve->htpasswd = dr_htpasswd_read(options->htpasswd, err);
        if (!serve->htpasswd)
            return -1;
    }
    serve->timeout = (double)options->timeout;
    if (dr_visitors_make(&serve->visitors, options->max_connections, err) < 0)
        return -1;
    if (dr_bundle_file_stamp(serve->bundle, &serve->verified, err) < 0 ||
        dr_bundle_check_layers(serve->bundle, options->bundle, true, serve->log, err) < 0)
        return -1;
    warn_of_plain(options, address, serve->log);
    dr_catalog_warn(serve->bundle, serve->log);
    return listen_at(serve, address, err);
}

const char *dr_serve_libevent_version(void)
{
    return event_get_version();
}

struct dr_serve *dr_serve_new(const struct dr_serve_options *options, const struct dr_log *log,
                              struct dr_err *err)
{
    struct dr_serve *serve = calloc(1, sizeof *serve);
    struct dr_address address = DR_ADDRESS_INIT;
    int done;

    if (!serve) {
        dr_fail_memory(err);
        return NULL;
    }
    serve->log = log;
    done = open_all(serve, options, &address, err);
    if (address.fd >= 0)
        close(address.fd);
    if (done == 0)
        return serve;
    dr_serve_free(serve);
    return NULL;
}

void dr_serve_free(struct dr_serve *serve)
{
    if (!serve)
        return;
    if (serve->http)
        evhttp_free(serve->http); /* with all connections, and so all exchanges */
    if (serve->tick)
        event_free(serve->tick);
    dr_visitors_release(&serve->visitors);
    if (serve->base)
        event_base_free(serve->base);
    SSL_CTX_free(serve->tls);
    dr_htpasswd_free(serve->htpasswd);
    dr_bundle_free(serve->bundle);
    free(serve->path);
    free(serve);
}
