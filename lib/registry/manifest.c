/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/registry/exchange.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"
#include "lib/text.h"

void dr_registry_manifest_release(struct dr_registry_manifest *manifest)
{
    dr_buf_release(&manifest->body);
}

static int wrap(const struct dr_registry *registry, const char *repository, const char *reference,
                struct dr_err *err)
{
    return dr_err_wrap(err, "manifest '%s%s%s' of registry '%s'", repository,
                       strchr(reference, ':') ? "@" : ":", reference, registry->host);
}

static int ask(struct dr_registry *registry, struct dr_exchange *exchange, const char *method,
               const char *repository, const char *reference, struct dr_err *err)
{
    const char *actions = strcmp(method, "PUT") == 0 ? "pull,push" : "pull";
    char *url = dr_session_url(registry, repository, "/manifests/", reference, err);

    if (!url)
        return -1;
    return dr_exchange_ask(exchange, method, url, dr_session_scope(repository, actions, err));
}

static int check_digest(const struct dr_exchange *exchange,
                        const struct dr_registry_manifest *manifest, const char *reference,
                        struct dr_err *err)
{
    char got[DR_DIGEST_TEXT];
    char said[DR_DIGEST_TEXT];
    struct dr_digest digest;

    /* A schema 1 digest is that of the signed payload, which only its parser can find. */
    if (dr_text_starts(manifest->media_type, DR_MEDIA_SCHEMA1))
        return 0;
    if (strchr(reference, ':') && (dr_digest_parse(reference, &digest, err) < 0 ||
                                   !dr_digest_equal(&digest, &manifest->digest)))
        return dr_fail(err, DR_ERR_VERIFY, "what was served has the digest %s",
                       dr_digest_text(&manifest->digest, got));
    if (dr_exchange_digest(exchange, &digest) && !dr_digest_equal(&digest, &manifest->digest))
        return dr_fail(err, DR_ERR_VERIFY, "the registry says it is %s, its bytes are %s",
                       dr_digest_text(&digest, said), dr_digest_text(&manifest->digest, got));
    return 0;
}

static int take_answer(struct dr_exchange *exchange, const char *reference,
                       struct dr_registry_manifest *ret_manifest, struct dr_err *err)
{
    struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    char type[256];

    if (!dr_http_header(&exchange->response, "Content-Type", 0, type, sizeof type))
        *type = '\0';
    type[strcspn(type, "; \t")] = '\0';
    if (dr_text_put(manifest.media_type, sizeof manifest.media_type, type) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "its media type is longer than %zu bytes",
                       sizeof manifest.media_type - 1);
    dr_digest_of(exchange->response.body.data, exchange->response.body.size, &manifest.digest);
    if (check_digest(exchange, &manifest, reference, err) < 0)
        return -1;
    manifest.body = exchange->response.body;
    exchange->response.body = (struct dr_buf){.max = DR_MANIFEST_MAX};
    dr_buf_release(&ret_manifest->body);
    *ret_manifest = manifest;
    return 0;
}

int dr_registry_get_manifest(struct dr_registry *registry, const char *repository,
                             const char *reference, struct dr_registry_manifest *ret_manifest,
                             struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_MANIFEST_MAX);

    if (ask(registry, &exchange, "GET", repository, reference, err) < 0)
        return -1;
    exchange.accept = DR_ACCEPT_MANIFESTS;
    if (dr_exchange_run(registry, &exchange, err) < 0)
        return wrap(registry, repository, reference, err);
    if (exchange.response.status != 200)
        dr_exchange_refused(&exchange, err);
    else if (exchange.response.body.size == 0)
        dr_fail(err, DR_ERR_FORMAT, "it is empty");
    else if (take_answer(&exchange, reference, ret_manifest, err) == 0)
        return 0;
    return wrap(registry, repository, reference, err);
}

/* For registries that leave the digest out of a HEAD's answer. */
static int digest_by_get(struct dr_registry *registry, const char *repository,
                         const char *reference, struct dr_digest *ret_digest, struct dr_err *err)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;

    if (dr_registry_get_manifest(registry, repository, reference, &manifest, err) < 0)
        return -1;
    *ret_digest = manifest.digest;
    return 0;
}

int dr_registry_head_manifest(struct dr_registry *registry, const char *repository,
                              const char *reference, bool *ret_there, struct dr_digest *ret_digest,
                              struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    struct dr_digest digest;

    if (ask(registry, &exchange, "HEAD", repository, reference, err) < 0)
        return -1;
    exchange.accept = DR_ACCEPT_MANIFESTS;
    if (dr_exchange_run(registry, &exchange, err) < 0)
        return wrap(registry, repository, reference, err);
    if (exchange.response.status != 200 && exchange.response.status != 404) {
        dr_exchange_refused(&exchange, err);
        return wrap(registry, repository, reference, err);
    }
    if (exchange.response.status == 200 && ret_digest) {
        if (!dr_exchange_digest(&exchange, &digest) &&
            digest_by_get(registry, repository, reference, &digest, err) < 0)
            return -1;
        *ret_digest = digest;
    }
    *ret_there = exchange.response.status == 200;
    return 0;
}

int dr_registry_resolve(struct dr_registry *registry, const char *repository, const char *tag,
                        bool *ret_known, struct dr_digest *ret_digest, struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    long status;

    if (ask(registry, &exchange, "HEAD", repository, tag, err) < 0)
        return -1;
    exchange.accept = DR_ACCEPT_MANIFESTS;
    if (dr_exchange_run(registry, &exchange, err) < 0)
        return wrap(registry, repository, tag, err);
    status = exchange.response.status;
    if (status == 404 || status == 401 || status == 403) {
        dr_exchange_refused(&exchange, err);
        return wrap(registry, repository, tag, err);
    }
    /* Others may not know HEAD; GET will tell what is wrong. */
    *ret_known = status == 200 && dr_exchange_digest(&exchange, ret_digest);
    return 0;
}

int dr_registry_put_manifest(struct dr_registry *registry, const char *repository,
                             const char *reference, const char *media_type, const void *body,
                             size_t size, struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    char said[DR_DIGEST_TEXT];
    struct dr_digest digest;
    struct dr_digest own;

    if (ask(registry, &exchange, "PUT", repository, reference, err) < 0)
        return -1;
    exchange.content_type = media_type;
    exchange.body = body;
    exchange.body_size = size;
    if (dr_exchange_run(registry, &exchange, err) < 0)
        return wrap(registry, repository, reference, err);
    if (exchange.response.status != 201) {
        dr_exchange_refused(&exchange, err);
        return wrap(registry, repository, reference, err);
    }
    dr_digest_of(body, size, &own);
    if (!dr_text_starts(media_type, DR_MEDIA_SCHEMA1) && dr_exchange_digest(&exchange, &digest) &&
        !dr_digest_equal(&digest, &own)) {
        dr_fail(err, DR_ERR_PROOF, "the registry stored something else: it answered %s",
                dr_digest_text(&digest, said));
        return wrap(registry, repository, reference, err);
    }
    return 0;
}
