/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "lib/registry/exchange.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"

static int wrap(const struct dr_registry *registry, const char *repository,
                const struct dr_digest *digest, struct dr_err *err)
{
    char text[DR_DIGEST_TEXT];

    return dr_err_wrap(err, "look for %s in '%s' of registry '%s'", dr_digest_text(digest, text),
                       repository, registry->host);
}

int dr_registry_head_blob(struct dr_registry *registry, const char *repository,
                          const struct dr_digest *digest, bool *ret_there, uint64_t *ret_size,
                          struct dr_err *err)
{
    dr_auto_exchange struct dr_exchange exchange = DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    char text[DR_DIGEST_TEXT];
    long status;

    if (dr_exchange_ask(
            &exchange, "HEAD",
            dr_session_url(registry, repository, "/blobs/", dr_digest_text(digest, text), err),
            dr_session_scope(repository, "pull", err)) < 0)
        return -1;
    if (dr_exchange_run(registry, &exchange, err) < 0)
        return wrap(registry, repository, digest, err);
    status = exchange.response.status;
    if (status != 200 && status != 404) {
        dr_exchange_refused(&exchange, err);
        return wrap(registry, repository, digest, err);
    }
    if (status == 200 && ret_size)
        *ret_size = dr_exchange_length(&exchange);
    *ret_there = status == 200;
    return 0;
}
