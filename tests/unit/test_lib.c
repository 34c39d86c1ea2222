/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/html.h"
#include "lib/json.h"
#include "lib/text.h"

static void errors_carry_context_and_never_control_characters(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_fail(&err, DR_ERR_NET, "GET '%s'", "a\033[31m\nb\xc2\x9bz"), -1);
    assert_string_equal(err.text, "GET 'a?[31m?b??z'");
    dr_err_wrap(&err, "pull '%s'", "x");
    dr_err_advise(&err, "check the cable");
    assert_string_equal(err.text, "pull 'x': GET 'a?[31m?b??z'; check the cable");
    assert_int_equal(err.code, DR_ERR_NET);
    assert_int_equal(dr_code_status(err.code), 4);
}

static void what_is_no_utf8_is_replaced_and_what_is_stays(void **state)
{
    char bad[] = "a\xff\xc3 \xe2\x82|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82";
    char good[] = "\xc3\xa4 \xe2\x86\x92 \xf0\x9f\x90\x84";

    (void)state;
    dr_text_clean(bad);
    assert_string_equal(bad, "a?? ??|??|???|????|??");
    dr_text_clean(good);
    assert_string_equal(good, "\xc3\xa4 \xe2\x86\x92 \xf0\x9f\x90\x84");
}

static void in_html_no_text_becomes_a_tag(void **state)
{
    dr_auto_html struct dr_html html = DR_HTML_INIT(1000);
    struct dr_err err = DR_ERR_INIT;
    const char *text = NULL;
    size_t size = 0;

    (void)state;
    dr_html_markup(&html, "<p>");
    dr_html_text(&html, "</p><script>alert('a' & \"b\")</script>\n\033[2J\xc2\x9b\xff\xc3\xa4");
    dr_html_text(&html, NULL);
    dr_html_element(&html, "b class=\"x\"", "<i>");
    dr_html_printf(&html, "%s%d", "<", 7);
    check_ok(dr_html_end(&html, &text, &size, &err), &err);
    assert_string_equal(text, "<p>&lt;/p&gt;&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)"
                              "&lt;/script&gt;\n\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4"
                              "<b class=\"x\">&lt;i&gt;</b>&lt;7");
    assert_int_equal(size, strlen(text));
}

static void html_beyond_its_ceiling_is_an_error_at_the_end(void **state)
{
    dr_auto_html struct dr_html html = DR_HTML_INIT(10);
    struct dr_err err = DR_ERR_INIT;
    const char *text = NULL;
    size_t size = 0;

    (void)state;
    dr_html_element(&html, "title", "too long");
    dr_html_markup(&html, "<p>");
    check_fails(dr_html_end(&html, &text, &size, &err), &err, DR_ERR_FORMAT, "10 bytes");
}

static void an_error_longer_than_its_room_is_cut_not_overrun(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char long_text[4000];

    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    dr_fail(&err, DR_ERR_IO, "%s", long_text);
    dr_err_wrap(&err, "%s", long_text);
    dr_err_advise(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), DR_ERR_TEXT_MAX - 1);
}

static void a_buffer_stops_at_its_ceiling_and_keeps_what_it_had(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_buf struct dr_buf buf = DR_BUF_INIT(10);

    (void)state;
    check_ok(dr_buf_add_text(&buf, "12345", &err), &err);
    check_fails(dr_buf_add_text(&buf, "678901", &err), &err, DR_ERR_FORMAT, "10 bytes");
    assert_string_equal(buf.data, "12345");
    check_ok(dr_buf_printf(&buf, &err, "%d", 67890), &err);
    assert_string_equal(buf.data, "1234567890");
}

static void numbers_are_digits_within_bounds(void **state)
{
    static const char *const bad[] = {"",   "-1",  "+1",  " 1",
                                      "1 ", "0x1", "101", "99999999999999999999"};
    struct dr_err err = DR_ERR_INIT;
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dr_text_uint64(bad[i], 100, &value, &err), -1);
    check_ok(dr_text_uint64("100", 100, &value, &err), &err);
    assert_int_equal(value, 100);
    check_ok(dr_text_uint64("18446744073709551615", UINT64_MAX, &value, &err), &err);
    assert_true(value == UINT64_MAX);
    check_fails(dr_text_uint64("18446744073709551616", UINT64_MAX, &value, &err), &err,
                DR_ERR_FORMAT, "more than");
}

