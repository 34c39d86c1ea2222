/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/registry_helper.h"

#define HEAD_BLOB "HEAD /v2/a/b/blobs/sha256:"
#define OPEN "POST /v2/a/b/blobs/uploads/ "
#define MOUNT "POST /v2/a/b/blobs/uploads/?mount=sha256:"
#define AT(status, location)                                                                       \
    "HTTP/1.1 " status " X\r\nLocation: " location "\r\nContent-Length: 0\r\n\r\n"
#define MISSING                                                                                    \
    {                                                                                              \
        HEAD_BLOB, EMPTY_REPLY("404"), 9, false                                                    \
    }
#define OPENED                                                                                     \
    {                                                                                              \
        OPEN, AT("202", "/u/1?_state=A"), 9, false                                                 \
    }
#define TAKEN                                                                                      \
    {                                                                                              \
        "PATCH /u/1?_state=A ", AT("202", "/u/1?_state=B"), 9, false                               \
    }
#define CLOSED                                                                                     \
    {                                                                                              \
        "PUT /u/1?_state=B&digest=sha256%3A", EMPTY_REPLY("201"), 9, false                         \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, false                                                                       \
    }

struct push {
    struct dr_blob_put put;
    struct dr_err err;
    struct server server; /* stopped: for its log */
    int done;
};

static void run(struct push *push, const struct step *steps, const char *mount_from,
                const char *data)
{
    dr_auto_registry struct dr_registry *registry = NULL;

    server_start(&push->server, steps);
    registry = client_of(&push->server);
    push->err = (struct dr_err)DR_ERR_INIT;
    push->put = (struct dr_blob_put){
        .repository = "a/b",
        .mount_from = mount_from,
        .digest = digest_of_blob(),
        .size = BLOB_SIZE,
        .read = memory_read,
        .context = (void *)(uintptr_t)data,
    };
    push->done = dr_registry_put_blobs(registry, &push->put, 1, 4, NULL, &push->err);
    server_stop(&push->server);
}

static void run_well(struct push *push, const struct step *steps, const char *mount_from,
                     enum dr_blob_outcome outcome)
{
    run(push, steps, mount_from, BLOB);
    if (push->done < 0)
        fail_msg("%s", push->err.text);
    assert_int_equal(push->put.outcome, outcome);
}

static void run_badly(struct push *push, const struct step *steps, const char *data,
                      enum dr_code code, const char *text)
{
    run(push, steps, NULL, data);
    assert_int_equal(push->done, -1);
    assert_int_equal(push->err.code, code);
    if (!strstr(push->err.text, text))
        fail_msg("no '%s' in: %s", text, push->err.text);
}

static void expect_and_release(struct push *push, const char *text, unsigned times)
{
    if (server_saw(&push->server, text) != times)
        fail_msg("not %u times '%s' in:\n%s", times, text, push->server.log);
    server_release(&push->server);
}

