/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_apply_rancher */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "apply/rancher/client.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tests/unit/script_server.h"

#define REPLY_MAX 2048
#define ONCE(request, reply)                                                                       \
    {                                                                                              \
        request, reply, 1, false                                                                   \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, false                                                                       \
    }

static const struct dr_log quiet = {.verbosity = -1};

/* A reply with its length counted. */
static const char *reply(const char *status, const char *body, const char *headers)
{
    static char room[STEPS_MAX][REPLY_MAX];
    static unsigned next;
    char *text = room[next++ % STEPS_MAX];

    snprintf(text, REPLY_MAX,
             "HTTP/1.1 %s X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
             status, headers, strlen(body), body);
    return text;
}

static struct dr_rancher *connect_to(const struct server *server, const char *key)
{
    struct dr_err err = DR_ERR_INIT;
    char url[64];
    struct dr_rancher *rancher;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/", server->port);
    rancher = dr_rancher_new(
        &(struct dr_rancher_options){
            .url = url, .access_key = key, .secret_key = key ? "secret" : NULL, .log = &quiet},
        &err);
    if (!rancher)
        fail_msg("%s", err.text);
    return rancher;
}

static void every_form_of_the_address_means_the_same(void **state)
{
    static const struct {
        const char *given, *base;
    } rows[] = {
        {"http://h:8080", "http://h:8080/v1"},    {"http://h:8080/", "http://h:8080/v1"},
        {"http://h:8080/v1", "http://h:8080/v1"}, {"https://h/v1/projects/1a5", "https://h/v1"},
        {"https://h/?x=/v1", "https://h/v1"},     {"http://h/v10", "http://h/v10/v1"},
    };
    static const char *const bad[] = {"", "h:8080", "ftp://h", "http://", "http://u:p@h:1"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        dr_auto_rancher struct dr_rancher *rancher =
            dr_rancher_new(&(struct dr_rancher_options){.url = rows[i].given, .log = &quiet}, &err);

        assert_non_null(rancher);
        assert_string_equal(dr_rancher_url(rancher), rows[i].base);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dr_err err = DR_ERR_INIT;

        assert_null(
            dr_rancher_new(&(struct dr_rancher_options){.url = bad[i], .log = &quiet}, &err));
        assert_int_equal(err.code, DR_ERR_USAGE);
        assert_null(strstr(err.text, ":p@"));
    }
}

static void each_refusal_has_its_own_words(void **state)
{
    static const struct {
        const char *status, *body;
        enum dr_code code;
        const char *words;
    } rows[] = {
        {"401", "{\"code\":\"Unauthorized\"}", DR_ERR_AUTH, "RANCHER_ACCESS_KEY"},
        {"403", "{\"code\":\"Forbidden\"}", DR_ERR_AUTH, "may not do this"},
        {"404", "{\"code\":\"NotFound\"}", DR_ERR_ABSENT, "no such thing"},
        {"405", "{\"code\":\"MethodNotAllowed\"}", DR_ERR_RANCHER, "in the state that it is in"},
        {"422",
         "{\"code\":\"InvalidReference\",\"fieldName\":\"imageUuid\",\"detail\":\"\\u001b[31m\"}",
         DR_ERR_RANCHER, "422 InvalidReference, field 'imageUuid'"},
        {"500", "", DR_ERR_NET, "docker logs"},
        {"418", "<html>", DR_ERR_RANCHER, "418"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        const struct step steps[] = {
            {"GET /v1/x ", reply(rows[i].status, rows[i].body, ""), 9, false}, END};
        struct server server;
        dr_auto_rancher struct dr_rancher *rancher = NULL;

        server_start(&server, steps);
        rancher = connect_to(&server, NULL);
        assert_null(dr_client_get(rancher, "/x", "read x", &err));
        assert_int_equal(err.code, rows[i].code);
        if (!strstr(err.text, rows[i].words) || !dr_text_starts(err.text, "read x: "))
            fail_msg("'%s' does not say '%s'", err.text, rows[i].words);
        assert_null(strchr(err.text, '\033'));
        server_stop(&server);
        server_release(&server);
    }
}

static void a_redirect_names_the_address_to_give(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        ONCE("GET /v1/x ", reply("302", "", "Location: https://rancher.site/v1/x\r\n")), END};
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    assert_null(dr_client_get(rancher, "/x", "read x", &err));
    assert_non_null(strstr(err.text, "https://rancher.site/v1/x"));
    assert_non_null(strstr(err.text, "--rancher-url"));
    server_stop(&server);
    server_release(&server);
}