static void sizes_and_times_read_as_people_write_them(void **state)
{
    int64_t seconds = 0;
    char text[32];

    (void)state;
    dr_text_size(999, text);
    assert_string_equal(text, "999 B");
    dr_text_size(350000000, text);
    assert_string_equal(text, "350.0 MB");
    dr_text_size(999960, text);
    assert_string_equal(text, "1.0 MB");
    dr_text_size(UINT64_MAX, text);
    assert_string_equal(text, "18446.7 PB");
    dr_text_seconds(0.04, text);
    assert_string_equal(text, "0.0s");
    dr_text_seconds(125, text);
    assert_string_equal(text, "2m05s");
    dr_text_time(1464300818, text);
    assert_string_equal(text, "2016-05-26T22:13:38Z");
    dr_text_stamp("2016-05-26T22:13:38Z", text);
    assert_string_equal(text, "20160526T221338Z");
    assert_int_equal(dr_text_untime("2016-05-26T22:13:38Z", &seconds), 0);
    assert_int_equal(seconds, 1464300818);
    assert_int_equal(dr_text_untime("2016-02-30T00:00:00Z", &seconds), -1);
    assert_int_equal(dr_text_untime("", &seconds), -1);
}

static void a_time_is_of_one_form_and_in_the_calendar(void **state)
{
    static const char *const none[] = {"",
                                       "2016",
                                       "2016-05-26",
                                       "2016-05-26T22:13:38",
                                       "2016-02-30T22:13:38Z",
                                       "2016-05-26T22:13:38Z "};
    int64_t seconds = 7;

    (void)state;
    assert_int_equal(dr_text_untime("2016-05-26T22:13:38Z", &seconds), 0);
    assert_int_equal(seconds, 1464300818);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(dr_text_untime(none[i], &seconds), -1);
    assert_int_equal(seconds, 1464300818);
}

static void base64_is_padded_and_url_safe_where_asked(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_autofree char *plain = dr_text_base64("\xfb\xff\xfe!", 4, false, &err);
    dr_autofree char *url = dr_text_base64("\xfb\xff\xfe!", 4, true, &err);

    (void)state;
    assert_string_equal(plain, "+//+IQ==");
    assert_string_equal(url, "-__-IQ==");
}

static void digests_are_what_sha256sum_says(void **state)
{
    static const char abc[] =
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct dr_err err = DR_ERR_INIT;
    dr_auto_hash struct dr_hash *hash = dr_hash_new(&err);
    struct dr_digest streamed;
    struct dr_digest whole;
    struct dr_digest parsed;
    char text[DR_DIGEST_TEXT];

    (void)state;
    for (int round = 0; round < 2; round++) {
        dr_hash_add(hash, "ab", 2);
        dr_hash_add(hash, "c", 1);
        dr_hash_end(hash, &streamed);
        assert_string_equal(dr_digest_text(&streamed, text), abc);
    }
    dr_digest_of("abc", 3, &whole);
    check_ok(dr_digest_parse(abc, &parsed, &err), &err);
    assert_true(dr_digest_equal(&whole, &streamed) && dr_digest_equal(&whole, &parsed));
    check_fails(dr_digest_parse("sha256:BA7816", &parsed, &err), &err, DR_ERR_FORMAT, "BA7816");
    check_fails(dr_digest_parse("sha512:00", &parsed, &err), &err, DR_ERR_FORMAT, "sha512");
}

static void json_takes_one_clean_document_only(void **state)
{
    static const char *const bad[] = {"",
                                      "{} x",
                                      "{\"a\":1,\"a\":2}",
                                      "1",
                                      "{\"a\":\"\\u0000\"}",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":1e400}",
                                      "{\"a\":\"\xff\"}"};
    struct dr_err err = DR_ERR_INIT;
    json_auto_t *good = dr_json_parse("{\"n\":5,\"s\":\"x\",\"o\":{\"p\":[1]}}", 29, "doc", &err);
    const char *text;
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(dr_json_parse(bad[i], strlen(bad[i]), "doc", &err));
    assert_non_null(good);
    check_ok(dr_json_get_string(good, "s", &text, &err), &err);
    check_ok(dr_json_get_uint64(good, "n", &number, &err), &err);
    check_fails(dr_json_get_string(good, "n", &text, &err), &err, DR_ERR_FORMAT, "'n'");
    check_fails(dr_json_get_uint64(good, "none", &number, &err), &err, DR_ERR_FORMAT, "'none'");
    assert_true(json_is_array(dr_json_at(good, "o", "p", NULL)));
    assert_null(dr_json_at(good, "o", "q", "r", NULL));
}

