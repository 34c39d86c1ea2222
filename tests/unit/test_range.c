/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
#include "tests/unit/check.h"

#include "lib/registry/range.h"

static void reads_what_servers_say_of_content(void **state)
{
    static const struct {
        const char *value;
        uint64_t first, last;
    } rows[] = {
        {"bytes 0-0/1", 0, 0},
        {"bytes 5-9/10", 5, 9},
        {"Bytes 5-9/*", 5, 9},
        {"bytes 4294967296-8589934592/8589934593", UINT64_C(1) << 32, UINT64_C(1) << 33},
        {"bytes 0-18446744073709551613/18446744073709551614", 0, UINT64_MAX - 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t first = 1;
        uint64_t last = 1;

        assert_int_equal(dr_range_of_content(rows[i].value, &first, &last), 0);
        assert_true(first == rows[i].first && last == rows[i].last);
    }
}

static void refuses_every_other_content_range(void **state)
{
    static const char *const rows[] = {
        "",
        "bytes",
        "bytes 1-2",
        "bytes */10",
        "bytes 2-1/10",
        "bytes 0-9/9",
        "bytes -1-5/10",
        "bytes +1-5/10",
        "bytes  1-5/10",
        "bytes 1-5/10 ",
        "bytes 1 -5/10",
        "bytes 1-5/-1",
        "octets 1-5/10",
        "bytes 0x1-5/10",
        "bytes 1-5/10,6-7/10",
        "bytes 0-18446744073709551616/18446744073709551617",
        "bytes 0-99999999999999999999999999999999/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t first;
        uint64_t last;

        assert_int_equal(dr_range_of_content(rows[i], &first, &last), -1);
    }
}

static void knows_how_much_a_session_has(void **state)
{
    static const struct {
        const char *value;
        uint64_t bytes;
    } rows[] = {
        {"0-59999", 60000},
        {"bytes=0-1", 2},
        {"0-0", 0},
        {"", 0},
        {"1-5", 0},
        {"0--5", 0},
        {"0-5x", 0},
        {"-0-5", 0},
        {"0-+5", 0},
        {"0- 5", 0},
        {"00-5", 0},
        {"0-", 0},
        {"0-8589934592", (UINT64_C(1) << 33) + 1},
        {"0-18446744073709551615", 0},
        {"0-99999999999999999999999999", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(dr_range_of_session(rows[i].value) == rows[i].bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_servers_say_of_content),
        cmocka_unit_test(refuses_every_other_content_range),
        cmocka_unit_test(knows_how_much_a_session_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