static void a_web_page_is_not_taken_for_rancher(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {ONCE("GET /v1/x ", reply("200", "<html>welcome", "")), END};
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    assert_null(dr_client_get(rancher, "/x", "read x", &err));
    assert_int_equal(err.code, DR_ERR_FORMAT);
    assert_non_null(strstr(err.text, "really the address"));
    server_stop(&server);
    server_release(&server);
}

static int collect(void *context, const json_t *item, struct dr_err *err)
{
    char *ids = context;

    (void)err;
    strncat(ids, dr_json_string_or(item, "id", "?"), 50);
    strncat(ids, " ", 50);
    return 0;
}

static void pages_are_followed_on_the_host_that_was_given(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char ids[400] = "";
    const struct step steps[] = {
        ONCE("GET /v1/things?a=b&removed_null=true&sort=id&limit=500 ",
             reply("200",
                   "{\"data\":[{\"id\":\"1\"},{\"id\":\"2\",\"removed\":\"2016-01-01T00:00:00Z\"},"
                   "{\"id\":\"3\",\"state\":\"purged\"},{\"id\":\"4\",\"removed\":null}],"
                   "\"pagination\":{\"next\":\"http://elsewhere:1/v1/things?marker=m4\"}}",
                   "")),
        ONCE("GET /v1/things?marker=m4 ",
             reply("200",
                   "{\"data\":[{\"id\":\"4\"},{\"id\":\"5\"}],\"pagination\":{\"next\":null}}",
                   "")),
        END,
    };
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, "key");
    check_ok(dr_client_list(rancher, "http://wrong/v1/things", "a=b", collect, ids, "list", &err),
             &err);
    assert_string_equal(ids, "1 4 5 ");
    assert_non_null(strstr(server.log, "Authorization: Basic a2V5OnNlY3JldA=="));
    assert_non_null(strstr(server.log, "Accept: application/json"));
    server_stop(&server);
    server_release(&server);
}

static void a_list_that_leads_to_itself_ends(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char ids[400] = "";
    const char *body = "{\"data\":[],\"pagination\":{\"next\":\"http://x/v1/things?marker=m1\"}}";
    const struct step steps[] = {{"GET /v1/things", reply("200", body, ""), 9, false}, END};
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    check_fails(dr_client_list(rancher, "/things", NULL, collect, ids, "list", &err), &err,
                DR_ERR_FORMAT, "no end");
    server_stop(&server);
    server_release(&server);
}

static void busy_objects_are_tried_again_and_not_for_ever(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        {"POST /v1/a ", reply("409", "{\"code\":\"Conflict\"}", ""), 3, false},
        ONCE("POST /v1/a ", reply("202", "{\"id\":\"1\"}", "")),
        {"POST /v1/b ", reply("409", "{\"code\":\"Conflict\"}", ""), 99, false},
        END,
    };
    json_auto_t *answer = NULL;
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    check_ok(dr_client_send(rancher, "POST", "/a", NULL, &answer, "do a", &err), &err);
    assert_string_equal(dr_json_string_or(answer, "id", ""), "1");
    check_fails(dr_client_send(rancher, "POST", "/b", NULL, NULL, "do b", &err), &err,
                DR_ERR_RANCHER, "at work on it");
    assert_int_equal(server.used[2], 5);
    server_stop(&server);
    server_release(&server);
}

static void silence_of_a_server_that_answered_before_is_waited_out(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        ONCE("GET /v1/x ", reply("200", "{}", "")),
        {"GET /v1/x ", "", 2, true},
        {"GET /v1/x ", reply("503", "", ""), 2, false},
        ONCE("GET /v1/x ", reply("200", "{\"id\":\"back\"}", "")),
        END,
    };
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    json_auto_t *first = NULL;
    json_auto_t *second = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    first = dr_client_get(rancher, "/x", "read x", &err);
    second = dr_client_get(rancher, "/x", "read x", &err);
    assert_non_null(first);
    assert_string_equal(dr_json_string_or(second, "id", err.text), "back");
    server_stop(&server);
    server_release(&server);
}

