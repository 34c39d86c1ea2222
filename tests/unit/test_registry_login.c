/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/file.h"
#include "tests/unit/registry_helper.h"

#define HEAD_MANIFEST "HEAD /v2/a/b/manifests/"
#define TOKEN_REPLY(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define DIGEST_REPLY                                                                               \
    "HTTP/1.1 200 OK\r\nDocker-Content-Digest: "                                                   \
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\r\n"                  \
    "Content-Length: 2\r\n\r\n"
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, false                                                                       \
    }

/* A registry and its token server, and the challenge that names it. */
struct site {
    struct server tokens;
    struct server registry;
    char challenge[400];
};

static void site_start(struct site *site, const struct step *tokens, const struct step *steps)
{
    server_start(&site->tokens, tokens);
    snprintf(site->challenge, sizeof site->challenge,
             "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: Bearer "
             "realm=\"http://127.0.0.1:%u/token\",service=\"the, site\","
             "scope=\"repository:a/b:pull\"\r\nContent-Length: 0\r\n\r\n",
             site->tokens.port);
    server_start(&site->registry, steps);
}

static void site_stop(struct site *site)
{
    server_stop(&site->registry);
    server_stop(&site->tokens);
}

static void site_release(struct site *site)
{
    server_release(&site->registry);
    server_release(&site->tokens);
}

static int ask(struct dr_registry *registry, struct dr_err *err)
{
    bool there;

    return dr_registry_head_manifest(registry, "a/b", "v1", &there, NULL, err);
}

