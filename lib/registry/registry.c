/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/registry.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/exchange.h"
#include "lib/registry/session.h"
#include "lib/registry/token.h"
#include "lib/text.h"

/* Where docker.io's images really are. */
static const char *api_host(const char *host)
{
    return strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;
}

/* With or without port, as in a reference. */
static bool is_loopback(const char *host)
{
    char url[300];

    snprintf(url, sizeof url, "http://%.280s/", host);
    return dr_http_is_loopback(url);
}

struct dr_registry *dr_registry_new(const struct dr_registry_options *options, struct dr_err *err)
{
    struct dr_registry *registry = calloc(1, sizeof *registry);
    bool loopback = is_loopback(options->host);

    if (!registry) {
        dr_fail_memory(err);
        return NULL;
    }
    registry->log = options->log;
    registry->loopback = loopback;
    registry->insecure = options->insecure || loopback;
    registry->host = dr_text_copy(options->host, err);
    if (registry->host &&
        dr_certs_find(DR_CERTS_FOLDER, options->host, options->ca_file, &registry->certs, err) ==
            0 &&
        dr_logins_find(options->host, &registry->logins, err) == 0) {
        /* As the engine does on loopback; but who names a CA wants it to count. */
        registry->verified = !options->insecure && !(loopback && !registry->certs.ca_pem);
        registry->http =
            dr_http_new(&(struct dr_http_options){.ca_pem = registry->certs.ca_pem,
                                                  .cert_file = registry->certs.cert_file,
                                                  .key_file = registry->certs.key_file,
                                                  .insecure = !registry->verified,
                                                  .no_proxy = loopback,
                                                  .rate = options->rate,
                                                  .log = registry->log},
                        err);
    }
    if (registry->http)
        return registry;
    dr_registry_free(registry);
    return NULL;
}

void dr_registry_free(struct dr_registry *registry)
{
    if (!registry)
        return;
    dr_http_free(registry->http);
    dr_token_free_all(registry);
    dr_logins_release(&registry->logins);
    dr_certs_release(&registry->certs);
    free(registry->base);
    free(registry->host);
    free(registry);
}

const char *dr_registry_host(const struct dr_registry *registry)
{
    return registry->host;
}

/* Why a registry was not reached. */
struct misses {
    struct dr_err why;
    bool hopeless; /* no need to try again */
    bool silent;   /* and that took long */
};

/* Whether something that speaks the protocol is there. A TLS server tells clients in the clear with
 * 400, or sends them elsewhere. 1: yes; 0: no, `ret_miss` tells. */
static int probe(struct dr_registry *registry, const char *base, struct misses *ret_miss)
{
    dr_auto_http_response struct dr_http_response answer = DR_HTTP_RESPONSE_INIT(DR_ANSWER_MAX);
    struct dr_err *why = &ret_miss->why;
    dr_autofree char *url = dr_text_format(why, "%s/v2/", base);
    bool plain = dr_text_starts(base, "http://");

    if (!url)
        return 0;
    if (dr_http_do(registry->http,
                   &(struct dr_http_request){.url = url, .stall_seconds = dr_exchange_patience()},
                   &answer, why) < 0) {
        ret_miss->hopeless = answer.hopeless;
        ret_miss->silent = answer.silent;
        return 0;
    }
    if (plain && (answer.status == 400 || (answer.status >= 300 && answer.status < 400))) {
        dr_fail(why, DR_ERR_NET, "%s: answered %ld", url, answer.status);
        return 0;
    }
    return 1;
}

/* With a port there is one server behind it, and asking in the clear first (nothing secret is in
 * the question) spares servers without TLS a handshake that some never end. Without, 443 comes before
 * 80. */
