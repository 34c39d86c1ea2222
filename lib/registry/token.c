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

const char *dr_token_get(struct dr_registry *registry, const char *scope)
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

/* Every scope is a parameter of its own. `except` was given before. */
static int add_scopes(struct dr_buf *url, const char *scopes, const char *except,
                      struct dr_err *err)
{
    for (const char *c = scopes + strspn(scopes, " "); *c; c += strspn(c, " ")) {
        size_t size = strcspn(c, " ");
        bool again = strlen(except) == size && strncmp(except, c, size) == 0;

        if (!again && add_parameter(url, "scope", c, size, err) < 0)
            return -1;
        c += size;
    }
    return 0;
}

/* What was demanded comes first: some servers look at the first scope only. */
static int make_url(const struct dr_registry *registry, const struct dr_challenge *challenge,
                    const char *scope, struct dr_buf *ret_url, struct dr_err *err)
{
    const char *user = registry->credential.user;

    if (dr_buf_printf(ret_url, err, "%.*s", (int)strcspn(challenge->realm, "#"), challenge->realm) <
            0 ||
        (*challenge->service && add_parameter(ret_url, "service", challenge->service,
                                              strlen(challenge->service), err) < 0) ||
        add_scopes(ret_url, challenge->scope, "", err) < 0 ||
        add_scopes(ret_url, scope, challenge->scope, err) < 0)
        return -1;
    return user ? add_parameter(ret_url, "account", user, strlen(user), err) : 0;
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
                                  .insecure = !registry->verified && strcasecmp(own, host) == 0,
                                  .no_proxy = registry->loopback},
        err);
}

static int ask(const struct dr_registry *registry, const char *url, struct dr_http_response *answer,
               struct dr_err *err)
{
    dr_auto_http struct dr_http *http = connect_to(registry, url, err);
    dr_autofree char *basic = NULL;
    dr_autofree char *line = NULL;
    const char *headers[] = {NULL, NULL};

    if (!http)
        return -1;
    if (registry->credential.user) {
        basic = dr_credential_basic(&registry->credential, err);
        line = basic ? dr_text_format(err, "Authorization: %s", basic) : NULL;
        if (!line)
            return -1;
        headers[0] = line;
    }
    return dr_http_do(http, &(struct dr_http_request){.url = url, .headers = headers}, answer, err);
}

int dr_token_renew(struct dr_registry *registry, const struct dr_challenge *challenge,
                   const char *scope, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response answer = DR_HTTP_RESPONSE_INIT(DR_ANSWER_MAX);
    dr_auto_buf struct dr_buf url = DR_BUF_INIT(65536);
    struct dr_token *token;
    char display[300];

    forget(registry, scope);
    if (dr_realm_check(challenge->realm, registry->base, err) < 0 ||
        make_url(registry, challenge, scope, &url, err) < 0 ||
        ask(registry, url.data, &answer, err) < 0)
        return -1;
    dr_http_display(challenge->realm, display, sizeof display);
    if (answer.status == 401 || answer.status == 403)
        return dr_fail(err, DR_ERR_AUTH, "the token server %s refuses %s%s%s (status %ld)", display,
                       registry->credential.user ? "user '" : "anonymous access",
                       registry->credential.user ? registry->credential.user : "",
                       registry->credential.user ? "'" : "", answer.status);
    if (answer.status != 200)
        return dr_fail(err, DR_ERR_NET, "the token server %s answered with status %ld", display,
                       answer.status);
    token = read_answer(&answer, scope, err);
    if (!token)
        return dr_err_wrap(err, "%s", display);
    token->next = registry->tokens;
    registry->tokens = token;
    return 0;
}
