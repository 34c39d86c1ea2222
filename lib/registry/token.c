/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/token.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/exchange.h"
#include "lib/stop.h"
#include "lib/text.h"

/* The specification's default, and the least that we believe (as containers/image does): servers
 * that say less would have us fetch tokens all the time. */
#define LIFE_SECONDS 60
#define LIFE_MAX (24 * 3600)
/* A request that is about to go out should arrive before the token's end. */
#define SPARE_SECONDS 10

struct dr_token {
    char *scope;
    char *value;
    double end; /* of dr_clock() */
    struct dr_token *next;
};

static void token_free(struct dr_token *token)
{
    if (!token)
        return;
    free(token->scope);
    if (token->value)
        explicit_bzero(token->value, strlen(token->value));
    free(token->value);
    free(token);
}

const char *dr_token_get(const struct dr_registry *registry, const char *scope)
{
    struct dr_token *token = registry->tokens;

    while (token && strcmp(token->scope, scope) != 0)
        token = token->next;
    return token && token->end > dr_clock() ? token->value : NULL;
}

void dr_token_free_all(struct dr_registry *registry)
{
    while (registry->tokens) {
        struct dr_token *token = registry->tokens;

        registry->tokens = token->next;
        token_free(token);
    }
}

static void forget(struct dr_registry *registry, const char *scope)
{
    for (struct dr_token **link = &registry->tokens; *link; link = &(*link)->next) {
        struct dr_token *token = *link;

        if (strcmp(token->scope, scope) == 0) {
            *link = token->next;
            token_free(token);
            return;
        }
    }
}

static int add_parameter(struct dr_buf *url, const char *name, const char *value, size_t size,
                         struct dr_err *err)
{
    dr_autofree char *plain = dr_text_format(err, "%.*s", (int)size, value);
    dr_autofree char *escaped = plain ? dr_http_escape(plain, err) : NULL;

    if (!escaped)
        return -1;
    return dr_buf_printf(url, err, "%c%s=%s", strchr(url->data, '?') ? '&' : '?', name, escaped);
}

static bool has_word(const char *words, const char *word, size_t size)
{
    for (const char *c = words + strspn(words, " "); *c; c += strspn(c, " ")) {
        size_t length = strcspn(c, " ");

        if (length == size && strncmp(c, word, size) == 0)
            return true;
        c += length;
    }
    return false;
}

/* Appends those scopes that are not there yet. */
static int join(struct dr_buf *joined, const char *scopes, struct dr_err *err)
{
    for (const char *c = scopes + strspn(scopes, " "); *c; c += strspn(c, " ")) {
        size_t size = strcspn(c, " ");

        if (!has_word(joined->data ? joined->data : "", c, size) &&
            dr_buf_printf(joined, err, "%s%.*s", joined->size > 0 ? " " : "", (int)size, c) < 0)
            return -1;
        c += size;
    }
    return 0;
}

/* What was demanded comes first: some servers look at the first scope only. */
static int join_scopes(const struct dr_challenge *challenge, const char *scope,
                       struct dr_buf *ret_scopes, struct dr_err *err)
{
    if (dr_buf_add(ret_scopes, "", 0, err) < 0 || join(ret_scopes, challenge->scope, err) < 0)
        return -1;
    return join(ret_scopes, scope, err);
}

/* Every scope is a parameter of its own. */
static int add_scopes(struct dr_buf *url, const char *scopes, struct dr_err *err)
{
    for (const char *c = scopes; *c; c += strspn(c, " ")) {
        size_t size = strcspn(c, " ");

        if (add_parameter(url, "scope", c, size, err) < 0)
            return -1;
        c += size;
    }
    return 0;
}

static int make_url(const struct dr_registry *registry, const struct dr_challenge *challenge,
                    const char *scope, struct dr_buf *ret_url, struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, scope);
    dr_auto_buf struct dr_buf scopes = DR_BUF_INIT(16384);

    if (join_scopes(challenge, scope, &scopes, err) < 0 ||
        dr_buf_printf(ret_url, err, "%.*s", (int)strcspn(challenge->realm, "#"), challenge->realm) <
            0 ||
        (*challenge->service && add_parameter(ret_url, "service", challenge->service,
                                              strlen(challenge->service), err) < 0) ||
        add_scopes(ret_url, scopes.data, err) < 0)
        return -1;
    return login && login->user
               ? add_parameter(ret_url, "account", login->user, strlen(login->user), err)
               : 0;
}

