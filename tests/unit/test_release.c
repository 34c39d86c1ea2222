/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/reference.h"
#include "manifests/release.h"

static void finds_a_release_with_and_without_its_v(void **state)
{
    static const char *const names[] = {"v1.0.2", "1.0.2"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        dr_auto_release struct dr_release *release = dr_release_new(names[i], NULL);

        assert_non_null(release);
        assert_string_equal(release->name, "v1.0.2");
        assert_string_equal(release->cattle, "v0.159.8");
        assert_string_equal(release->date, "2016-05-26");
        assert_int_equal(release->image_count, 3);
        assert_string_equal(release->images[0].role, "server");
        assert_string_equal(release->images[0].image, "rancher/server:v1.0.2");
        assert_string_equal(release->images[1].role, "agent");
        assert_string_equal(release->images[1].image, "rancher/agent:v1.0.1");
        assert_string_equal(release->images[2].role, "agent-instance");
        assert_string_equal(release->images[2].image, "rancher/agent-instance:v0.8.1");
    }
}

static void names_the_known_ones_when_asked_for_an_unknown_one(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_null(dr_release_new("v1.0.9", &err));
    assert_int_equal(err.code, DR_ERR_ABSENT);
    assert_non_null(strstr(err.text, "'v1.0.9'"));
    assert_non_null(strstr(err.text, "known are v1.0.0 to v1."));
}

static void knows_complete_releases_only(void **state)
{
    size_t known = 0;

    (void)state;
    for (const char *name; (name = dr_release_name(known)); known++) {
        struct dr_err err = DR_ERR_INIT;
        dr_auto_release struct dr_release *release = dr_release_new(name, &err);

        assert_non_null(release);
        assert_string_equal(release->name, name);
        assert_true(dr_release_is_name(name));
        for (size_t i = 0; i < release->image_count; i++) {
            struct dr_reference reference;

            assert_int_equal(dr_reference_parse(release->images[i].image, &reference, &err), 0);
            assert_string_equal(reference.host, "docker.io");
            assert_string_not_equal(reference.tag, "latest");
        }
        assert_string_equal(release->images[0].role, "server");
        assert_string_equal(strchr(release->images[0].image, ':') + 1, name);
        assert_string_equal(release->images[1].role, "agent");
        assert_string_equal(release->images[2].role,
                            dr_release_is_applied(name) ? "agent-instance" : "load-balancer");
        assert_true(*release->cattle && *release->date && *release->source);
        assert_non_null(dr_release_advice(name, 0));
    }
    assert_true(known == 65);
    assert_string_equal(dr_release_name(64), "v1.6.30");
    assert_null(dr_release_name(known + 5));
}

