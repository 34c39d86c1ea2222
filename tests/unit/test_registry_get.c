/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/registry_helper.h"

#define OK(size, body) "HTTP/1.1 200 OK\r\nContent-Length: " size "\r\n\r\n" body
#define PART(range, size, body)                                                                    \
    "HTTP/1.1 206 Partial\r\nContent-Range: bytes " range "\r\nContent-Length: " size              \
    "\r\n\r\n" body
#define GET_BLOB "GET /v2/a/b/blobs/sha256:"

static int fetch(const struct server *server, struct memory_blob *ret, struct dr_err *err)
{
    dr_auto_registry struct dr_registry *registry = client_of(server);
    struct dr_blob_get get = {
        .repository = "a/b",
        .digest = digest_of_blob(),
        .size = BLOB_SIZE,
        .write = memory_write,
        .context = ret,
    };

    *ret = (struct memory_blob){.end = 0};
    return dr_registry_get_blobs(registry, &get, 1, 4, NULL, err);
}

/* Runs a script that ends well; how often the blob was begun again is given back. */
static unsigned fetch_well(const struct step *steps, unsigned ranges)
{
    struct dr_err err = DR_ERR_INIT;
    struct memory_blob blob;
    struct server server;

    server_start(&server, steps);
    if (fetch(&server, &blob, &err) < 0)
        fail_msg("%s", err.text);
    server_stop(&server);
    assert_int_equal(server_saw(&server, "Range: bytes="), ranges);
    server_release(&server);
    assert_int_equal(blob.end, BLOB_SIZE);
    assert_memory_equal(blob.data, BLOB, BLOB_SIZE);
    return blob.restarts;
}

static void fetch_badly(const struct step *steps, enum dr_code code, const char *text,
                        unsigned requests)
{
    struct dr_err err = DR_ERR_INIT;
    struct memory_blob blob;
    struct server server;

    server_start(&server, steps);
    assert_int_equal(fetch(&server, &blob, &err), -1);
    server_stop(&server);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, text))
        fail_msg("no '%s' in: %s", text, err.text);
    assert_int_equal(server_saw(&server, GET_BLOB), requests);
    server_release(&server);
}

static void goes_on_by_range_after_a_cut(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, OK("20", "0123456789"), 0, true},
        {GET_BLOB, PART("10-19/20", "10", "abcdefghij"), 0, false},
        {NULL, NULL, 0, false},
    };

    (void)state;
    assert_int_equal(fetch_well(steps, 1), 0);
}

static void starts_again_where_ranges_are_ignored(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, OK("20", "01234"), 0, true},
        {GET_BLOB, OK("20", BLOB), 0, false},
        {NULL, NULL, 0, false},
    };

    (void)state;
    assert_int_equal(fetch_well(steps, 1), 1);
}

static void starts_again_when_the_range_is_another(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, OK("20", "01234"), 0, true},
        {GET_BLOB, PART("4-19/20", "16", "456789abcdefghij"), 0, true},
        {GET_BLOB, OK("20", BLOB), 0, false},
        {NULL, NULL, 0, false},
    };

    (void)state;
    assert_int_equal(fetch_well(steps, 1), 1);
}

static int kept_read(void *context, uint64_t offset, void *ret_data, size_t size,
                     struct dr_err *err)
{
    (void)err;
    memcpy(ret_data, ((const struct memory_blob *)context)->data + offset, size);
    return 0;
}

/* Fetches with the first `have` bytes of `kept` as what an earlier run left. */
static void fetch_the_rest(const struct step *steps, const char *kept, uint64_t have,
                           const char *request, unsigned requests)
{
    struct memory_blob blob = {.end = have};
    const struct dr_blob_get get = {
        .repository = "a/b",
        .digest = digest_of_blob(),
        .size = BLOB_SIZE,
        .have = have,
        .write = memory_write,
        .read = kept_read,
        .context = &blob,
    };
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;

    server_start(&server, steps);
    registry = client_of(&server);
    memcpy(blob.data, kept, strlen(kept));
    if (dr_registry_get_blobs(registry, &get, 1, 4, NULL, &err) < 0)
        fail_msg("%s", err.text);
    server_stop(&server);
    assert_memory_equal(blob.data, BLOB, BLOB_SIZE);
    assert_int_equal(server_saw(&server, GET_BLOB), requests);
    assert_int_equal(server_saw(&server, request), 1);
    server_release(&server);
}

static void fetches_only_what_an_earlier_run_left_out(void **state)
{
    static const struct step whole[] = {{GET_BLOB, OK("20", BLOB), 0, false},
                                        {NULL, NULL, 0, false}};
    static const struct step rest[] = {
        {GET_BLOB,
         "HTTP/1.1 206 X\r\nContent-Range: bytes 12-19/20\r\nContent-Length: 8\r\n\r\ncdefghij", 0,
         false},
        {GET_BLOB, OK("20", BLOB), 0, false},
        {NULL, NULL, 0, false}};

    (void)state;
    fetch_the_rest(rest, "0123456789ab", 12, "Range: bytes=12-\r\n", 1);
    fetch_the_rest(whole, "0123456789ab", 12, "Range: bytes=12-\r\n", 1); /* not obeyed */
    fetch_the_rest(rest, "0123X56789ab", 12, "Range: bytes=12-\r\n", 2);  /* not trusted */
    fetch_the_rest(whole, "0123456789abcdefghij", 20, "GET /v2/ ", 0);
    fetch_the_rest(whole, "0123X56789abcdefghij", 20, "GET /v2/ ", 1);
}

