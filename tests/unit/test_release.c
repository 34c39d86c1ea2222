/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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
    assert_non_null(strstr(err.text, "v1.0.0, v1.0.1, v1.0.2, v1.1.0"));
    assert_non_null(strstr(err.text, "v1.1.4"));
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
    }
    assert_true(known >= 8);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_release_with_and_without_its_v),
        cmocka_unit_test(names_the_known_ones_when_asked_for_an_unknown_one),
        cmocka_unit_test(knows_complete_releases_only),
        cmocka_unit_test(tells_releases_from_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