static void fetches_a_token_once_and_keeps_it(void **state)
{
    static const struct step tokens[] = {
        {"GET /token?service=the%2C%20site&scope=repository%3Aa%2Fb%3Apull ",
         TOKEN_REPLY("{\"token\":\"SECRET\",\"expires_in\":60}"), 0, true},
        END};
    struct site site;
    const struct step steps[] = {
        {HEAD_MANIFEST, site.challenge, 0, false}, {HEAD_MANIFEST, DIGEST_REPLY, 9, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    site_start(&site, tokens, steps);
    registry = client_of(&site.registry);
    if (ask(registry, &err) < 0 || ask(registry, &err) < 0)
        fail_msg("%s", err.text);
    site_stop(&site);
    assert_int_equal(server_saw(&site.tokens, "GET "), 1);
    assert_int_equal(server_saw(&site.tokens, "Authorization"), 0);
    assert_int_equal(server_saw(&site.registry, "Authorization: Bearer SECRET\r\n"), 2);
    site_release(&site);
}

static void renews_a_token_once_then_gives_up(void **state)
{
    static const struct step tokens[] = {
        {"GET /token?", TOKEN_REPLY("{\"access_token\":\"1\"}"), 0, true},
        {"GET /token?", TOKEN_REPLY("{\"access_token\":\"2\"}"), 0, true},
        {"GET /token?", TOKEN_REPLY("{\"access_token\":\"3\"}"), 0, true},
        END};
    struct site site;
    const struct step steps[] = {
        {HEAD_MANIFEST, site.challenge, 0, false}, {HEAD_MANIFEST, DIGEST_REPLY, 0, false},
        {HEAD_MANIFEST, site.challenge, 0, false}, {HEAD_MANIFEST, DIGEST_REPLY, 0, false},
        {HEAD_MANIFEST, site.challenge, 9, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    site_start(&site, tokens, steps);
    registry = client_of(&site.registry);
    assert_int_equal(ask(registry, &err), 0);
    assert_int_equal(ask(registry, &err), 0);
    assert_int_equal(ask(registry, &err), -1);
    site_stop(&site);
    assert_int_equal(err.code, DR_ERR_AUTH);
    assert_non_null(strstr(err.text, "no such repository"));
    assert_int_equal(server_saw(&site.tokens, "GET "), 3);
    assert_int_equal(server_saw(&site.registry, "Bearer 1\r\n"), 2);
    assert_int_equal(server_saw(&site.registry, "Bearer 2\r\n"), 2);
    site_release(&site);
}

static void refuses_bad_answers_of_a_token_server(void **state)
{
    static const struct {
        const char *reply, *text;
        enum dr_code code;
    } rows[] = {
        {EMPTY_REPLY("401"), "refuses anonymous access", DR_ERR_AUTH},
        {EMPTY_REPLY("403"), "refuses anonymous access", DR_ERR_AUTH},
        {EMPTY_REPLY("500"), "status 500", DR_ERR_NET},
        {"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "status 302",
         DR_ERR_NET},
        {EMPTY_REPLY("200"), "token server", DR_ERR_FORMAT},
        {TOKEN_REPLY("{}"), "no usable token", DR_ERR_AUTH},
        {TOKEN_REPLY("{\"token\":\"a\\r\\nb\"}"), "no usable token", DR_ERR_AUTH},
        {TOKEN_REPLY("{\"token\":7}"), "no usable token", DR_ERR_AUTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct step tokens[] = {{"GET /token?", rows[i].reply, 9, true}, END};
        struct site site;
        const struct step steps[] = {{HEAD_MANIFEST, site.challenge, 9, false}, END};
        dr_auto_registry struct dr_registry *registry = NULL;
        struct dr_err err = DR_ERR_INIT;

        site_start(&site, tokens, steps);
        registry = client_of(&site.registry);
        assert_int_equal(ask(registry, &err), -1);
        site_stop(&site);
        assert_int_equal(err.code, rows[i].code);
        if (!strstr(err.text, rows[i].text))
            fail_msg("no '%s' in: %s", rows[i].text, err.text);
        assert_int_equal(server_saw(&site.registry, HEAD_MANIFEST), 1);
        site_release(&site);
    }
}

static void asks_no_token_at_an_inner_address_of_another_host(void **state)
{
    static const struct step steps[] = {
        {HEAD_MANIFEST,
         "HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer realm=\"http://169.254.169.254/latest\"\r\n"
         "Content-Length: 0\r\n\r\n",
         9, false},
        END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;

    (void)state;
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(ask(registry, &err), -1);
    server_stop(&server);
    server_release(&server);
    assert_int_equal(err.code, DR_ERR_AUTH);
    assert_non_null(strstr(err.text, "inner address"));
}

/* Writes a login for `server` and points REGISTRY_AUTH_FILE at it. */
static void log_in(const struct server *server, char path[64])
{
    char config[200];

    snprintf(path, 64, "/tmp/drover-test-login-%d", getpid());
    snprintf(config, sizeof config,
             "{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"am9lOnNlY3JldA==\"}}}", server->port);
    assert_int_equal(dr_file_save(path, 0600, config, strlen(config), NULL), 0);
    setenv("REGISTRY_AUTH_FILE", path, 1);
}

static void log_out(const char *path)
{
    unlink(path);
    unsetenv("REGISTRY_AUTH_FILE");
}

static void gives_the_password_to_the_token_server_only(void **state)
{
    static const struct step tokens[] = {
        {"GET /token?service=the%2C%20site&scope=repository%3Aa%2Fb%3Apull&account=joe ",
         TOKEN_REPLY("{\"token\":\"SECRET\"}"), 0, true},
        END};
    struct site site;
    const struct step steps[] = {
        {HEAD_MANIFEST, site.challenge, 0, false}, {HEAD_MANIFEST, DIGEST_REPLY, 0, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    char path[64];

    (void)state;
    site_start(&site, tokens, steps);
    log_in(&site.registry, path);
    registry = client_of(&site.registry);
    log_out(path);
    if (ask(registry, &err) < 0)
        fail_msg("%s", err.text);
    site_stop(&site);
    assert_int_equal(server_saw(&site.tokens, "Authorization: Basic am9lOnNlY3JldA=="), 1);
    assert_int_equal(server_saw(&site.registry, "Basic"), 0);
    site_release(&site);
}

static void says_whom_a_registry_refuses_and_never_the_password(void **state)
{
    static const struct step steps[] = {
        {HEAD_MANIFEST,
         "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", 9,
         false},
        END};
    struct dr_err err = DR_ERR_INIT;
    struct server server;
    struct dr_registry *registry;
    char path[64];

    (void)state;
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(ask(registry, &err), -1);
    assert_int_equal(err.code, DR_ERR_AUTH);
    assert_non_null(strstr(
        err.text, "wants a login, and there is no '/nonexistent/.docker/config.json'; log in "));
    dr_registry_free(registry);
    log_in(&server, path);
    registry = client_of(&server);
    log_out(path);
    assert_int_equal(ask(registry, &err), -1);
    assert_int_equal(err.code, DR_ERR_AUTH);
    assert_non_null(strstr(err.text, "refuses user 'joe'"));
    assert_null(strstr(err.text, "secret"));
    dr_registry_free(registry);
    server_stop(&server);
    assert_int_equal(server_saw(&server, HEAD_MANIFEST), 3);
    server_release(&server);
}

/* Makes REGISTRY_AUTH_FILE hold this as `auths`; `%s` is the registry. */
static void write_logins(const struct server *server, const char *entries, char path[64])
{
    char host[64];
    char text[1024];
    int fd;

    memcpy(path, "/tmp/drover-test-XXXXXX", sizeof "/tmp/drover-test-XXXXXX");
    fd = mkstemp(path);
    snprintf(host, sizeof host, "127.0.0.1:%u", server->port);
    snprintf(text, sizeof text, "{\"auths\":{");
    for (const char *c = entries; *c; c++) {
        size_t size = strlen(text);

        if (*c == '@')
            snprintf(text + size, sizeof text - size, "%s", host);
        else
            snprintf(text + size, sizeof text - size, "%c", *c);
    }
    strcat(text, "}}");
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    setenv("REGISTRY_AUTH_FILE", path, 1);
}

static void trades_an_identity_token(void **state)
{
    static const struct step with_post[] = {
        {"POST /token ", TOKEN_REPLY("{\"access_token\":\"A\"}"), 0, true}, END};
    static const struct step without_post[] = {
        {"POST /token ", EMPTY_REPLY("405"), 0, false},
        {"GET /token?service=the%2C%20site&scope=repository%3Aa%2Fb%3Apull&account=joe ",
         TOKEN_REPLY("{\"token\":\"A\"}"), 0, true},
        END};
    const struct step *const servers[] = {with_post, without_post};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct site site;
        const struct step steps[] = {{HEAD_MANIFEST, site.challenge, 0, false},
                                     {HEAD_MANIFEST, DIGEST_REPLY, 9, false},
                                     END};
        dr_auto_registry struct dr_registry *registry = NULL;
        struct dr_err err = DR_ERR_INIT;
        char path[64];

        site_start(&site, servers[i], steps);
        write_logins(&site.registry, "\"@\":{\"auth\":\"am9lOg==\",\"identitytoken\":\"I&D\"}",
                     path);
        registry = client_of(&site.registry);
        log_out(path);
        if (ask(registry, &err) < 0)
            fail_msg("%s", err.text);
        site_stop(&site);
        assert_int_equal(server_saw(&site.tokens,
                                    "grant_type=refresh_token&service=the%2C%20site&"
                                    "client_id=drover&scope=repository%3Aa%2Fb%3Apull&"
                                    "refresh_token=I%26D"),
                         1);
        assert_int_equal(server_saw(&site.tokens, "Basic am9lOkkmRA=="), i);
        assert_int_equal(server_saw(&site.registry, "Bearer A\r\n"), 1);
        site_release(&site);
    }
}

static void a_namespace_has_a_login_of_its_own(void **state)
{
    static const struct step steps[] = {
        {HEAD_MANIFEST,
         "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 0,
         false},
        {HEAD_MANIFEST, DIGEST_REPLY, 0, false},
        {"HEAD /v2/c/d/", DIGEST_REPLY, 0, false},
        {"HEAD /v2/e/f/", DIGEST_REPLY, 0, false},
        END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;
    char path[64];
    bool there;

    (void)state;
    server_start(&server, steps);
    write_logins(&server, "\"@/a\":{\"auth\":\"YTphYWE=\"},\"@/c\":{\"auth\":\"YzpjY2M=\"}", path);
    registry = client_of(&server);
    log_out(path);
    assert_int_equal(ask(registry, &err), 0);
    assert_int_equal(dr_registry_head_manifest(registry, "c/d", "v1", &there, NULL, &err), 0);
    assert_int_equal(dr_registry_head_manifest(registry, "e/f", "v1", &there, NULL, &err), 0);
    server_stop(&server);
    assert_int_equal(server_saw(&server, "Basic YTphYWE="), 1);
    assert_int_equal(server_saw(&server, "Basic YzpjY2M="), 1);
    assert_int_equal(server_saw(&server, "Authorization"), 2);
    server_release(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetches_a_token_once_and_keeps_it),
        cmocka_unit_test(renews_a_token_once_then_gives_up),
        cmocka_unit_test(refuses_bad_answers_of_a_token_server),
        cmocka_unit_test(asks_no_token_at_an_inner_address_of_another_host),
        cmocka_unit_test(gives_the_password_to_the_token_server_only),
        cmocka_unit_test(says_whom_a_registry_refuses_and_never_the_password),
        cmocka_unit_test(trades_an_identity_token),
        cmocka_unit_test(a_namespace_has_a_login_of_its_own),
    };

    quiet_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
