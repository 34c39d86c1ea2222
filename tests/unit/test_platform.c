/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include "tests/unit/check.h"

#include "manifests/platform.h"

static void reads_what_a_command_line_says(void **state)
{
    static const char *const good[] = {"linux/amd64", "linux/arm/v7", "windows/amd64",
                                       "a_b/c-d/e.f"};
    static const char *const bad[] = {
        "",
        "/",
        "linux",
        "linux/",
        "/amd64",
        "linux//v7",
        "linux/arm/",
        "linux/arm/v7/",
        "a/b/c/d",
        "Linux/amd64",
        "linux/amd 64",
        "linux/\x1b[2J",
        "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct dr_platform platform;
    char text[DR_PLATFORM_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct dr_err err = DR_ERR_INIT;

        check_ok(dr_platform_parse(good[i], &platform, &err), &err);
        assert_string_equal(dr_platform_text(&platform, text), good[i]);
        assert_true(dr_platform_is_known(&platform));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dr_err err = DR_ERR_INIT;

        check_fails(dr_platform_parse(bad[i], &platform, &err), &err, DR_ERR_USAGE,
                    "not a platform like");
    }
}

static unsigned rank(const char *wanted, const char *offered)
{
    struct dr_platform want;
    struct dr_platform have;

    assert_int_equal(dr_platform_parse(wanted, &want, NULL), 0);
    assert_int_equal(dr_platform_parse(offered, &have, NULL), 0);
    return dr_platform_rank(&want, &have);
}

static void lower_variants_run_on_higher_ones(void **state)
{
    (void)state;
    assert_true(rank("linux/amd64", "linux/amd64") > 0);
    assert_int_equal(rank("linux/amd64", "linux/x86_64"), rank("linux/amd64", "linux/amd64"));
    assert_int_equal(rank("linux/amd64", "linux/amd64/v2"), 0);
    assert_true(rank("linux/amd64/v3", "linux/amd64/v2") > rank("linux/amd64/v3", "linux/amd64"));
    assert_true(rank("linux/amd64/v3", "linux/amd64") > 0);
    assert_int_equal(rank("linux/arm64", "linux/aarch64/v8"), rank("linux/arm64", "linux/arm64"));
    assert_true(rank("linux/arm", "linux/arm/v7") > rank("linux/arm", "linux/arm/v6"));
    assert_true(rank("linux/arm/v7", "linux/armel") > 0);
    assert_int_equal(rank("linux/arm/v6", "linux/arm/7"), 0);
    assert_int_equal(rank("linux/amd64", "windows/amd64"), 0);
    assert_int_equal(rank("linux/amd64", "linux/arm64"), 0);
    assert_int_equal(rank("linux/386", "linux/i386"), rank("linux/386", "linux/386"));
    assert_true(rank("linux/mips", "linux/mips/softfloat") > 0);
    assert_int_equal(rank("linux/mips/hardfloat", "linux/mips/softfloat"), 0);
}

static void what_is_not_said_or_cannot_be_shown_is_unknown(void **state)
{
    static const char *const rows[][2] = {
        {"{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}", "linux/arm/v7"},
        {"{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v8\",\"n\":"
         "99999999999999999999}",
         "linux/amd64"},
        {"{\"os\":\"\\u001b[2J\",\"architecture\":\"amd64\"}", "unknown/amd64"},
        {"{\"os\":1,\"architecture\":null}", "unknown/unknown"},
        {"{}", "unknown/unknown"},
        {"no JSON", "unknown/unknown"},
        {"", "unknown/unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_platform platform;
        char text[DR_PLATFORM_TEXT];

        dr_platform_of_config(rows[i][0], strlen(rows[i][0]), &platform);
        assert_string_equal(dr_platform_text(&platform, text), rows[i][1]);
        assert_int_equal(dr_platform_is_known(&platform), i < 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_command_line_says),
        cmocka_unit_test(lower_variants_run_on_higher_ones),
        cmocka_unit_test(what_is_not_said_or_cannot_be_shown_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