static void tells_releases_from_images(void **state)
{
    static const char *const yes[] = {"v1.0.2", "1.0.2", "v1.6.30", "v0.63.1"};
    static const char *const no[] = {"",       "v",          "v1.0",    "v1.0.2.3",   "v1.0.x",
                                     "server", "v1.0.2:tag", "v1.0.2/", "v12345.0.0", "V1.0.2"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(dr_release_is_name(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(dr_release_is_name(no[i]));
}

static void gives_an_optional_group_by_its_name(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_release struct dr_release *release = dr_release_new("v1.1.2", NULL);
    const struct dr_release_group *group = dr_release_find_group(release, "kubernetes", &err);

    (void)state;
    assert_non_null(group);
    assert_string_equal(group->images[0].image, "rancher/k8s:v1.2.4-rancher9");
    assert_string_equal(group->images[0].role, "kubernetes");
    assert_false(group->images[0].certain);
    assert_null(dr_release_find_group(release, "windows", &err));
    assert_int_equal(err.code, DR_ERR_ABSENT);
    assert_non_null(strstr(err.text, "mesos, swarm, virtual-machine, kubernetes"));
}

static void advises_by_version(void **state)
{
    bool crossing = false;
    bool candidate = false;
    const char *text;

    (void)state;
    for (size_t i = 0; (text = dr_release_advice("v1.1.4", i)); i++)
        assert_null(strstr(text, "registry.default"));
    for (size_t i = 0; (text = dr_release_advice("v1.6.19", i)); i++) {
        crossing = crossing || strstr(text, "registry.default");
        candidate = candidate || strstr(text, "release candidate");
        assert_null(strstr(text, "agent-instance"));
    }
    assert_true(crossing && candidate);
    for (size_t i = 0; (text = dr_release_advice("v1.6.20", i)); i++)
        assert_null(strstr(text, "release candidate"));
}

/* What dr_release_read() makes of a file with this text. */
static struct dr_release *read_text(const char *text, size_t size, struct dr_err *err)
{
    char path[] = "/tmp/test_release.XXXXXX";
    int fd = mkstemp(path);
    struct dr_release *release;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
    release = dr_release_read(path, err);
    unlink(path);
    return release;
}

static void reads_a_list_of_lines(void **state)
{
    static const char text[] = "# Rancher's own form\r\n\nrancher/server:v1.6.14\r\n"
                               "  \trancher/net:holder # moves\nlocalhost:5000/a/b@sha256:"
                               "0123456789012345678901234567890123456789012345678901234567890123";
    dr_auto_release struct dr_release *release = read_text(text, sizeof text - 1, NULL);

    (void)state;
    assert_non_null(release);
    assert_null(release->name);
    assert_int_equal(release->image_count, 3);
    assert_string_equal(release->images[0].image, "rancher/server:v1.6.14");
    assert_string_equal(release->images[0].role, "extra");
    assert_string_equal(release->images[1].image, "rancher/net:holder");
}

static void reads_a_list_in_json(void **state)
{
    static const char text[] = "\n {\"release\": \"v1.0.9\", \"images\": [\"busybox\", {\"role\": "
                               "\"agent\", \"image\": \"me/agent:1\"}], \"optional\": {\"more\": "
                               "[\"alpine:3.4\"]}}";
    dr_auto_release struct dr_release *release = read_text(text, sizeof text - 1, NULL);

    (void)state;
    assert_non_null(release);
    assert_string_equal(release->name, "v1.0.9");
    assert_string_equal(release->images[0].role, "extra");
    assert_string_equal(release->images[1].role, "agent");
    assert_string_equal(release->groups[0].images[0].role, "more");
    assert_string_equal(release->groups[0].images[0].image, "alpine:3.4");
}

static void refuses_lists_that_are_none(void **state)
{
    static const char *const bad[] = {
        "",
        "# nothing\n",
        "busybox\nUPPER/case\n",
        "two images\n",
        "{}",
        "{\"images\": []}",
        "{\"images\": [{}]}",
        "{\"images\": [7]}",
        "{\"images\": [\"-\"]}",
        "{\"images\": [{\"image\": \"a\", \"role\": \"a role\"}]}",
        "{\"images\": [\"a\"], \"release\": \"latest\"}",
        "{\"images\": [\"a\"], \"optional\": {\"\": [\"b\"]}}",
        "{\"images\": [\"a\"]} x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dr_err err = DR_ERR_INIT;

        assert_null(read_text(bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.code, DR_ERR_FORMAT);
        assert_true(i != 2 || strstr(err.text, "line 2"));
    }
    assert_null(read_text("a\nb\0c", 5, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_release_with_and_without_its_v),
        cmocka_unit_test(names_the_known_ones_when_asked_for_an_unknown_one),
        cmocka_unit_test(knows_complete_releases_only),
        cmocka_unit_test(tells_releases_from_images),
        cmocka_unit_test(gives_an_optional_group_by_its_name),
        cmocka_unit_test(advises_by_version),
        cmocka_unit_test(reads_a_list_of_lines),
        cmocka_unit_test(reads_a_list_in_json),
        cmocka_unit_test(refuses_lists_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
