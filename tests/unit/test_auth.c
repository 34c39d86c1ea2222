/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/registry/auth.h"
#include "lib/registry/certs.h"

static void reads_challenges_of_every_shape(void **state)
{
    static const struct {
        const char *value;
        int count;
        const char *scheme, *realm, *service, *scope; /* of the last one */
    } rows[] = {
        {"", 0, "", "", "", ""},
        {" , ,", 0, "", "", "", ""},
        {"Basic realm=\"x\"", 1, "Basic", "x", "", ""},
        {"Basic realm=x", 1, "Basic", "x", "", ""},
        {"basic", 1, "basic", "", "", ""},
        {"Basic realm = \"a, b\" ", 1, "Basic", "a, b", "", ""},
        {"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"", 1,
         "Bearer", "https://a/t", "s", "repository:a/b:pull,push"},
        {"Bearer realm=\"https://a/t\" , service=s ,, scope=\"x\"", 1, "Bearer", "https://a/t", "s",
         "x"},
        {"Basic realm=\"x\", Bearer realm=\"y\",service=z", 2, "Bearer", "y", "z", ""},
        {"Negotiate, NTLM, Basic realm=\"x\"", 3, "Basic", "x", "", ""},
        {"Negotiate YWJj==, Basic realm=\"x\"", 2, "Basic", "x", "", ""},
        {"Negotiate YWJj=, Basic realm=\"x\"", 2, "Basic", "x", "", ""},
        {"Negotiate YWJj", 1, "Negotiate", "", "", ""},
        {"Basic realm=\"q\\\"uo\\\\te\"", 1, "Basic", "q\"uo\\te", "", ""},
        {"Bearer REALM=\"x\",Unknown=\"1, 2\",sCope=\"s\"", 1, "Bearer", "x", "", "s"},
        {"Averyverylongschemename realm=x", 1, "", "x", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_challenge challenges[DR_CHALLENGE_MAX] = {{.scheme = ""}};
        struct dr_err err = DR_ERR_INIT;
        int count = dr_challenge_parse(rows[i].value, challenges, &err);
        const struct dr_challenge *last = &challenges[count > 0 ? count - 1 : 0];

        if (count != rows[i].count)
            fail_msg("%d challenges in '%s' %s", count, rows[i].value, err.text);
        assert_string_equal(last->scheme, rows[i].scheme);
        assert_string_equal(last->realm, rows[i].realm);
        assert_string_equal(last->service, rows[i].service);
        assert_string_equal(last->scope, rows[i].scope);
    }
}

static void refuses_malformed_challenges(void **state)
{
    static const char *const rows[] = {
        "=",
        "\"Basic\"",
        "Basic realm=\"x",
        "Basic realm=\"x\\",
        "Basic realm=\"x\"y",
        "Basic realm=x realm=y",
        "Bearer realm=\"x\",realm=\"y\"",
        "Basic ;",
        "Basic realm=\"x\" Bearer realm=\"y\"",
        "a,b,c,d,e,f,g,h,i",
        "Basic@realm=x",
    };
    char huge[3000];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_challenge challenges[DR_CHALLENGE_MAX];
        struct dr_err err = DR_ERR_INIT;

        if (dr_challenge_parse(rows[i], challenges, &err) >= 0)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(err.code, DR_ERR_FORMAT);
    }
    memset(huge, 'a', sizeof huge);
    memcpy(huge, "Bearer realm=", 13);
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(
        dr_challenge_parse(huge, (struct dr_challenge[DR_CHALLENGE_MAX]){{.scheme = ""}}, NULL),
        -1);
}

static void prefers_bearer_over_all_headers(void **state)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(10);
    struct dr_challenge challenge;

    (void)state;
    assert_false(dr_challenge_choose(&response, &challenge));
    dr_buf_add_text(&response.headers, "www-authenticate: Negotiate\n", NULL);
    assert_false(dr_challenge_choose(&response, &challenge));
    dr_buf_add_text(&response.headers, "WWW-Authenticate: Basic realm=x\n", NULL);
    assert_true(dr_challenge_choose(&response, &challenge));
    assert_string_equal(challenge.scheme, "Basic");
    dr_buf_add_text(&response.headers, "WWW-Authenticate: ???\nWWW-Authenticate: Bearer realm=y\n",
                    NULL);
    assert_true(dr_challenge_choose(&response, &challenge));
    assert_string_equal(challenge.scheme, "Bearer");
}

