/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/registry/logins.h"

#define JOE "{\"auth\":\"am9lOnM6ZWM=\"}" /* joe:s:ec */

static char folder[64];

static int begin(void **state)
{
    (void)state;
    memcpy(folder, "/tmp/drover-test-XXXXXX", sizeof "/tmp/drover-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command); /* NOLINT(cert-env33-c): a name of our own */
}

/* A file in the scratch folder; returns its path, which the next call overwrites. */
static const char *put_file(const char *name, mode_t mode, const char *text)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(dr_file_save(path, mode, text, strlen(text), NULL), 0);
    return path;
}

static void read_text(const char *text, const char *host, struct dr_logins *ret_logins)
{
    struct dr_err err = DR_ERR_INIT;

    if (dr_logins_read(put_file("config.json", 0600, text), host, ret_logins, &err) < 0)
        fail_msg("%s", err.text);
}

static void finds_logins_as_docker_and_podman_leave_them(void **state)
{
    static const struct {
        const char *key, *host, *repository;
        int found;
    } rows[] = {
        {"reg:5000", "reg:5000", "", 1},
        {"https://reg:5000/v1/", "reg:5000", "a/b", 1},
        {"http://reg:5000", "reg:5000", "", 1},
        {"https://reg:50001/v1/", "reg:5000", "", 0},
        {"reg", "reg:5000", "", 0},
        {"reg:5000/team", "reg:5000", "", 0},
        {"reg:5000/team", "reg:5000", "team/app", 1},
        {"reg:5000/team/", "reg:5000", "team/app", 1},
        {"reg:5000/team", "reg:5000", "teamwork/app", 0},
        {"reg:5000/team/app", "reg:5000", "team/app", 1},
        {"reg:5000/team/app", "reg:5000", "team", 0},
        {"https://index.docker.io/v1/", "docker.io", "", 1},
        {"docker.io", "docker.io", "library/busybox", 1},
        {"docker.io/library", "docker.io", "library/busybox", 1},
        {"index.docker.io", "docker.io", "", 1},
        {"https://index.docker.io/v1/", "reg:5000", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_logins struct dr_logins logins = {.count = 0};
        const struct dr_credential *login;
        char text[300];

        snprintf(text, sizeof text, "{\"auths\":{\"other\":{},\"%s\":" JOE "},\"x\":1}",
                 rows[i].key);
        read_text(text, rows[i].host, &logins);
        login = dr_logins_get(&logins, rows[i].repository);
        if ((login != NULL) != rows[i].found)
            fail_msg("'%s' for '%s' of '%s'", rows[i].key, rows[i].repository, rows[i].host);
        if (login) {
            assert_string_equal(login->user, "joe");
            assert_string_equal(login->password, "s:ec");
        }
        assert_non_null(strstr(logins.looked, "config.json' has no login for '"));
    }
}

static void the_longest_namespace_counts(void **state)
{
    dr_auto_logins struct dr_logins logins = {.count = 0};

    (void)state;
    read_text("{\"auths\":{\"r/a\":{\"username\":\"A\",\"password\":\"1\"},"
              "\"r\":{\"username\":\"R\",\"password\":\"1\"},\"r/a/e\":{},"
              "\"r/a/b\":{\"username\":\"B\",\"password\":\"1\"}}}",
              "r", &logins);
    assert_string_equal(dr_logins_get(&logins, "a/b/c")->user, "B");
    assert_string_equal(dr_logins_get(&logins, "a/b")->user, "B");
    assert_string_equal(dr_logins_get(&logins, "a/e")->user, "A");
    assert_string_equal(dr_logins_get(&logins, "x")->user, "R");
    assert_string_equal(dr_logins_get(&logins, "")->user, "R");
}

static void knows_identity_tokens(void **state)
{
    dr_auto_logins struct dr_logins logins = {.count = 0};
    dr_auto_logins struct dr_logins nameless = {.count = 0};
    struct dr_err err = DR_ERR_INIT;
    const struct dr_credential *login;
    char *basic;

    (void)state;
    read_text("{\"auths\":{\"r\":{\"auth\":\"am9lOg==\",\"identitytoken\":\"ID\"}}}", "r", &logins);
    login = dr_logins_get(&logins, "");
    assert_string_equal(login->user, "joe");
    assert_null(login->password);
    assert_string_equal(login->identity, "ID");
    basic = dr_credential_basic(login, &err);
    assert_string_equal(basic, "Basic am9lOklE");
    free(basic);
    read_text("{\"auths\":{\"r\":{\"identitytoken\":\"ID\"}}}", "r", &nameless);
    assert_null(dr_credential_basic(dr_logins_get(&nameless, ""), &err));
    assert_int_equal(err.code, DR_ERR_AUTH);
}

static void refuses_files_that_are_no_logins(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "{\"auths\":{\"reg\":{\"auth\":\"***\"}}}",
        "{\"auths\":{\"reg\":{\"auth\":\"am9l\"}}}",
        "{\"auths\":{\"reg\":{\"auth\":\"OnB3\"}}}",
        "{\"auths\":{\"reg/a\":{\"auth\":\"OnB3\"}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_logins struct dr_logins logins = {.count = 0};
        struct dr_err err = DR_ERR_INIT;
        const char *path = put_file("config.json", 0600, rows[i]);

        assert_int_equal(dr_logins_read(path, "reg", &logins, &err), -1);
        assert_int_equal(err.code, DR_ERR_FORMAT);
        assert_non_null(strstr(err.text, path));
    }
}

