/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_engine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/engine/frames.h"
#include "lib/engine/messages.h"
#include "lib/json.h"

static const char framed[] =
    "\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\1 \1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\5world";

static void frames_come_together_whatever_the_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof framed - 1; piece++) {
        dr_auto_buf struct dr_buf output = DR_BUF_INIT(100);
        struct dr_frames frames = {.output = &output};
        struct dr_err err = DR_ERR_INIT;

        for (size_t at = 0; at < sizeof framed - 1; at += piece) {
            size_t left = sizeof framed - 1 - at;

            assert_int_equal(
                dr_frames_sink(&frames, framed + at, left < piece ? left : piece, &err), 0);
        }
        assert_string_equal(output.data, "hello world");
    }
}

static void frames_beyond_the_ceiling_are_dropped(void **state)
{
    dr_auto_buf struct dr_buf output = DR_BUF_INIT(7);
    struct dr_frames frames = {.output = &output};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_frames_sink(&frames, framed, sizeof framed - 1, &err), 0);
    assert_string_equal(output.data, "hello w");
}

static void a_terminal_has_no_frames(void **state)
{
    dr_auto_buf struct dr_buf output = DR_BUF_INIT(100);
    struct dr_frames frames = {.output = &output, .plain = true};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_frames_sink(&frames, "\1plain", 6, &err), 0);
    assert_string_equal(output.data, "\1plain");
}

static void garbage_is_no_frame(void **state)
{
    dr_auto_buf struct dr_buf output = DR_BUF_INIT(100);
    struct dr_frames frames = {.output = &output};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_frames_sink(&frames, "HTTP/1.1 200", 12, &err), -1);
    assert_int_equal(err.code, DR_ERR_FORMAT);
}

static int count(void *context, const json_t *message, struct dr_err *err)
{
    (void)message;
    (void)err;
    ++*(int *)context;
    return 0;
}

static int feed(struct dr_messages *messages, const char *text, size_t piece, struct dr_err *err)
{
    size_t size = strlen(text);

    for (size_t at = 0; at < size; at += piece) {
        size_t left = size - at;

        if (dr_messages_sink(messages, text + at, left < piece ? left : piece, err) < 0)
            return -1;
    }
    return dr_messages_end(messages, err);
}

static void messages_come_one_by_one_whatever_the_pieces(void **state)
{
    static const char text[] = "{\"status\":\"a}{\"}\r\n{\"id\":\"b\"}{\"x\":{\"y\":[1,2]}}\n \n";

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        int seen = 0;
        dr_auto_messages struct dr_messages messages = DR_MESSAGES_INIT(count, &seen);
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(feed(&messages, text, piece, &err), 0);
        assert_int_equal(seen, 3);
    }
}

static void an_error_among_the_messages_is_a_failure(void **state)
{
    static const char *const rows[] = {
        "{\"status\":\"x\"}{\"errorDetail\":{\"message\":\"no such tag\"},\"error\":\"other\"}",
        "{\"error\":\"no such tag\"}{\"status\":\"y\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_messages struct dr_messages messages = DR_MESSAGES_INIT(NULL, NULL);
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(feed(&messages, rows[i], 5, &err), -1);
        assert_int_equal(err.code, DR_ERR_ENGINE);
        assert_string_equal(err.text, "no such tag");
    }
}

static void a_layer_that_was_not_unpacked_is_a_failure(void **state)
{
    static const char text[] = "{\"stream\":\"Loaded image: a:1\\n\"}"
                               "{\"stream\":\"Error unpacking image a:1: bad\\n\"}";
    dr_auto_messages struct dr_messages messages = DR_MESSAGES_INIT(NULL, NULL);
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(feed(&messages, text, 7, &err), -1);
    assert_int_equal(err.code, DR_ERR_ENGINE);
    assert_string_equal(err.text, "Error unpacking image a:1: bad");
}

static void a_cut_or_foreign_stream_is_a_failure(void **state)
{
    static const struct {
        const char *text;
        enum dr_code code;
    } rows[] = {
        {"{\"status\":\"x\"}{\"status\":", DR_ERR_NET},
        {"<html>", DR_ERR_FORMAT},
        {"[1]", DR_ERR_FORMAT},
        {"{\"a\":nonsense}", DR_ERR_FORMAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_messages struct dr_messages messages = DR_MESSAGES_INIT(NULL, NULL);
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(feed(&messages, rows[i].text, 3, &err), -1);
        assert_int_equal(err.code, rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_together_whatever_the_pieces),
        cmocka_unit_test(frames_beyond_the_ceiling_are_dropped),
        cmocka_unit_test(a_terminal_has_no_frames),
        cmocka_unit_test(garbage_is_no_frame),
        cmocka_unit_test(messages_come_one_by_one_whatever_the_pieces),
        cmocka_unit_test(an_error_among_the_messages_is_a_failure),
        cmocka_unit_test(a_layer_that_was_not_unpacked_is_a_failure),
        cmocka_unit_test(a_cut_or_foreign_stream_is_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
