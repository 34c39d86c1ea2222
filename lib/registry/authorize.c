/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/authorize.h"

#include <strings.h>

#include "lib/cleanup.h"
#include "lib/registry/auth.h"
#include "lib/registry/token.h"
#include "lib/text.h"

int dr_authorize_line(const struct dr_registry *registry, const struct dr_exchange *exchange,
                      char **ret_line, struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, exchange->scope);
    dr_autofree char *basic = NULL;
    const char *token;

    *ret_line = NULL;
    if (!dr_http_same_origin(registry->base, dr_exchange_target(exchange)))
        return 0;
    token = dr_token_get(registry, exchange->scope);
    if (token) {
        *ret_line = dr_text_format(err, "Authorization: Bearer %s", token);
    } else if (registry->basic && login) {
        basic = dr_credential_basic(login, err);
        *ret_line = basic ? dr_text_format(err, "Authorization: %s", basic) : NULL;
    } else {
        return 0;
    }
    return *ret_line ? 0 : -1;
}

static const char *name_of(const struct dr_credential *login)
{
    return login && login->user ? login->user : "the identity token";
}

static int no_login(const struct dr_registry *registry, const struct dr_exchange *exchange,
                    struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, exchange->scope);

    if (login)
        return dr_fail(err, DR_ERR_AUTH, "it refuses user '%s'; log in again with docker login %s",
                       name_of(login), registry->host);
    return dr_fail(err, DR_ERR_AUTH,
                   "it wants a login, and %s; log in with docker login %s, or name a file with its "
                   "login in REGISTRY_AUTH_FILE",
                   registry->logins.looked, registry->host);
}

/* A fresh token was refused as well: the token server gave less than was asked for, in silence, as
 * the specification lets it. */
static int no_right(const struct dr_registry *registry, const struct dr_exchange *exchange,
                    struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, exchange->scope);

    if (login)
        return dr_fail(err, DR_ERR_AUTH,
                       "it refuses the token that it sent for: there is no such repository, or "
                       "user '%s' may not do this there",
                       name_of(login));
    return dr_fail(err, DR_ERR_AUTH,
                   "it refuses the token that it sent for: there is no such repository, or nobody "
                   "without a login may do this there, and %s",
                   registry->logins.looked);
}

/* Others get tokens at the same time: whether there is a newer one than this exchange sent. */
static bool has_newer(const struct dr_registry *registry, const struct dr_exchange *exchange)
{
    const char *token = dr_token_get(registry, exchange->scope);
    const char *sent = exchange->lines[0];

    return token && (!sent || !dr_text_ends(sent, token));
}

static int log_in_basic(struct dr_registry *registry, struct dr_exchange *exchange,
                        struct dr_err *err)
{
    /* Others may have learnt meanwhile that it is Basic: what counts is what this one sent. */
    if (!dr_session_login(registry, exchange->scope) || exchange->lines[0])
        return no_login(registry, exchange, err);
    registry->basic = true;
    return 0;
}

int dr_authorize_again(struct dr_registry *registry, struct dr_exchange *exchange,
                       struct dr_err *err)
{
    struct dr_challenge challenge;
    char display[300];
    bool basic;

    if (!dr_http_same_origin(registry->base, dr_exchange_target(exchange)))
        return dr_fail(err, DR_ERR_NET, "%s, where it redirects to, answered 401",
                       dr_http_display(dr_exchange_target(exchange), display, sizeof display));
    if (exchange->renewed)
        return dr_token_get(registry, exchange->scope) ? no_right(registry, exchange, err)
                                                       : no_login(registry, exchange, err);
    if (!dr_challenge_choose(&exchange->response, &challenge))
        return dr_fail(
            err, DR_ERR_AUTH,
            "it wants a kind of login that drover can't give (it knows Basic and Bearer)");
    if (dr_session_complete_login(registry, exchange->scope, err) < 0)
        return -1;
    exchange->renewed = true;
    exchange->not_before = 0;
    basic = strcasecmp(challenge.scheme, "Basic") == 0;
    if (basic)
        return log_in_basic(registry, exchange, err);
    if (has_newer(registry, exchange)) {
        exchange->renewed = false; /* the one that it has may be good, or be renewed yet */
        return 0;
    }
    if (dr_token_renew(registry, &challenge, exchange->scope, err) < 0)
        return err && err->code == DR_ERR_STOPPED ? -1 : dr_err_wrap(err, "log in");
    return 0;
}