static void a_named_file_must_be_there_the_usual_one_need_not(void **state)
{
    dr_auto_logins struct dr_logins logins = {.count = 0};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    setenv("HOME", "/nonexistent", 1);
    unsetenv("DOCKER_CONFIG");
    unsetenv("REGISTRY_AUTH_FILE");
    assert_int_equal(dr_logins_find("reg", &logins, &err), 0);
    assert_null(dr_logins_get(&logins, ""));
    assert_string_equal(logins.looked, "there is no '/nonexistent/.docker/config.json'");
    setenv("REGISTRY_AUTH_FILE", "/nonexistent", 1);
    assert_int_equal(dr_logins_find("reg", &logins, &err), -1);
    assert_int_equal(err.code, DR_ERR_IO);
    assert_non_null(strstr(err.text, "REGISTRY_AUTH_FILE"));
    unsetenv("REGISTRY_AUTH_FILE");
}

/* Puts a docker-credential-test of this text in front of PATH, and asks it for `host`. */
static int ask(const char *script, const char *host, struct dr_logins *logins, struct dr_err *err)
{
    static const struct dr_log quiet = {.verbosity = -1};
    char text[8192];
    char old[4096];
    int done;

    snprintf(old, sizeof old, "%s", getenv("PATH"));
    snprintf(text, sizeof text, "%s:%s", folder, old);
    setenv("PATH", text, 1);
    snprintf(text, sizeof text, "#!/bin/sh\ncd %s\n%s\n", folder, script);
    put_file("docker-credential-test", 0700, text);
    read_text("{\"auths\":{\"docker.io\":{},\"reg\":" JOE "},\"credsStore\":\"test\"}", host,
              logins);
    done = dr_logins_complete(logins, "a/b", &quiet, err);
    setenv("PATH", old, 1);
    return done;
}

static void asks_the_helper_that_has_the_login(void **state)
{
    dr_auto_logins struct dr_logins logins = {.count = 0};
    dr_auto_logins struct dr_logins hub = {.count = 0};
    dr_auto_buf struct dr_buf asked = DR_BUF_INIT(4096);
    struct dr_err err = DR_ERR_INIT;
    char path[128];

    (void)state;
    assert_int_equal(ask("echo \"$1 $(cat)\" >>asked\n"
                         "echo '{\"ServerURL\":\"x\",\"Username\":\"ann\",\"Secret\":\"pw\"}'",
                         "reg", &logins, &err),
                     0);
    assert_string_equal(dr_logins_get(&logins, "a/b")->user, "ann");
    assert_string_equal(dr_logins_get(&logins, "a/b")->password, "pw");
    assert_int_equal(dr_logins_complete(&logins, "a/b", NULL, &err), 0); /* once is enough */
    assert_int_equal(ask("echo \"$1 $(cat)\" >>asked\n"
                         "echo '{\"Username\":\"<token>\",\"Secret\":\"ID\"}'",
                         "docker.io", &hub, &err),
                     0);
    assert_null(dr_logins_get(&hub, "a/b")->user);
    assert_string_equal(dr_logins_get(&hub, "a/b")->identity, "ID");
    snprintf(path, sizeof path, "%s/asked", folder);
    assert_int_equal(dr_file_read(path, &asked, &err), 0);
    assert_string_equal(asked.data, "get reg\nget https://index.docker.io/v1/\n");
}

static void a_helper_without_an_answer_is_told_and_not_waited_for(void **state)
{
    static const struct {
        const char *script, *word;
    } rows[] = {
        {"echo 'credentials not found in native keychain'; exit 1",
         "docker-credential-test has no login for 'docker.io'"},
        {"echo 'the vault is sealed'; exit 1", "it failed: the vault is sealed"},
        {"exit 3", "did not say why"},
        {"kill -9 $$", "it failed"},
        {"echo nonsense", "its answer"},
        {"exec sleep 60", "no answer within 60 s"},
        {"exec cat /dev/zero", "its answer"},
    };

    (void)state;
    setenv("DROVER_TEST_SCALE", "0.01", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_logins struct dr_logins logins = {.count = 0};
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(ask(rows[i].script, "docker.io", &logins, &err), 0);
        assert_null(dr_logins_get(&logins, "a/b"));
        if (!strstr(logins.looked, rows[i].word))
            fail_msg("no '%s' in: %s", rows[i].word, logins.looked);
    }
}

static void what_the_file_has_counts_where_the_helper_fails(void **state)
{
    dr_auto_logins struct dr_logins logins = {.count = 0};
    dr_auto_logins struct dr_logins other = {.count = 0};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(ask("exit 1", "reg", &logins, &err), 0);
    assert_string_equal(dr_logins_get(&logins, "a/b")->user, "joe");
    read_text("{\"credHelpers\":{\"reg\":\"no/such\"}}", "reg", &other);
    assert_int_equal(dr_logins_complete(&other, "", NULL, &err), 0);
    assert_non_null(strstr(other.looked, "not the name of a credential helper"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_logins_as_docker_and_podman_leave_them),
        cmocka_unit_test(the_longest_namespace_counts),
        cmocka_unit_test(knows_identity_tokens),
        cmocka_unit_test(refuses_files_that_are_no_logins),
        cmocka_unit_test(a_named_file_must_be_there_the_usual_one_need_not),
        cmocka_unit_test(asks_the_helper_that_has_the_login),
        cmocka_unit_test(a_helper_without_an_answer_is_told_and_not_waited_for),
        cmocka_unit_test(what_the_file_has_counts_where_the_helper_fails),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
