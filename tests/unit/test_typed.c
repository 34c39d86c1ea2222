/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
/* Codes that people type: there and back, and every slip is found and named by its line. */
#include "tests/unit/check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/text.h"
#include "lib/typed.h"

#define ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
}

static int read_back(const char *text, size_t size, struct dr_err *err)
{
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(DR_TYPED_BYTES_MAX);

    return dr_typed_read(text, size, &bytes, err);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 64; size++) {
        for (int wide = 0; wide < 2; wide++) {
            dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
            dr_auto_buf struct dr_buf again = DR_BUF_INIT(65536);
            unsigned char bytes[64];
            struct dr_err err = DR_ERR_INIT;

            fill(bytes, size);
            check_ok(dr_typed_write(bytes, size, wide, &text, &err), &err);
            check_ok(dr_typed_read(text.data, text.size, &again, &err), &err);
            assert_int_equal(again.size, size);
            assert_memory_equal(again.data, bytes, size);
        }
    }
}

static void it_looks_as_documented(void **state)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    dr_auto_buf struct dr_buf bare = DR_BUF_INIT(65536);
    unsigned char bytes[20];

    (void)state;
    fill(bytes, sizeof bytes);
    assert_int_equal(dr_typed_write(bytes, sizeof bytes, true, &text, NULL), 0);
    assert_string_equal(text.data, "01  1CR5 AYMZ RKMG WCTR FPHC FV0H  J0\n"
                                   "02  6SDR 19EA  NH\n");
    assert_int_equal(dr_typed_write(bytes, sizeof bytes, false, &bare, NULL), 0);
    assert_string_equal(bare.data, "011CR5AYMZRKMGWCTRFPHCFV0HJ0/026SDR19EANH");
}

static void how_it_is_typed_does_not_matter(void **state)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    struct dr_err err = DR_ERR_INIT;
    const char *typed = "# a receipt, of reg/infra\n\n0L-icr5aymzrkmgwctr fphcfvoh jO # so far\r\n"
                        "  o2 6sdr l 9ea nh";

    (void)state;
    check_ok(dr_typed_read(typed, strlen(typed), &text, &err), &err);
    assert_int_equal(text.size, 20);
}

static void every_single_wrong_character_is_found_and_named(void **state)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    unsigned char bytes[40];
    unsigned line = 1;
    size_t inside = 0;

    (void)state;
    fill(bytes, sizeof bytes);
    assert_int_equal(dr_typed_write(bytes, sizeof bytes, true, &text, NULL), 0);
    for (char *c = text.data; *c; c++) {
        char was = *c;

        line += was == '\n';
        inside = was == '\n' ? 0 : inside + (was != ' ');
        for (const char *other = ALPHABET; isalnum((unsigned char)was) && *other; other++) {
            struct dr_err err = DR_ERR_INIT;
            char place[64];

            if (*other == was)
                continue;
            *c = *other;
            assert_int_equal(read_back(text.data, text.size, &err), -1);
            assert_int_equal(err.code, DR_ERR_FORMAT);
            snprintf(place, sizeof place, "line %02u ", line);
            assert_non_null(strstr(err.text, place));
            snprintf(place, sizeof place, "character %zu behind the number: '%c' should be '%c'",
                     inside - 2, *other, was);
            assert_true(inside <= 2 || strstr(err.text, place));
        }
        *c = was;
    }
}

static void swapped_characters_and_lines_are_found(void **state)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    unsigned char bytes[45];
    struct dr_err err = DR_ERR_INIT;
    char *second;
    size_t length;

    (void)state;
    fill(bytes, sizeof bytes);
    assert_int_equal(dr_typed_write(bytes, sizeof bytes, true, &text, NULL), 0);
    for (size_t i = 0; i + 1 < text.size; i++) {
        char one = text.data[i];
        char other = text.data[i + 1];

        if (one == other || !isalnum((unsigned char)one) || !isalnum((unsigned char)other))
            continue;
        text.data[i] = other;
        text.data[i + 1] = one;
        assert_int_equal(read_back(text.data, text.size, &err), -1);
        text.data[i] = one;
        text.data[i + 1] = other;
    }
    /* The second line's content behind the third's number. */
    second = strchr(text.data, '\n') + 1;
    length = (size_t)(strchr(second, '\n') - second) + 1;
    memcpy(second + length + 2, second + 2, length - 2);
    check_fails(read_back(text.data, text.size, &err), &err, DR_ERR_FORMAT, "line 03");
}

static void lines_that_are_missing_are_named(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    const char *second = "02  6SDR 19EA  NH\n";
    const char *short_line = "01  1CR5 AYMZ RKMG WCTR FPHC FV0H  J\n02  6SDR 19EA  NH\n";
    const char *long_line = "01  1CR5 AYMZ RKMG WCTR FPHC FV0H  J00\n02  6SDR 19EA  NH\n";

    (void)state;
    check_fails(read_back(second, strlen(second), &err), &err, DR_ERR_FORMAT,
                "line 01 should be here, and there is one that begins with '02'");
    check_fails(read_back(short_line, strlen(short_line), &err), &err, DR_ERR_FORMAT,
                "line 01 has 25 characters behind its number, and should have 26");
    check_fails(read_back(long_line, strlen(long_line), &err), &err, DR_ERR_FORMAT,
                "line 01 has 27");
    check_fails(read_back("01 U", 4, &err), &err, DR_ERR_FORMAT, "'U' is no character of a code");
    check_fails(read_back("01\001", 3, &err), &err, DR_ERR_FORMAT, "none of a code");
    check_fails(read_back("", 0, &err), &err, DR_ERR_FORMAT, "no code in it");
    check_fails(read_back("0", 1, &err), &err, DR_ERR_FORMAT, "line 01 should be here");
    check_fails(read_back("01", 2, &err), &err, DR_ERR_FORMAT, "line 01 should be here");
}

static void more_than_anybody_types_is_refused(void **state)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(65536);
    struct dr_err err = DR_ERR_INIT;
    static const char zeros[DR_TYPED_BYTES_MAX + 1];

    (void)state;
    check_ok(dr_typed_write(zeros, DR_TYPED_BYTES_MAX, true, &text, &err), &err);
    check_ok(read_back(text.data, text.size, &err), &err);
    check_fails(dr_typed_write(zeros, sizeof zeros, true, &text, &err), &err, DR_ERR_REFUSED,
                "more than 99 lines");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(it_looks_as_documented),
        cmocka_unit_test(how_it_is_typed_does_not_matter),
        cmocka_unit_test(every_single_wrong_character_is_found_and_named),
        cmocka_unit_test(swapped_characters_and_lines_are_found),
        cmocka_unit_test(lines_that_are_missing_are_named),
        cmocka_unit_test(more_than_anybody_types_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
