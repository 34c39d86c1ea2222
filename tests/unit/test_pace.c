/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
/* What plans say of time: rounded up, in the units that people plan with. */
#include "tests/unit/check.h"

#include "lib/pace.h"

static void seconds_are_rounded_up(void **state)
{
    (void)state;
    assert_true(dr_pace_seconds(0, 1) == 0);
    assert_true(dr_pace_seconds(1, 1000) == 1);
    assert_true(dr_pace_seconds(1000, 1000) == 1);
    assert_true(dr_pace_seconds(1001, 1000) == 2);
    assert_true(dr_pace_seconds(UINT64_MAX, 1) == UINT64_MAX);
}

static void times_are_told_as_people_plan(void **state)
{
    static const struct {
        uint64_t bytes, rate;
        const char *text;
    } rows[] = {
        {0, 1000, "about 0 s at 1.0 kB/s"},
        {1, 1000, "about 1 s at 1.0 kB/s"},
        {60 * 1000, 1000, "about 60 s at 1.0 kB/s"},
        {60 * 1000 + 1, 1000, "about 2 min at 1.0 kB/s"},
        {1800000000, 2500000, "about 12 min at 2.5 MB/s"},
        {UINT64_C(18000000001), 2500000, "about 2 h 5 min at 2.5 MB/s"},
        {3600 * 3 * 1000, 1000, "about 3 h at 1.0 kB/s"},
        {3600 * 48 * 1000, 1000, "about 48 h at 1.0 kB/s"},
        {3600 * 48 * 1000 + 1, 1000, "about 2 days 1 h at 1.0 kB/s"},
        {86400 * 3 * 1000, 1000, "about 3 days at 1.0 kB/s"},
        {UINT64_MAX, 1, "about 213503982334601 days 8 h at 1 B/s"},
        {1, UINT64_MAX, "about 1 s at 18446.7 PB/s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[DR_PACE_TEXT];

        assert_string_equal(dr_pace_text(rows[i].bytes, rows[i].rate, text), rows[i].text);
    }
}

static void a_plan_has_seconds_only_where_a_rate_was_given(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *plan = json_object();

    (void)state;
    check_ok(dr_pace_json(plan, "a", 2500, 1000, &err), &err);
    check_ok(dr_pace_json(plan, "b", 2500, 0, &err), &err);
    assert_int_equal(json_integer_value(json_object_get(plan, "a")), 3);
    assert_null(json_object_get(plan, "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_rounded_up),
        cmocka_unit_test(times_are_told_as_people_plan),
        cmocka_unit_test(a_plan_has_seconds_only_where_a_rate_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