static void the_kind_of_key_is_found_by_probing(void **state)
{
    static const struct {
        const char *bare, *setting, *projects;
        enum dr_rancher_access access;
    } rows[] = {
        {"200", "200", "{\"data\":[]}", DR_RANCHER_OPEN},
        {"401", "200", "{\"data\":[]}", DR_RANCHER_ADMIN},
        {"401", "404", "{\"data\":[{\"id\":\"1a5\"}]}", DR_RANCHER_ENVIRONMENT},
        {"401", "404", "{\"data\":[{\"id\":\"1a5\"},{\"id\":\"1a6\"}]}", DR_RANCHER_ACCOUNT},
        {"401", "404", "{\"data\":[{\"id\":\"1a6\"}]}", DR_RANCHER_ACCOUNT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        enum dr_rancher_access access = DR_RANCHER_OPEN;
        const struct step steps[] = {
            ONCE("GET /v1/projects?limit=1 ", reply(rows[i].bare, "{}", "")),
            ONCE("GET /v1/projects?limit=1 ", reply("200", "{}", "X-API-ACCOUNT-ID: 1a5\r\n")),
            ONCE("GET /v1/settings/bootstrap.required.image ", reply(rows[i].setting, "{}", "")),
            {"GET /v1/projects?", reply("200", rows[i].projects, ""), 9, false},
            END,
        };
        struct server server;
        dr_auto_rancher struct dr_rancher *rancher = NULL;

        server_start(&server, steps);
        rancher = connect_to(&server, "key");
        check_ok(dr_rancher_probe(rancher, &access, &err), &err);
        assert_string_equal(dr_rancher_access_name(access), dr_rancher_access_name(rows[i].access));
        server_stop(&server);
        server_release(&server);
    }
}

static void an_admin_never_writes_to_the_root(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        ONCE("GET /v1/projects/1a5/schemas/container ",
             reply("200",
                   "{\"pluralName\":\"containers\",\"links\":{\"collection\":\"http://x/v1/"
                   "containers\"}"
                   "}",
                   "")),
        ONCE("GET /v1/projects/1a5/schemas/host ",
             reply("200",
                   "{\"pluralName\":\"hosts\",\"links\":{\"collection\":\"http://x/v1/projects/1a5/"
                   "machines\"}}",
                   "")),
        END,
    };
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    for (int twice = 0; twice < 2; twice++) {
        char *containers = dr_client_collection(rancher, "1a5", "container", &err);
        char *hosts = dr_client_collection(rancher, "1a5", "host", &err);

        assert_non_null(containers);
        assert_non_null(hosts);
        assert_true(dr_text_ends(containers, "/v1/projects/1a5/containers"));
        assert_true(dr_text_ends(hosts, "/v1/projects/1a5/machines"));
        free(containers);
        free(hosts);
    }
    server_stop(&server);
    server_release(&server);
}

static void only_pong_is_up(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        {"GET /ping ", "", 1, true},
        ONCE("GET /ping ", reply("200", "Unauthorized", "")),
        ONCE("GET /ping ", reply("502", "bad", "")),
        ONCE("GET /ping ", reply("200", "pong", "")),
        END,
    };
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    bool up = true;
    char why[256];

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    for (int i = 0; i < 3; i++) {
        check_ok(dr_rancher_ping(rancher, &up, why, &err), &err);
        assert_false(up);
        assert_non_null(strstr(why, "/ping"));
    }
    check_ok(dr_rancher_ping(rancher, &up, NULL, &err), &err);
    assert_true(up);
    server_stop(&server);
    check_ok(dr_rancher_ping(rancher, &up, why, &err), &err);
    assert_false(up);
    server_release(&server);
}

static void version_is_found_in_both_of_its_places(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const struct step steps[] = {
        ONCE("GET /v1/settings/rancher.server.version ", reply("404", "{}", "")),
        ONCE("GET /v1/settings/rancher.server.image ", reply("200", "{\"value\":\"v1.0.2\"}", "")),
        ONCE("GET /v1/settings/rancher.server.version ",
             reply("200", "{\"value\":\"v1.1.4\"}", "")),
        END,
    };
    struct server server;
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    char version[64];

    (void)state;
    server_start(&server, steps);
    rancher = connect_to(&server, NULL);
    check_ok(dr_rancher_version(rancher, version, &err), &err);
    assert_string_equal(version, "v1.0.2");
    check_ok(dr_rancher_version(rancher, version, &err), &err);
    assert_string_equal(version, "v1.1.4");
    server_stop(&server);
    server_release(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_the_address_means_the_same),
        cmocka_unit_test(each_refusal_has_its_own_words),
        cmocka_unit_test(a_redirect_names_the_address_to_give),
        cmocka_unit_test(a_web_page_is_not_taken_for_rancher),
        cmocka_unit_test(pages_are_followed_on_the_host_that_was_given),
        cmocka_unit_test(a_list_that_leads_to_itself_ends),
        cmocka_unit_test(busy_objects_are_tried_again_and_not_for_ever),
        cmocka_unit_test(silence_of_a_server_that_answered_before_is_waited_out),
        cmocka_unit_test(the_kind_of_key_is_found_by_probing),
        cmocka_unit_test(an_admin_never_writes_to_the_root),
        cmocka_unit_test(only_pong_is_up),
        cmocka_unit_test(version_is_found_in_both_of_its_places),
    };

    setenv("DROVER_TEST_SCALE", "0.005", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