static void asks_for_tokens_only_where_it_is_safe(void **state)
{
    static const struct {
        const char *realm, *base;
        int good;
    } rows[] = {
        {"https://auth.docker.io/token", "https://registry-1.docker.io", 1},
        {"https://reg:5001/auth", "https://reg:5000", 1},
        {"https://10.0.0.5/auth", "https://10.0.0.5:5000", 1},
        {"http://127.0.0.1:5001/auth", "http://127.0.0.1:5000", 1},
        {"http://auth.site/auth", "http://reg.site:5000", 1},
        {"http://reg:5001/auth", "https://reg:5000", 0},
        {"ftp://reg/auth", "https://reg", 0},
        {"file:///etc/passwd", "https://reg", 0},
        {"/auth", "https://reg", 0},
        {"https://user:pw@auth.site/", "https://reg", 0},
        {"https://user@auth.site/", "https://reg", 0},
        {"https://127.0.0.1/auth", "https://reg", 0},
        {"https://localhost/auth", "https://reg", 0},
        {"https://2130706433/auth", "https://reg", 0},
        {"https://0x7f.1/auth", "https://reg", 0},
        {"https://10.0.0.5/auth", "https://10.0.0.6", 0},
        {"https://172.31.0.5/auth", "https://reg", 0},
        {"https://172.32.0.5/auth", "https://reg", 1},
        {"https://192.168.1.1/auth", "https://reg", 0},
        {"https://169.254.169.254/latest/meta-data/", "https://reg", 0},
        {"https://100.64.0.1/", "https://reg", 0},
        {"https://0.0.0.0/", "https://reg", 0},
        {"https://[::1]/", "https://reg", 0},
        {"https://[fe80::1]/", "https://reg", 0},
        {"https://[fd00::1]/", "https://reg", 0},
        {"https://[::ffff:10.0.0.1]/", "https://reg", 0},
        {"https://[2001:db8::1]/", "https://reg", 1},
        {"http://169.254.169.254/", "http://reg:5000", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        int done = dr_realm_check(rows[i].realm, rows[i].base, &err);

        if ((done == 0) != rows[i].good)
            fail_msg("%s for %s: %s", rows[i].realm, rows[i].base, err.text);
    }
}

/* A scratch folder with one file in it; returns the file's path. */
static char *make_file(char folder[64], const char *name, const char *text)
{
    char *path;

    memcpy(folder, "/tmp/drover-test-XXXXXX", sizeof "/tmp/drover-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    path = dr_file_join(folder, name, NULL);
    assert_int_equal(dr_file_save(path, 0600, text, strlen(text), NULL), 0);
    return path;
}

static void fetches_by_foreign_addresses_only_where_it_is_safe(void **state)
{
    static const char *const good[] = {"https://go.example/x", "HTTPS://go.example:8443/x?y#z",
                                       "https://8.8.8.8/x"};
    static const char *const bad[] = {
        "http://go.example/x",
        "file:///etc/passwd",
        "ftp://go.example/x",
        "",
        "go.example/x",
        "https://",
        "https://u:p@x.test/",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/x",
        "https://192.168.1.1/x",
        "https://localhost/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[fe80::1]/x",
        "https://[::ffff:10.0.0.1]/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct dr_err err = DR_ERR_INIT;

        check_ok(dr_outer_url_check(good[i], &err), &err);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dr_err err = DR_ERR_INIT;

        check_fails(dr_outer_url_check(bad[i], &err), &err, DR_ERR_FORMAT, "'");
    }
}

static void drop_file(const char *folder, char *path)
{
    unlink(path);
    rmdir(folder);
    free(path);
}

static void collects_certificates_where_the_engine_has_them(void **state)
{
    struct dr_certs certs;
    struct dr_err err = DR_ERR_INIT;
    char folder[64];
    char *ca = make_file(folder, "own.pem", "OWN");
    char *host = dr_file_join(folder, "reg:5000", NULL);
    char *crt = dr_file_join(host, "a.crt", NULL);
    char *cert = dr_file_join(host, "c.cert", NULL);
    char *key = dr_file_join(host, "c.key", NULL);

    (void)state;
    assert_int_equal(dr_certs_find(folder, "reg:5000", NULL, &certs, &err), 0);
    assert_null(certs.ca_pem);
    assert_int_equal(dr_file_make_folder(host, 0700, &err), 0);
    assert_int_equal(dr_file_save(crt, 0600, "SITE", 4, &err), 0);
    assert_int_equal(dr_file_save(cert, 0600, "CERT", 4, &err), 0);
    assert_int_equal(dr_certs_find(folder, "reg:5000", ca, &certs, &err), -1);
    assert_non_null(strstr(err.text, "c.key"));
    assert_int_equal(dr_file_save(key, 0600, "KEY", 3, &err), 0);
    assert_int_equal(dr_certs_find(folder, "reg:5000", ca, &certs, &err), 0);
    assert_string_equal(certs.ca_pem, "OWN\nSITE\n");
    assert_string_equal(certs.cert_file, cert);
    assert_string_equal(certs.key_file, key);
    dr_certs_release(&certs);
    assert_int_equal(dr_certs_find(folder, "reg", "/nonexistent", &certs, &err), -1);
    assert_int_equal(err.code, DR_ERR_IO);
    unlink(key);
    unlink(cert);
    unlink(crt);
    rmdir(host);
    free(key);
    free(cert);
    free(crt);
    free(host);
    drop_file(folder, ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_challenges_of_every_shape),
        cmocka_unit_test(refuses_malformed_challenges),
        cmocka_unit_test(prefers_bearer_over_all_headers),
        cmocka_unit_test(asks_for_tokens_only_where_it_is_safe),
        cmocka_unit_test(fetches_by_foreign_addresses_only_where_it_is_safe),
        cmocka_unit_test(collects_certificates_where_the_engine_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