static void a_file_is_committed_or_vanishes(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[] = "/tmp/drover-unit-XXXXXX";
    dr_autofree char *path = NULL;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(100);
    struct stat info;

    (void)state;
    assert_non_null(mkdtemp(folder));
    path = dr_file_join(folder, "state", &err);
    check_ok(dr_file_save(path, 0600, "old", 3, &err), &err);
    {
        dr_auto_file struct dr_file draft = DR_FILE_INIT;

        check_ok(dr_file_create(&draft, path, 0600, &err), &err);
        check_ok(dr_file_write(&draft, "new", 3, &err), &err);
    }
    check_ok(dr_file_read(path, &text, &err), &err);
    assert_string_equal(text.data, "old");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no draft was left */
}

static void reading_more_than_allowed_fails_and_names_the_file(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(100);

    (void)state;
    check_fails(dr_file_read("/dev/zero", &text, &err), &err, DR_ERR_FORMAT, "/dev/zero");
    check_fails(dr_file_read("/nowhere/x", &text, &err), &err, DR_ERR_IO, "/nowhere/x");
}

static void a_disk_that_is_too_small_is_told_before_writing(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_autoclose int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    struct stat info;

    (void)state;
    if (fd < 0)
        skip();
    check_fails(dr_file_reserve(fd, UINT64_C(1) << 60, "big", &err), &err, DR_ERR_IO, "free");
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 0);
}

static void a_file_system_without_files_so_large_is_told(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_autoclose int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    struct rlimit before;
    struct rlimit small = {.rlim_cur = 1 << 20};
    void (*signalled)(int) = signal(SIGXFSZ, SIG_IGN);
    int done;

    (void)state;
    assert_true(dr_file_most("/tmp") == UINT64_MAX && dr_file_most("/nowhere") == UINT64_MAX);
    if (fd < 0)
        skip();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    done = dr_file_reserve(fd, 2 << 20, "big", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, signalled);
    assert_int_equal(done, -1);
    assert_string_equal(err.text,
                        "reserve 2.1 MB for 'big': a file can't be so large there (on FAT "
                        "4.3 GB are the most)");
}

static void a_lock_is_held_by_one(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char path[] = "/tmp/drover-lock-XXXXXX";
    dr_autoclose int made = mkstemp(path);
    dr_autoclose int first = -1;
    int second = -1;

    (void)state;
    assert_true(made >= 0);
    check_ok(dr_file_lock(path, &first, &err), &err);
    check_fails(dr_file_lock(path, &second, &err), &err, DR_ERR_REFUSED, path);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_carry_context_and_never_control_characters),
        cmocka_unit_test(what_is_no_utf8_is_replaced_and_what_is_stays),
        cmocka_unit_test(in_html_no_text_becomes_a_tag),
        cmocka_unit_test(html_beyond_its_ceiling_is_an_error_at_the_end),
        cmocka_unit_test(an_error_longer_than_its_room_is_cut_not_overrun),
        cmocka_unit_test(a_buffer_stops_at_its_ceiling_and_keeps_what_it_had),
        cmocka_unit_test(numbers_are_digits_within_bounds),
        cmocka_unit_test(sizes_and_times_read_as_people_write_them),
        cmocka_unit_test(a_time_is_of_one_form_and_in_the_calendar),
        cmocka_unit_test(base64_is_padded_and_url_safe_where_asked),
        cmocka_unit_test(digests_are_what_sha256sum_says),
        cmocka_unit_test(json_takes_one_clean_document_only),
        cmocka_unit_test(a_file_is_committed_or_vanishes),
        cmocka_unit_test(reading_more_than_allowed_fails_and_names_the_file),
        cmocka_unit_test(a_disk_that_is_too_small_is_told_before_writing),
        cmocka_unit_test(a_file_system_without_files_so_large_is_told),
        cmocka_unit_test(a_lock_is_held_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