static void waits_out_errors_of_the_server(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, "HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n", 0, false},
        {GET_BLOB, EMPTY_REPLY("503"), 0, false},
        {GET_BLOB, OK("20", BLOB), 0, false},
        {NULL, NULL, 0, false},
    };

    (void)state;
    assert_int_equal(fetch_well(steps, 0), 0);
}

static void fetches_a_wrong_blob_once_more(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, OK("20", "0123456789abcdefghiX"), 0, false},
        {GET_BLOB, OK("20", BLOB), 0, false},
        {NULL, NULL, 0, false},
    };

    (void)state;
    assert_int_equal(fetch_well(steps, 0), 1);
}

static void ends_well_with_an_empty_blob_too(void **state)
{
    static const struct step steps[] = {
        {GET_BLOB, EMPTY_REPLY("200"), 0, false},
        {NULL, NULL, 0, false},
    };
    dr_auto_registry struct dr_registry *registry = NULL;
    dr_auto_buf struct dr_buf data = DR_BUF_INIT(10);
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    struct server server;

    (void)state;
    dr_digest_of("", 0, &digest);
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(dr_registry_get_blob(registry, "a/b", &digest, 0, &data, &err), 0);
    server_stop(&server);
    server_release(&server);
}

static void says_what_is_wrong_with_a_blob(void **state)
{
    static const struct {
        struct step steps[2];
        enum dr_code code;
        const char *text;
        unsigned requests;
    } rows[] = {
        {{{GET_BLOB, OK("20", "0123456789abcdefghiX"), 9, false}},
         DR_ERR_VERIFY,
         "have the digest",
         2},
        {{{GET_BLOB, OK("21", BLOB "k"), 9, false}}, DR_ERR_VERIFY, "longer than the 20 bytes", 1},
        {{{GET_BLOB, OK("5", "01234"), 9, false}}, DR_ERR_NET, "tried 3 times", 3},
        {{{GET_BLOB, EMPTY_REPLY("404"), 9, false}}, DR_ERR_ABSENT, "answered 404", 1},
        {{{GET_BLOB, EMPTY_REPLY("500"), 9, false}}, DR_ERR_NET, "answered 500", 3},
        {{{GET_BLOB, "", 9, false}}, DR_ERR_NET, "tried 3 times", 3},
        {{{GET_BLOB,
           "HTTP/1.1 403 No\r\nContent-Length: 57\r\n\r\n"
           "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not \x1b for you\"}]}x",
           9, true}},
         DR_ERR_AUTH,
         "answered 403",
         1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fetch_badly(rows[i].steps, rows[i].code, rows[i].text, rows[i].requests);
}

static void names_the_registry_the_repository_and_the_digest(void **state)
{
    static const struct step steps[] = {{GET_BLOB, EMPTY_REPLY("404"), 0, false},
                                        {NULL, NULL, 0, false}};

    (void)state;
    fetch_badly(steps, DR_ERR_ABSENT, " of 'a/b' from registry '127.0.0.1:", 1);
}

static void carries_no_login_to_another_host(void **state)
{
    static const struct step store_steps[] = {{"GET /store?sig=1 ", OK("20", BLOB), 0, false},
                                              {NULL, NULL, 0, false}};
    char redirect[200];
    struct step steps[] = {
        {GET_BLOB, "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
         0, false},
        {GET_BLOB, redirect, 0, false},
        {NULL, NULL, 0, false},
    };
    char path[] = "/tmp/drover-test-XXXXXX";
    char config[200];
    struct server store;
    struct server server;
    struct dr_err err = DR_ERR_INIT;
    struct memory_blob blob;
    int fd = mkstemp(path);

    (void)state;
    server_start(&store, store_steps);
    server_start(&server, steps);
    snprintf(redirect, sizeof redirect,
             "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:%u/store?sig=1\r\n"
             "Content-Length: 0\r\n\r\n",
             store.port);
    snprintf(config, sizeof config,
             "{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"am9lOnNlY3JldA==\"}}}", server.port);
    assert_int_equal(write(fd, config, strlen(config)), strlen(config));
    close(fd);
    setenv("REGISTRY_AUTH_FILE", path, 1);
    if (fetch(&server, &blob, &err) < 0)
        fail_msg("%s", err.text);
    unsetenv("REGISTRY_AUTH_FILE");
    unlink(path);
    server_stop(&server);
    server_stop(&store);
    assert_int_equal(server_saw(&server, "Authorization: Basic am9lOnNlY3JldA=="), 1);
    assert_int_equal(server_saw(&store, "Authorization"), 0);
    assert_int_equal(server_saw(&store, "GET /store"), 1);
    server_release(&server);
    server_release(&store);
}

static void ends_a_circle_of_redirects(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    dr_auto_registry struct dr_registry *registry = NULL;
    static const struct step steps[] = {{"GET /v2/ ", EMPTY_REPLY("200"), 0, false},
                                        {"GET /",
                                         "HTTP/1.1 302 X\r\nLocation: /round\r\n"
                                         "Content-Length: 0\r\n\r\n",
                                         20, false},
                                        {NULL, NULL, 0, false}};
    struct server server;

    (void)state;
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(dr_registry_get_manifest(registry, "a/b", "1", &manifest, &err), -1);
    server_stop(&server);
    assert_int_equal(err.code, DR_ERR_NET);
    assert_non_null(strstr(err.text, "more than 5"));
    assert_int_equal(server_saw(&server, "GET /round"), 5);
    server_release(&server);
}

#define MANIFEST "{\"schemaVersion\":2}"
#define MANIFEST_REPLY(headers) "HTTP/1.1 200 OK\r\n" headers "Content-Length: 19\r\n\r\n" MANIFEST

static int get_manifest(const char *reply, const char *reference,
                        struct dr_registry_manifest *ret_manifest, struct dr_err *err)
{
    const struct step steps[] = {{"GET /v2/a/b/manifests/", reply, 0, false},
                                 {NULL, NULL, 0, false}};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct server server;
    int done;

    server_start(&server, steps);
    registry = client_of(&server);
    done = dr_registry_get_manifest(registry, "a/b", reference, ret_manifest, err);
    server_stop(&server);
    assert_int_equal(server_saw(&server, "application/vnd.oci.image.index.v1+json"), 1);
    assert_int_equal(server_saw(&server, "manifest.list.v2+json"), 1);
    server_release(&server);
    return done;
}

static void takes_a_manifest_as_it_was_served(void **state)
{
    dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;

    (void)state;
    dr_digest_of(MANIFEST, 19, &digest);
    if (get_manifest(MANIFEST_REPLY("Content-Type: application/json; charset=utf-8\r\n"), "v1",
                     &manifest, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(manifest.media_type, "application/json");
    assert_string_equal(manifest.body.data, MANIFEST);
    assert_true(dr_digest_equal(&digest, &manifest.digest));
}

static void refuses_a_manifest_that_is_another(void **state)
{
    static const char zero[] =
        "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        const char *reply, *reference, *text;
        enum dr_code code;
    } rows[] = {
        {MANIFEST_REPLY(""), zero, "what was served has the digest", DR_ERR_VERIFY},
        {MANIFEST_REPLY("Docker-Content-Digest: sha256:0000000000000000000000000000000000000000"
                        "000000000000000000000000\r\n"),
         "v1", "the registry says it is", DR_ERR_VERIFY},
        {EMPTY_REPLY("200"), "v1", "empty", DR_ERR_FORMAT},
        {EMPTY_REPLY("404"), "v1", "manifest 'a/b:v1' of registry", DR_ERR_ABSENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_registry_manifest struct dr_registry_manifest manifest = DR_REGISTRY_MANIFEST_INIT;
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(get_manifest(rows[i].reply, rows[i].reference, &manifest, &err), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, rows[i].text));
    }
}

static void asks_by_get_where_a_head_has_no_digest(void **state)
{
    static const struct step steps[] = {
        {"HEAD /v2/a/b/manifests/v1", "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n", 0, false},
        {"GET /v2/a/b/manifests/v1", MANIFEST_REPLY(""), 0, false},
        {NULL, NULL, 0, false},
    };
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    struct dr_digest own;
    struct server server;
    bool there = false;

    (void)state;
    dr_digest_of(MANIFEST, 19, &own);
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(dr_registry_head_manifest(registry, "a/b", "v1", &there, &digest, &err), 0);
    server_stop(&server);
    server_release(&server);
    assert_true(there);
    assert_true(dr_digest_equal(&digest, &own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_by_range_after_a_cut),
        cmocka_unit_test(starts_again_where_ranges_are_ignored),
        cmocka_unit_test(starts_again_when_the_range_is_another),
        cmocka_unit_test(fetches_only_what_an_earlier_run_left_out),
        cmocka_unit_test(waits_out_errors_of_the_server),
        cmocka_unit_test(fetches_a_wrong_blob_once_more),
        cmocka_unit_test(ends_well_with_an_empty_blob_too),
        cmocka_unit_test(says_what_is_wrong_with_a_blob),
        cmocka_unit_test(names_the_registry_the_repository_and_the_digest),
        cmocka_unit_test(carries_no_login_to_another_host),
        cmocka_unit_test(ends_a_circle_of_redirects),
        cmocka_unit_test(takes_a_manifest_as_it_was_served),
        cmocka_unit_test(refuses_a_manifest_that_is_another),
        cmocka_unit_test(asks_by_get_where_a_head_has_no_digest),
    };

    quiet_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
