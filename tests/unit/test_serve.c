/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_serve */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/text.h"
#include "mirror/serve/address.h"
#include "mirror/serve/htpasswd.h"
#include "mirror/serve/question.h"
#include "mirror/serve/range.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void ranges_are_what_the_rfc_says(void **state)
{
    static const struct {
        const char *text;
        enum dr_range_kind kind;
        uint64_t first;
        uint64_t size;
    } rows[] = {
        {"bytes=0-0", DR_RANGE_PART, 0, 1},
        {"bytes=5-9", DR_RANGE_PART, 5, 5},
        {"Bytes=0-", DR_RANGE_PART, 0, 100},
        {"bytes=99-", DR_RANGE_PART, 99, 1},
        {"bytes=90-500", DR_RANGE_PART, 90, 10},
        {"bytes=-10", DR_RANGE_PART, 90, 10},
        {"bytes=-500", DR_RANGE_PART, 0, 100},
        {"bytes=100-", DR_RANGE_NONE, 0, 100},
        {"bytes=100-200", DR_RANGE_NONE, 0, 100},
        {"bytes=-0", DR_RANGE_NONE, 0, 100},
        {"bytes=9-5", DR_RANGE_ALL, 0, 100},
        {"bytes=0-4,6-9", DR_RANGE_ALL, 0, 100},
        {"bytes=", DR_RANGE_ALL, 0, 100},
        {"bytes=-", DR_RANGE_ALL, 0, 100},
        {"bytes=a-b", DR_RANGE_ALL, 0, 100},
        {"bytes=1-2x", DR_RANGE_ALL, 0, 100},
        {"bytes= 1-2", DR_RANGE_ALL, 0, 100},
        {"bytes=+1-2", DR_RANGE_ALL, 0, 100},
        {"lines=1-2", DR_RANGE_ALL, 0, 100},
        {"", DR_RANGE_ALL, 0, 100},
        {NULL, DR_RANGE_ALL, 0, 100},
        {"bytes=99999999999999999999999999-", DR_RANGE_ALL, 0, 100},
        {"bytes=0-9223372036854775807", DR_RANGE_PART, 0, 100},
        {"bytes=0-18446744073709551615", DR_RANGE_ALL, 0, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_range range;

        if (dr_range_parse(rows[i].text, 100, &range) != rows[i].kind ||
            range.first != rows[i].first || range.size != rows[i].size)
            fail_msg("%s", rows[i].text ? rows[i].text : "NULL");
    }
}

static void an_empty_blob_has_no_ranges(void **state)
{
    struct dr_range range;

    (void)state;
    assert_int_equal(dr_range_parse("bytes=0-", 0, &range), DR_RANGE_NONE);
    assert_int_equal(dr_range_parse("bytes=-1", 0, &range), DR_RANGE_NONE);
    assert_int_equal(dr_range_parse(NULL, 0, &range), DR_RANGE_ALL);
}

static void paths_are_taken_apart(void **state)
{
    static const struct {
        const char *path;
        enum dr_question_kind kind;
        const char *name;
        const char *reference;
    } rows[] = {
        {"/v2/", DR_ASK_BASE, "", ""},
        {"/v2", DR_ASK_BASE, "", ""},
        {"/v2/_catalog", DR_ASK_CATALOG, "", ""},
        {"/v2/a/b/tags/list", DR_ASK_TAGS, "a/b", ""},
        {"/v2/a/b/manifests/v1", DR_ASK_MANIFEST, "a/b", "v1"},
        {"/v2/a/b/manifests/sha256%3A" HEX, DR_ASK_MANIFEST, "a/b", "sha256:" HEX},
        {"/v2/manifests/manifests/manifests", DR_ASK_MANIFEST, "manifests", "manifests"},
        {"/v2/a/blobs/sha256:" HEX, DR_ASK_BLOB, "a", "sha256:" HEX},
        {"/v2/a/blobs/uploads/", DR_ASK_UPLOAD, "a", ""},
        {"/v2/a/blobs/uploads/x/y", DR_ASK_UPLOAD, "a", ""},
        {"/v2/a/referrers/sha256:" HEX, DR_ASK_REFERRERS, "a", "sha256:" HEX},
        {"/v2/a/manifests/../../etc/passwd", DR_ASK_MANIFEST, "a", "../../etc/passwd"},
        {"/v2/../manifests/x", DR_ASK_MANIFEST, "..", "x"},
        {"/v2/A/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2//manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2/a//b/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2/a%00b/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2/a%2/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2/a%zz/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/v2/a\xff/manifests/x", DR_ASK_BAD, NULL, NULL},
        {"/", DR_ASK_NOTHING, "", ""},
        {"", DR_ASK_NOTHING, "", ""},
        {"/v1/", DR_ASK_NOTHING, "", ""},
        {"/v2/a", DR_ASK_NOTHING, "", ""},
        {"/v2/a/manifests", DR_ASK_NOTHING, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_question question;

        dr_question_read(rows[i].path, NULL, &question);
        if (question.kind != rows[i].kind ||
            (rows[i].name && strcmp(question.name, rows[i].name) != 0) ||
            (rows[i].reference && strcmp(question.reference, rows[i].reference) != 0))
            fail_msg("%s: %d '%s' '%s'", rows[i].path, (int)question.kind, question.name,
                     question.reference);
    }
}

static void what_is_too_long_is_no_name(void **state)
{
    char path[3000];
    struct dr_question question;

    (void)state;
    memset(path, 'a', sizeof path);
    memcpy(path, "/v2/", 4);
    memcpy(path + 2000, "/manifests/x", sizeof "/manifests/x");
    dr_question_read(path, NULL, &question);
    assert_int_equal(question.kind, DR_ASK_BAD);
    memset(path, 'a', sizeof path);
    memcpy(path, "/v2/a/manifests/", 16);
    path[sizeof path - 1] = '\0';
    dr_question_read(path, NULL, &question);
    assert_int_equal(question.kind, DR_ASK_BAD);
}

static void queries_are_read(void **state)
{
    struct dr_question question;

    (void)state;
    dr_question_read("/v2/_catalog", "n=5&last=a%2Fb&ns=docker.io&x=", &question);
    assert_int_equal(question.kind, DR_ASK_CATALOG);
    assert_int_equal(question.n, 5);
    assert_string_equal(question.last, "a/b");
    assert_string_equal(question.ns, "docker.io");
    dr_question_read("/v2/_catalog", "n=-1&last=%&ns=%00", &question);
    assert_true(question.n == UINT64_MAX);
    dr_question_read("/v2/_catalog", "n=5&&&=&n", &question); /* malformed: counts for nothing */
    assert_int_equal(question.kind, DR_ASK_CATALOG);
    assert_true(question.n == UINT64_MAX);
}

static void addresses_are_taken_apart(void **state)
{
    static const char *const bad[] = {"",       ":x",         "127.0.0.1:70000", "[::1",
                                      "[::1]x", "127.0.0.1:", "no such host:1"};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dr_address address = DR_ADDRESS_INIT;

        check_fails(dr_address_bind(bad[i], &address, &err), &err, DR_ERR_USAGE, "--listen");
        assert_int_equal(address.fd, -1);
    }
    for (unsigned any = 0; any < 2; any++) {
        struct dr_address address = DR_ADDRESS_INIT;

        check_ok(dr_address_bind(any ? ":0" : "127.0.0.1:0", &address, &err), &err);
        assert_int_equal(address.loopback, !any);
        assert_int_equal(address.any, any);
        assert_true(dr_text_starts(address.text, any ? "0.0.0.0:" : "127.0.0.1:"));
        close(address.fd);
    }
}

/* joe:secret */
#define JOE "joe:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"

struct users {
    char path[64];
};

static void write_users(struct users *users, const char *text)
{
    int fd;

    strcpy(users->path, "/tmp/drover-htpasswd-XXXXXX");
    fd = mkstemp(users->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (long)strlen(text));
    close(fd);
}

static struct dr_htpasswd *read_users(const char *text, struct dr_err *err)
{
    struct users users;
    struct dr_htpasswd *htpasswd;

    write_users(&users, text);
    htpasswd = dr_htpasswd_read(users.path, err);
    unlink(users.path);
    return htpasswd;
}

static enum dr_login login(struct dr_htpasswd *htpasswd, const char *credentials)
{
    char *coded = dr_text_base64(credentials, strlen(credentials), false, NULL);
    char *header = dr_text_format(NULL, "Basic %s", coded);
    char user[DR_HTPASSWD_USER];
    enum dr_login result = dr_htpasswd_check(htpasswd, header, user);

    free(coded);
    free(header);
    return result;
}

static void files_that_are_no_htpasswd_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } rows[] = {
        {"", "names no user"},
        {"# nobody\n\n", "names no user"},
        {"joe\n", "line 1 is not of the form"},
        {":x\n", "line 1 is not of the form"},
        {"joe:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n", "no bcrypt hash"},
        {"joe:$apr1$abc$xyz\n", "no bcrypt hash"},
        {JOE JOE, "line 2 names a user again"},
        {"joe:$2y$17$abcdefghijklmnopqrstuuZxWBM5PCVQCQn5M4GE.gAGkTgXQEJvS\n", "cost 17"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        struct dr_htpasswd *htpasswd = read_users(rows[i].text, &err);

        assert_null(htpasswd);
        assert_int_equal(err.code, DR_ERR_FORMAT);
        if (!strstr(err.text, rows[i].part))
            fail_msg("'%s' does not say '%s'", err.text, rows[i].part);
    }
}