static void sends_and_takes_each_location_as_it_comes(void **state)
{
    static const struct step steps[] = {MISSING, OPENED, TAKEN, CLOSED, END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    assert_int_equal(server_saw(&push.server, "Content-Length: 20\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "PUT /u/1"), 1);
    expect_and_release(&push, "\r\n\r\n" BLOB "PUT", 1);
}

static void takes_absolute_locations_without_query(void **state)
{
    char open[200];
    const struct step steps[] = {
        MISSING,
        {OPEN, open, 0, false},
        {"PATCH /else/where ", AT("202", "/done"), 0, false},
        {"PUT /done?digest=sha256%3A", EMPTY_REPLY("201"), 0, false},
        END,
    };
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;
    struct dr_blob_put put = {.repository = "a/b",
                              .digest = digest_of_blob(),
                              .size = BLOB_SIZE,
                              .read = memory_read,
                              .context = (void *)(uintptr_t)BLOB};

    (void)state;
    server_start(&server, steps);
    snprintf(open, sizeof open,
             "HTTP/1.1 202 X\r\nLocation: http://127.0.0.1:%u/else/where\r\n"
             "Content-Length: 0\r\n\r\n",
             server.port);
    registry = client_of(&server);
    if (dr_registry_put_blobs(registry, &put, 1, 0, NULL, &err) < 0)
        fail_msg("%s", err.text);
    server_stop(&server);
    server_release(&server);
}

static void sends_nothing_that_is_there(void **state)
{
    static const struct step steps[] = {
        {HEAD_BLOB, "HTTP/1.1 200 X\r\nContent-Length: 20\r\n\r\n", 0, false}, END};
    struct push push;

    (void)state;
    run_well(&push, steps, "c/d", DR_BLOB_PRESENT);
    expect_and_release(&push, "POST", 0);
}

static void does_not_take_a_damaged_blob_for_present(void **state)
{
    static const struct step steps[] = {
        {HEAD_BLOB, "HTTP/1.1 200 X\r\nContent-Length: 19\r\n\r\n", 0, false}, END};
    struct push push;

    (void)state;
    run_badly(&push, steps, BLOB, DR_ERR_PROOF, "19 bytes instead of 20");
    expect_and_release(&push, "POST", 0);
}

static void mounts_what_a_neighbour_has(void **state)
{
    static const struct step steps[] = {MISSING, {MOUNT, AT("201", "/x"), 0, false}, END};
    struct push push;

    (void)state;
    run_well(&push, steps, "c/d", DR_BLOB_MOUNTED);
    expect_and_release(&push, "&from=c%2Fd ", 1);
}

static void sends_what_cannot_be_mounted(void **state)
{
    static const struct step not_there[] = {
        MISSING, {MOUNT, AT("202", "/u/1?_state=A"), 0, false}, TAKEN, CLOSED, END};
    static const struct step refused[] = {
        MISSING, {MOUNT, EMPTY_REPLY("403"), 0, false}, OPENED, TAKEN, CLOSED, END};
    static const struct step no_login[] = {
        MISSING, {MOUNT, EMPTY_REPLY("401"), 9, false}, OPENED, TAKEN, CLOSED, END};
    struct push push;

    (void)state;
    run_well(&push, not_there, "c/d", DR_BLOB_SENT);
    expect_and_release(&push, OPEN, 0);
    run_well(&push, refused, "c/d", DR_BLOB_SENT);
    expect_and_release(&push, OPEN, 1);
    run_well(&push, no_login, "c/d", DR_BLOB_SENT);
    expect_and_release(&push, OPEN, 1);
}

static void begins_anew_after_a_cut_upload(void **state)
{
    static const struct step steps[] = {MISSING,
                                        {OPEN, AT("202", "/u/0"), 0, false},
                                        {"PATCH /u/0 ", "", 0, true},
                                        OPENED,
                                        TAKEN,
                                        CLOSED,
                                        END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    expect_and_release(&push, OPEN, 2);
}

static void finds_its_own_work_when_only_the_answer_was_lost(void **state)
{
    static const struct step steps[] = {
        {HEAD_BLOB, EMPTY_REPLY("404"), 0, false},
        OPENED,
        TAKEN,
        {"PUT ", "", 0, true},
        {HEAD_BLOB, "HTTP/1.1 200 X\r\nContent-Length: 20\r\n\r\n", 0, false},
        END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    expect_and_release(&push, "PATCH ", 1);
}

static void tries_again_where_a_session_vanished_or_bytes_broke(void **state)
{
    static const struct step vanished[] = {
        MISSING, OPENED, {"PATCH /u/1?_state=A ", EMPTY_REPLY("404"), 0, false},
        TAKEN,   CLOSED, END};
    static const struct step broken[] = {
        MISSING, OPENED, TAKEN, {"PUT ", EMPTY_REPLY("400"), 0, false}, CLOSED, END};
    struct push push;

    (void)state;
    run_well(&push, vanished, NULL, DR_BLOB_SENT);
    expect_and_release(&push, "PATCH ", 2);
    run_well(&push, broken, NULL, DR_BLOB_SENT);
    expect_and_release(&push, "PATCH ", 2);
}

#define HAS(range) "HTTP/1.1 204 X\r\nLocation: /u/1?_state=C\r\nRange: " range "\r\n\r\n"
#define BROKEN                                                                                     \
    {                                                                                              \
        "PATCH /u/1?_state=A ", "", 0, true                                                        \
    }
#define REST                                                                                       \
    {                                                                                              \
        "PATCH /u/1?_state=C ", AT("202", "/u/1?_state=B"), 9, false                               \
    }

static void goes_on_where_the_registry_has_got_to(void **state)
{
    static const struct step steps[] = {
        MISSING, OPENED, BROKEN, {"GET /u/1?_state=A ", HAS("0-11"), 0, false}, REST, CLOSED, END};
    static const struct step disagrees[] = {MISSING,
                                            OPENED,
                                            BROKEN,
                                            {"GET /u/1?_state=A ", HAS("bytes=0-15"), 0, false},
                                            {"PATCH /u/1?_state=C ", EMPTY_REPLY("416"), 0, false},
                                            {"GET /u/1?_state=C ", HAS("0-11"), 0, false},
                                            REST,
                                            CLOSED,
                                            END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    assert_int_equal(server_saw(&push.server, "Content-Range: 12-19\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "Content-Length: 8\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "\r\n\r\ncdefghij"), 1);
    expect_and_release(&push, OPEN, 1);
    run_well(&push, disagrees, NULL, DR_BLOB_SENT);
    assert_int_equal(server_saw(&push.server, "Content-Range: 16-19\r\n"), 1);
    expect_and_release(&push, "Content-Range: 12-19\r\n", 1);
}

static void closes_what_has_all_of_it(void **state)
{
    static const struct step steps[] = {
        MISSING,
        OPENED,
        BROKEN,
        {"GET /u/1?_state=A ", HAS("0-19"), 0, false},
        {"PUT /u/1?_state=C&digest=sha256%3A", EMPTY_REPLY("201"), 0, false},
        END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    expect_and_release(&push, "PATCH ", 1);
}

/* 0-0 is what docker-registry says of an empty session, too. */
static void begins_anew_where_a_session_is_of_no_use(void **state)
{
    static const char *const replies[] = {
        HAS("0-0"),     HAS("0-20"),        HAS("5-11"), HAS("0-18446744073709551615"),
        HAS("nothing"), EMPTY_REPLY("404"), "",
    };
    struct push push;

    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        const struct step steps[] = {MISSING, OPENED, BROKEN, {"GET /u/1", replies[i], 0, false},
                                     TAKEN,   CLOSED, END};

        run_well(&push, steps, NULL, DR_BLOB_SENT);
        assert_int_equal(server_saw(&push.server, "Content-Range"), 0);
        expect_and_release(&push, OPEN, 2);
    }
}

static void hashes_what_a_session_has_before_it_is_closed(void **state)
{
    static const struct step steps[] = {MISSING, OPENED,
                                        BROKEN,  {"GET /u/1", HAS("0-11"), 0, false},
                                        REST,    {"DELETE /u/1", EMPTY_REPLY("204"), 0, false},
                                        END};
    struct push push;

    (void)state;
    run_badly(&push, steps, "0123X56789abcdefghij", DR_ERR_VERIFY, "its bytes have the digest");
    expect_and_release(&push, "PUT ", 0);
}

static void gives_up_after_three_uploads(void **state)
{
    static const struct step steps[] = {MISSING, OPENED, {"PATCH ", "", 9, true}, END};
    struct push push;

    (void)state;
    run_badly(&push, steps, BLOB, DR_ERR_NET, "tried 3 times");
    expect_and_release(&push, "PATCH ", 3);
}

static void never_closes_an_upload_of_other_bytes(void **state)
{
    static const struct step steps[] = {
        MISSING, OPENED, TAKEN, CLOSED, {"DELETE /u/1?_state=B ", EMPTY_REPLY("204"), 0, false},
        END};
    struct push push;

    (void)state;
    run_badly(&push, steps, "0123456789abcdefghiX", DR_ERR_VERIFY, "its bytes have the digest");
    assert_int_equal(server_saw(&push.server, "DELETE /u/1?_state=B"), 1);
    expect_and_release(&push, "PUT ", 0);
}

static int broken_read(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    (void)context, (void)offset, (void)ret_data, (void)size;
    return dr_fail(err, DR_ERR_IO, "the stick was pulled");
}

static void cancels_when_the_file_cannot_be_read(void **state)
{
    static const struct step steps[] = {
        MISSING, OPENED, {"DELETE /u/1?_state=A ", EMPTY_REPLY("204"), 0, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct server server;
    struct dr_blob_put put = {
        .repository = "a/b", .digest = digest_of_blob(), .size = BLOB_SIZE, .read = broken_read};

    (void)state;
    server_start(&server, steps);
    registry = client_of(&server);
    assert_int_equal(dr_registry_put_blobs(registry, &put, 1, 4, NULL, &err), -1);
    server_stop(&server);
    assert_int_equal(err.code, DR_ERR_IO);
    assert_non_null(strstr(err.text, "the stick was pulled"));
    assert_int_equal(server_saw(&server, "DELETE "), 1);
    server_release(&server);
}

static void tells_what_the_registry_says(void **state)
{
    static const struct step denied[] = {
        MISSING,
        {OPEN,
         "HTTP/1.1 405 X\r\nContent-Length: 64\r\n\r\n"
         "{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"read-only mirror\"}]}",
         9, false},
        END};
    static const struct step too_large[] = {
        MISSING, OPENED, {"PATCH ", EMPTY_REPLY("413"), 0, false}, END};
    struct push push;

    (void)state;
    run_badly(&push, denied, BLOB, DR_ERR_NET, "405: UNSUPPORTED: read-only mirror");
    expect_and_release(&push, "PATCH", 0);
    run_badly(&push, too_large, BLOB, DR_ERR_NET, "client_max_body_size");
    expect_and_release(&push, "DELETE ", 1);
}

static void waits_as_long_as_a_busy_registry_asks(void **state)
{
    static const char *const busy[] = {
        "HTTP/1.1 429 X\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 X\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
        EMPTY_REPLY("500"),
    };
    struct push push;

    (void)state;
    for (size_t i = 0; i < sizeof busy / sizeof *busy; i++) {
        const struct step steps[] = {MISSING,
                                     {OPEN, busy[i], 0, false},
                                     OPENED,
                                     {"PATCH /u/1?_state=A ", busy[i], 0, false},
                                     {"GET /u/1?_state=A ", EMPTY_REPLY("404"), 0, false},
                                     TAKEN,
                                     CLOSED,
                                     END};

        run_well(&push, steps, NULL, DR_BLOB_SENT);
        expect_and_release(&push, "PATCH ", 2);
    }
}

/* What comes in Location is what is used, in whatever form (RFC 9110 §10.2.2). The upload was opened at
 * /v2/a/b/blobs/uploads/. */
static void resolves_every_form_of_location(void **state)
{
    static const struct {
        const char *opened, *patch, *taken, *put;
    } rows[] = {
        {"/u/1?_state=A", "PATCH /u/1?_state=A ", "/u/1?_state=B",
         "PUT /u/1?_state=B&digest=sha256%3A"},
        {"one", "PATCH /v2/a/b/blobs/uploads/one ", "two",
         "PUT /v2/a/b/blobs/uploads/two?digest=sha256%3A"},
        {"one?_state=%2B/=", "PATCH /v2/a/b/blobs/uploads/one?_state=%2B/= ", "?_state=B",
         "PUT /v2/a/b/blobs/uploads/one?_state=B&digest=sha256%3A"},
        {"../x", "PATCH /v2/a/b/blobs/x ", "/y", "PUT /y?digest=sha256%3A"},
    };
    struct push push;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char opened[200];
        char taken[200];
        const struct step steps[] = {MISSING,
                                     {OPEN, opened, 0, false},
                                     {rows[i].patch, taken, 0, false},
                                     {rows[i].put, EMPTY_REPLY("201"), 0, false},
                                     END};

        snprintf(opened, sizeof opened, AT("202", "%s"), rows[i].opened);
        snprintf(taken, sizeof taken, AT("202", "%s"), rows[i].taken);
        run_well(&push, steps, NULL, DR_BLOB_SENT);
        expect_and_release(&push, "PUT ", 1);
    }
}

static void follows_redirects_of_uploads_that_stay_what_they_are(void **state)
{
    static const struct step steps[] = {MISSING,
                                        {OPEN, AT("307", "/other/"), 0, false},
                                        {"POST /other/ ", AT("202", "u1"), 0, false},
                                        {"PATCH /other/u1 ", AT("308", "/store/u1"), 0, false},
                                        {"PATCH /store/u1 ", AT("202", "u2"), 0, false},
                                        {"PUT /store/u2?digest=", EMPTY_REPLY("201"), 0, false},
                                        END};
    static const struct step turned[] = {MISSING, {OPEN, AT("302", "/other/"), 0, false}, END};
    struct push push;

    (void)state;
    run_well(&push, steps, NULL, DR_BLOB_SENT);
    expect_and_release(&push, "\r\n\r\n" BLOB, 2); /* the body again, whole */
    run_badly(&push, turned, BLOB, DR_ERR_NET, "answered 302");
    expect_and_release(&push, "/other/ ", 0);
}

#define LARGE 2500000u

static int count_up(void *context, uint64_t offset, void *ret_data, size_t size, struct dr_err *err)
{
    (void)context, (void)err;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)ret_data)[i] = (unsigned char)(1 + (offset + i) % 251);
    return 0;
}

typedef int reach_fn(void *context, uint64_t from, uint64_t *ret_to, struct dr_err *err);

static void run_large(struct push *push, const struct step *steps, const char *session,
                      reach_fn *reach)
{
    dr_auto_registry struct dr_registry *registry = NULL;
    unsigned char *data = malloc(LARGE);
    char where[100];

    assert_non_null(data);
    push->put =
        (struct dr_blob_put){.repository = "a/b", .size = LARGE, .read = count_up, .reach = reach};
    count_up(NULL, 0, data, LARGE, NULL);
    dr_digest_of(data, LARGE, &push->put.digest);
    free(data);
    server_start(&push->server, steps);
    snprintf(where, sizeof where, "http://127.0.0.1:%u%s", push->server.port,
             session ? session : "");
    push->put.session = session ? where : NULL;
    push->put.absent = session != NULL;
    registry = client_of(&push->server);
    push->err = (struct dr_err)DR_ERR_INIT;
    push->done = dr_registry_put_blobs(registry, &push->put, 1, 4, NULL, &push->err);
    server_stop(&push->server);
    if (push->done < 0)
        fail_msg("%s", push->err.text);
}

static void sends_pieces_where_a_request_may_not_be_that_large(void **state)
{
    static const struct step steps[] = {
        MISSING,
        OPENED,
        {"PATCH /u/1?_state=A ", EMPTY_REPLY("413"), 1, true},
        {"PATCH /u/1?_state=A ", AT("202", "/u/1?_state=A2"), 1, false},
        {"PATCH /u/1?_state=A2 ", AT("202", "/u/1?_state=A3"), 1, false},
        {"PATCH /u/1?_state=A3 ", AT("202", "/u/1?_state=B"), 1, false},
        CLOSED,
        END};
    struct push push;

    (void)state;
    run_large(&push, steps, NULL, NULL);
    assert_int_equal(server_saw(&push.server, "Content-Range: 0-999999\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "Content-Range: 1000000-1999999\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "Content-Range: 2000000-2499999\r\n"), 1);
    expect_and_release(&push, "PUT ", 1);
}

static int half_way(void *context, uint64_t from, uint64_t *ret_to, struct dr_err *err)
{
    (void)context, (void)err;
    *ret_to = from < 1500000 ? 1500000 : LARGE;
    return 0;
}

static void a_request_goes_as_far_as_the_bytes_that_can_be_had(void **state)
{
    static const struct step steps[] = {
        MISSING,
        OPENED,
        {"PATCH /u/1?_state=A ", AT("202", "/u/1?_state=A2"), 1, false},
        {"PATCH /u/1?_state=A2 ", AT("202", "/u/1?_state=B"), 1, false},
        CLOSED,
        END};
    struct push push;

    (void)state;
    run_large(&push, steps, NULL, half_way);
    assert_int_equal(server_saw(&push.server, "Content-Range: 0-1499999\r\n"), 1);
    assert_int_equal(server_saw(&push.server, "Content-Range: 1500000-2499999\r\n"), 1);
    expect_and_release(&push, "PUT ", 1);
}

/* A proxy that keeps a request until it has all of it, and a token that does not live that long. */
static void sends_pieces_where_a_token_ends_on_the_way(void **state)
{
    static const struct step steps[] = {
        MISSING,
        OPENED,
        {"PATCH /u/1?_state=A ",
         "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 1,
         false},
        {"PATCH /u/1?_state=A ", AT("202", "/u/1?_state=A2"), 1, false},
        {"PATCH /u/1?_state=A2 ", AT("202", "/u/1?_state=A3"), 1, false},
        {"PATCH /u/1?_state=A3 ", AT("202", "/u/1?_state=B"), 1, false},
        CLOSED,
        END};
    struct push push;

    (void)state;
    run_large(&push, steps, NULL, NULL);
    assert_int_equal(server_saw(&push.server, "Content-Range: 0-999999\r\n"), 1);
    expect_and_release(&push, "POST ", 2);
}

static void goes_on_with_what_an_earlier_run_has_sent(void **state)
{
    static const struct step steps[] = {
        {"GET /u/9?_state=Z ", HAS("0-1999999"), 0, false}, REST, CLOSED, END};
    static const struct step gone[] = {
        {"GET /u/9?_state=Z ", EMPTY_REPLY("404"), 0, false}, OPENED, TAKEN, CLOSED, END};
    struct push push;

    (void)state;
    run_large(&push, steps, "/u/9?_state=Z", NULL);
    assert_int_equal(server_saw(&push.server, "Content-Range: 2000000-2499999\r\n"), 1);
    expect_and_release(&push, "POST ", 0);
    run_large(&push, gone, "/u/9?_state=Z", NULL);
    expect_and_release(&push, "POST ", 1);
}

static int put_manifest(const char *reply, struct dr_err *err)
{
    const struct step steps[] = {{"PUT /v2/a/b/manifests/v1", reply, 9, false}, END};
    dr_auto_registry struct dr_registry *registry = NULL;
    struct server server;
    int done;

    server_start(&server, steps);
    registry = client_of(&server);
    done = dr_registry_put_manifest(registry, "a/b", "v1", "application/x-test", "{}", 2, err);
    server_stop(&server);
    assert_true(server_saw(&server, "Content-Type: application/x-test\r\n") > 0);
    server_release(&server);
    return done;
}

static void compares_what_the_registry_made_of_a_manifest(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    if (put_manifest("HTTP/1.1 201 X\r\nContent-Length: 0\r\nDocker-Content-Digest: "
                     "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                     "\r\n\r\n",
                     &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(put_manifest(EMPTY_REPLY("201"), &err), 0);
    assert_int_equal(
        put_manifest("HTTP/1.1 201 X\r\nContent-Length: 0\r\nDocker-Content-Digest: "
                     "sha256:54136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
                     "\r\n\r\n",
                     &err),
        -1);
    assert_int_equal(err.code, DR_ERR_PROOF);
    assert_int_equal(put_manifest(EMPTY_REPLY("400"), &err), -1);
    assert_int_equal(err.code, DR_ERR_NET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_takes_each_location_as_it_comes),
        cmocka_unit_test(takes_absolute_locations_without_query),
        cmocka_unit_test(sends_nothing_that_is_there),
        cmocka_unit_test(does_not_take_a_damaged_blob_for_present),
        cmocka_unit_test(mounts_what_a_neighbour_has),
        cmocka_unit_test(sends_what_cannot_be_mounted),
        cmocka_unit_test(begins_anew_after_a_cut_upload),
        cmocka_unit_test(finds_its_own_work_when_only_the_answer_was_lost),
        cmocka_unit_test(tries_again_where_a_session_vanished_or_bytes_broke),
        cmocka_unit_test(goes_on_where_the_registry_has_got_to),
        cmocka_unit_test(closes_what_has_all_of_it),
        cmocka_unit_test(begins_anew_where_a_session_is_of_no_use),
        cmocka_unit_test(hashes_what_a_session_has_before_it_is_closed),
        cmocka_unit_test(gives_up_after_three_uploads),
        cmocka_unit_test(never_closes_an_upload_of_other_bytes),
        cmocka_unit_test(cancels_when_the_file_cannot_be_read),
        cmocka_unit_test(tells_what_the_registry_says),
        cmocka_unit_test(waits_as_long_as_a_busy_registry_asks),
        cmocka_unit_test(resolves_every_form_of_location),
        cmocka_unit_test(follows_redirects_of_uploads_that_stay_what_they_are),
        cmocka_unit_test(sends_pieces_where_a_request_may_not_be_that_large),
        cmocka_unit_test(a_request_goes_as_far_as_the_bytes_that_can_be_had),
        cmocka_unit_test(sends_pieces_where_a_token_ends_on_the_way),
        cmocka_unit_test(goes_on_with_what_an_earlier_run_has_sent),
        cmocka_unit_test(compares_what_the_registry_made_of_a_manifest),
    };

    quiet_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