static int find_base(struct dr_registry *registry, struct misses *ret_misses)
{
    const char *host = api_host(registry->host);
    const char *end = strrchr(host, ']');
    bool has_port = strchr(end ? end : host, ':') != NULL;
    const char *const schemes[] = {has_port ? "http" : "https", has_port ? "https" : "http"};

    for (size_t i = 0; i < 2; i++) {
        dr_autofree char *base = dr_text_format(&ret_misses->why, "%s://%s", schemes[i], host);
        struct misses miss = {.why = DR_ERR_INIT};
        bool last;

        if (!base)
            return -1;
        if (probe(registry, base, &miss)) {
            registry->base = dr_steal(base);
            return 0;
        }
        /* When nothing is there both say so, and when TLS fails its word is the one that helps. */
        last = miss.why.code == DR_ERR_STOPPED || miss.hopeless || (miss.silent && has_port);
        if (last || dr_text_starts(base, "https"))
            *ret_misses = miss;
        if (last)
            break;
    }
    return -1;
}

int dr_session_open(struct dr_registry *registry, struct dr_err *err)
{
    struct dr_exchange tries = {.log = registry->log};

    if (registry->base)
        return 0;
    if (!registry->insecure) {
        registry->base = dr_text_format(err, "https://%s", api_host(registry->host));
        return registry->base ? 0 : -1;
    }
    for (;;) {
        struct misses misses = {.why = DR_ERR_INIT};
        bool again;

        if (find_base(registry, &misses) == 0)
            return 0;
        again = misses.why.code == DR_ERR_NET && !misses.hopeless && !misses.silent;
        if (again && dr_exchange_again(&tries, &misses.why, err) == 0) {
            dr_exchange_pause(&tries);
            continue;
        }
        if (!again && err)
            *err = misses.why;
        return misses.why.code == DR_ERR_STOPPED
                   ? -1
                   : dr_err_wrap(err, "reach registry '%s'", registry->host);
    }
}

char *dr_session_url(struct dr_registry *registry, const char *repository, const char *middle,
                     const char *tail, struct dr_err *err)
{
    if (dr_session_open(registry, err) < 0)
        return NULL;
    return dr_text_format(err, "%s/v2/%s%s%s", registry->base, repository, middle, tail);
}

/* "repository:a/b:pull ..." is about a/b, the first one; "" about the registry as such. */
static void repository_of(const char *scope, char ret_repository[512])
{
    static const char kind[] = "repository:";

    if (!dr_text_starts(scope, kind) ||
        dr_text_put(ret_repository, 512, scope + sizeof kind - 1) < 0)
        *ret_repository = '\0';
    ret_repository[strcspn(ret_repository, ": ")] = '\0';
}

const struct dr_credential *dr_session_login(const struct dr_registry *registry, const char *scope)
{
    char repository[512];

    repository_of(scope, repository);
    return dr_logins_get(&registry->logins, repository);
}

int dr_session_complete_login(struct dr_registry *registry, const char *scope, struct dr_err *err)
{
    char repository[512];

    repository_of(scope, repository);
    return dr_logins_complete(&registry->logins, repository, registry->log, err);
}

char *dr_session_scope(const char *repository, const char *actions, struct dr_err *err)
{
    return dr_text_format(err, "repository:%s:%s", repository, actions);
}

static int ping(struct dr_registry *registry, struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    char *url = dr_text_format(err, "%s/v2/", registry->base);

    if (dr_exchange_ask(&exchange, "GET", url, dr_text_copy("", err)) < 0 ||
        dr_exchange_run(registry, &exchange, err) < 0)
        return -1;
    if (exchange.response.status == 404)
        return dr_fail(err, DR_ERR_NET,
                       "something answers there, but it is no registry (404 for /v2/)");
    return exchange.response.status == 200 ? 0 : dr_exchange_refused(&exchange, err);
}

int dr_registry_ping(struct dr_registry *registry, struct dr_err *err)
{
    if (dr_session_open(registry, err) < 0)
        return -1;
    if (ping(registry, err) == 0)
        return 0;
    return err && err->code == DR_ERR_STOPPED
               ? -1
               : dr_err_wrap(err, "reach registry '%s'", registry->host);
}