static void the_right_password_is_remembered_and_others_are_held_up(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_htpasswd *htpasswd = read_users("# users\r\n" JOE, &err);
    char user[DR_HTPASSWD_USER];
    unsigned later = 0;

    (void)state;
    assert_non_null(htpasswd);
    assert_int_equal(dr_htpasswd_check(htpasswd, NULL, user), DR_LOGIN_NONE);
    assert_int_equal(dr_htpasswd_check(htpasswd, "Bearer x", user), DR_LOGIN_NONE);
    assert_int_equal(dr_htpasswd_check(htpasswd, "Basic !!!", user), DR_LOGIN_NONE);
    assert_int_equal(dr_htpasswd_check(htpasswd, "Basic am9l", user), DR_LOGIN_NONE); /* no colon */
    assert_int_equal(login(htpasswd, "joe:secret"), DR_LOGIN_GOOD);
    for (unsigned i = 0; i < 20; i++) {
        enum dr_login wrong = login(htpasswd, i % 2 ? "joe:wrong" : "ann:secret");

        assert_true(wrong == DR_LOGIN_WRONG || wrong == DR_LOGIN_LATER);
        later += wrong == DR_LOGIN_LATER;
        assert_int_equal(login(htpasswd, "joe:secret"), DR_LOGIN_GOOD);
    }
    assert_true(later >= 10);
    dr_htpasswd_free(htpasswd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_what_the_rfc_says),
        cmocka_unit_test(an_empty_blob_has_no_ranges),
        cmocka_unit_test(paths_are_taken_apart),
        cmocka_unit_test(what_is_too_long_is_no_name),
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(files_that_are_no_htpasswd_are_refused),
        cmocka_unit_test(the_right_password_is_remembered_and_others_are_held_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
