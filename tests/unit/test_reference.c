/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
#include "tests/unit/check.h"

#include "lib/reference.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void parses_what_docker_parses(void **state)
{
    static const struct {
        const char *text, *whole, *familiar;
    } rows[] = {
        {"busybox", "docker.io/library/busybox:latest", "busybox:latest"},
        {"rancher/server:v1.0.2", "docker.io/rancher/server:v1.0.2", "rancher/server:v1.0.2"},
        {"docker.io/rancher/server:v1", "docker.io/rancher/server:v1", "rancher/server:v1"},
        {"index.docker.io/busybox:1", "docker.io/library/busybox:1", "busybox:1"},
        {"localhost/x:1", "localhost/x:1", "localhost/x:1"},
        {"127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000/a/b/c:t"},
        {"reg:5000/x", "reg:5000/x:latest", "reg:5000/x:latest"},
        {"[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000/x:1"},
        {"a/b@sha256:" HEX, "docker.io/a/b@sha256:" HEX, "a/b@sha256:" HEX},
        {"a/b:t@sha256:" HEX, "docker.io/a/b:t@sha256:" HEX, "a/b:t@sha256:" HEX},
        {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
        {"docker.io/a.b/c:1", "docker.io/a.b/c:1", "docker.io/a.b/c:1"},
        {"docker.io/localhost/c:1", "docker.io/localhost/c:1", "docker.io/localhost/c:1"},
        {"x--y/a__b.c", "docker.io/x--y/a__b.c:latest", "x--y/a__b.c:latest"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        struct dr_reference reference;
        char text[DR_REFERENCE_TEXT];

        assert_int_equal(dr_reference_parse(rows[i].text, &reference, &err), 0);
        assert_string_equal(dr_reference_text(&reference, text), rows[i].whole);
        assert_string_equal(dr_reference_familiar(&reference, text), rows[i].familiar);
    }
}

static void refuses_what_is_no_reference(void **state)
{
    static const char *const rows[] = {
        "",         "/",          "A/b",          "a//b",    "a/",           "a:",
        "a:b:c",    "a@sha256:1", ("a@md5:" HEX), "-a",      "a-",           "a..b",
        "a/b:-tag", "../x",       "a b",          "a\033[m", "reg:999999/x", "http://reg/x:1",
        "a___b",    "a:t/b@",     "_a/b",         "a_/b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;
        struct dr_reference reference;

        assert_int_equal(dr_reference_parse(rows[i], &reference, &err), -1);
        assert_int_equal(err.code, DR_ERR_FORMAT);
        assert_null(strchr(err.text, '\033'));
    }
}

static void moves_into_a_registry_with_and_without_prefix(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    struct dr_reference reference;
    struct dr_reference moved;
    char text[DR_REFERENCE_TEXT];
    char host[256];
    char prefix[256];

    (void)state;
    assert_int_equal(dr_reference_parse("rancher/server:v1.0.2", &reference, &err), 0);
    assert_int_equal(dr_reference_parse_registry("reg:5000/a/b/", host, prefix, &err), 0);
    assert_int_equal(dr_reference_move(&reference, host, prefix, &moved, &err), 0);
    assert_string_equal(dr_reference_text(&moved, text), "reg:5000/a/b/rancher/server:v1.0.2");
    assert_int_equal(dr_reference_parse_registry("reg", host, prefix, &err), 0);
    assert_string_equal(prefix, "");
    assert_int_equal(dr_reference_parse_registry("http://reg", host, prefix, &err), -1);
    assert_int_equal(dr_reference_parse_registry("reg/A", host, prefix, &err), -1);
    assert_int_equal(dr_reference_parse_registry("", host, prefix, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_docker_parses),
        cmocka_unit_test(refuses_what_is_no_reference),
        cmocka_unit_test(moves_into_a_registry_with_and_without_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