/* It becomes a header line. */
static bool is_header_text(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c < 0x21 || *c > 0x7e)
            return false;
    }
    return *text != '\0';
}

static struct dr_token *read_answer(const struct dr_http_response *response, const char *scope,
                                    struct dr_err *err)
{
    json_auto_t *answer = dr_json_parse(response->body.data ? response->body.data : "",
                                        response->body.size, "the answer of the token server", err);
    const char *value;
    int64_t life;
    struct dr_token *token;

    if (!answer)
        return NULL;
    value = dr_json_string_or(answer, "token", dr_json_string_or(answer, "access_token", ""));
    life = dr_json_int_or(answer, "expires_in", LIFE_SECONDS);
    if (!is_header_text(value)) {
        dr_fail(err, DR_ERR_AUTH, "the answer of the token server holds no usable token");
        return NULL;
    }
    if (life < LIFE_SECONDS || life > LIFE_MAX)
        life = life < LIFE_SECONDS ? LIFE_SECONDS : LIFE_MAX;
    token = calloc(1, sizeof *token);
    if (!token) {
        dr_fail_memory(err);
        return NULL;
    }
    token->end = dr_clock() + (double)life - SPARE_SECONDS;
    token->scope = dr_text_copy(scope, err);
    token->value = token->scope ? dr_text_copy(value, err) : NULL;
    if (token->value)
        return token;
    token_free(token);
    return NULL;
}

/* Unverified TLS is what the operator allowed for the registry's own host only. */
static struct dr_http *connect_to(const struct dr_registry *registry, const char *realm,
                                  struct dr_err *err)
{
    char own[256];
    char host[256];

    if (dr_http_url_host(registry->base, own, sizeof own, err) < 0 ||
        dr_http_url_host(realm, host, sizeof host, err) < 0)
        return NULL;
    return dr_http_new(
        &(struct dr_http_options){.ca_pem = registry->certs.ca_pem,
                                  .log = registry->log,
                                  .insecure = !registry->verified && strcasecmp(own, host) == 0,
                                  .no_proxy = registry->loopback},
        err);
}

/* As an application's form: "name=value&...". */
static int add_field(struct dr_buf *form, const char *name, const char *value, struct dr_err *err)
{
    dr_autofree char *escaped = dr_http_escape(value, err);

    if (!escaped)
        return -1;
    return dr_buf_printf(form, err, "%s%s=%s", form->size > 0 ? "&" : "", name, escaped);
}

static int make_form(const struct dr_challenge *challenge, const char *scope, const char *identity,
                     struct dr_buf *form, struct dr_err *err)
{
    dr_auto_buf struct dr_buf scopes = DR_BUF_INIT(16384);

    if (join_scopes(challenge, scope, &scopes, err) < 0 ||
        add_field(form, "grant_type", "refresh_token", err) < 0 ||
        (*challenge->service && add_field(form, "service", challenge->service, err) < 0) ||
        add_field(form, "client_id", "drover", err) < 0 ||
        (scopes.size > 0 && add_field(form, "scope", scopes.data, err) < 0))
        return -1;
    return add_field(form, "refresh_token", identity, err);
}

/* What an identity token is for (distribution's oauth page): POST to the same realm. */
static int ask_with_identity(struct dr_http *http, const struct dr_challenge *challenge,
                             const char *scope, const char *identity,
                             struct dr_http_response *answer, struct dr_err *err)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    dr_auto_buf struct dr_buf form = DR_BUF_INIT(262144);
    dr_autofree char *url =
        dr_text_format(err, "%.*s", (int)strcspn(challenge->realm, "#"), challenge->realm);
    int done = url ? make_form(challenge, scope, identity, &form, err) : -1;

    if (done == 0)
        done = dr_http_do(http,
                          &(struct dr_http_request){.method = "POST",
                                                    .url = url,
                                                    .headers = headers,
                                                    .body = form.data,
                                                    .body_size = form.size},
                          answer, err);
    if (form.data)
        explicit_bzero(form.data, form.size);
    return done;
}

static int ask_with_password(struct dr_registry *registry, struct dr_http *http,
                             const struct dr_challenge *challenge, const char *scope,
                             struct dr_http_response *answer, struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, scope);
    dr_auto_buf struct dr_buf url = DR_BUF_INIT(65536);
    dr_autofree char *basic = NULL;
    dr_autofree char *line = NULL;
    const char *headers[] = {NULL, NULL};

    if (make_url(registry, challenge, scope, &url, err) < 0)
        return -1;
    if (login && login->user) {
        basic = dr_credential_basic(login, err);
        line = basic ? dr_text_format(err, "Authorization: %s", basic) : NULL;
        if (!line)
            return -1;
        headers[0] = line;
    }
    return dr_http_do(http,
                      &(struct dr_http_request){.url = url.data,
                                                .headers = headers,
                                                .stall_seconds = dr_exchange_patience()},
                      answer, err);
}

static int ask(struct dr_registry *registry, const struct dr_challenge *challenge,
               const char *scope, struct dr_http_response *answer, struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, scope);
    dr_auto_http struct dr_http *http = connect_to(registry, challenge->realm, err);

    if (!http)
        return -1;
    if (login && login->identity) {
        if (ask_with_identity(http, challenge, scope, login->identity, answer, err) < 0)
            return -1;
        /* Servers that don't know the newer way take the token in place of a password. */
        if ((answer->status != 404 && answer->status != 405) || !login->user)
            return 0;
    }
    return ask_with_password(registry, http, challenge, scope, answer, err);
}

/* A token server that is busy or broken for a moment is asked again, as registries are. */
static int ask_patiently(struct dr_registry *registry, const struct dr_challenge *challenge,
                         const char *scope, struct dr_http_response *answer, struct dr_err *err)
{
    struct dr_exchange tries = {.log = registry->log};

    for (;;) {
        struct dr_err why = DR_ERR_INIT;

        if (ask(registry, challenge, scope, answer, &why) == 0) {
            if (answer->status != 429 && answer->status < 500)
                return 0;
            dr_fail(&why, DR_ERR_NET, "the token server answered with status %ld", answer->status);
        }
        if (why.code != DR_ERR_NET || answer->hopeless) {
            if (err)
                *err = why;
            return -1;
        }
        if (dr_exchange_again(&tries, &why, err) < 0)
            return -1;
        dr_exchange_pause(&tries);
    }
}

static int fail_refused(const struct dr_registry *registry, const char *scope, const char *server,
                        long status, struct dr_err *err)
{
    const struct dr_credential *login = dr_session_login(registry, scope);

    if (login)
        return dr_fail(err, DR_ERR_AUTH, "the token server %s refuses %s%s%s (status %ld)", server,
                       login->user ? "user '" : "the identity token",
                       login->user ? login->user : "", login->user ? "'" : "", status);
    return dr_fail(err, DR_ERR_AUTH,
                   "the token server %s refuses anonymous access (status %ld), and %s; log in with "
                   "docker login %s",
                   server, status, registry->logins.looked, registry->host);
}

int dr_token_renew(struct dr_registry *registry, const struct dr_challenge *challenge,
                   const char *scope, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response answer = DR_HTTP_RESPONSE_INIT(DR_ANSWER_MAX);
    struct dr_token *token;
    char display[300];

    forget(registry, scope);
    if (dr_realm_check(challenge->realm, registry->base, err) < 0 ||
        ask_patiently(registry, challenge, scope, &answer, err) < 0)
        return -1;
    dr_http_display(challenge->realm, display, sizeof display);
    if (answer.status == 400 || answer.status == 401 || answer.status == 403)
        return fail_refused(registry, scope, display, answer.status, err);
    if (answer.status != 200)
        return dr_fail(err, DR_ERR_NET, "the token server %s answered with status %ld", display,
                       answer.status);
    token = read_answer(&answer, scope, err);
    if (answer.body.data)
        explicit_bzero(answer.body.data, answer.body.size);
    if (!token)
        return dr_err_wrap(err, "%s", display);
    token->next = registry->tokens;
    registry->tokens = token;
    return 0;
}
