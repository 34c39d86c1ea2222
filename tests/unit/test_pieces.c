/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle */
/* A bundle in several files: every byte is where it belongs, across all borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/capacity.h"
#include "bundle/pieces.h"
#include "lib/file.h"
#include "lib/text.h"
#include "tests/unit/check.h"

#define SLICE 10
#define TOTAL 35
#define COUNT 4

static int temporary(void)
{
    char path[] = "/tmp/drover-piece-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void make(struct dr_pieces *pieces)
{
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_pieces_init(pieces, COUNT, SLICE, &err), &err);
    for (uint64_t i = 0; i < COUNT; i++)
        check_ok(dr_pieces_set(pieces, i, temporary(), "piece", "draft", &err), &err);
    check_ok(dr_pieces_reserve(pieces, TOTAL, 7, "bundle", &err), &err);
}

static uint64_t size_of(int fd)
{
    struct stat info;

    assert_int_equal(fstat(fd, &info), 0);
    return (uint64_t)info.st_size;
}

/* Every piece of every length, against the same in one array. */
static void test_every_range(void **unused)
{
    dr_auto_pieces struct dr_pieces pieces = DR_PIECES_INIT;
    struct dr_err err = DR_ERR_INIT;
    char model[TOTAL] = {0};
    char value = 0;

    (void)unused;
    make(&pieces);
    for (size_t offset = 0; offset < TOTAL; offset++) {
        for (size_t size = 0; size <= TOTAL - offset; size++) {
            char bytes[TOTAL];
            char found[TOTAL];

            memset(bytes, ++value, size);
            memcpy(model + offset, bytes, size);
            check_ok(dr_pieces_write(&pieces, bytes, size, offset, &err), &err);
            check_ok(dr_pieces_read(&pieces, found, TOTAL, 0, &err), &err);
            assert_memory_equal(found, model, TOTAL);
            check_ok(dr_pieces_read(&pieces, found, size, offset, &err), &err);
            assert_memory_equal(found, bytes, size);
        }
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        char found[SLICE];
        size_t size = i + 1 < COUNT ? SLICE : TOTAL - SLICE * (COUNT - 1);

        assert_int_equal(size_of(pieces.items[i].fd), size + 7);
        check_ok(dr_file_pread(pieces.items[i].fd, found, size, 0, "piece", &err), &err);
        assert_memory_equal(found, model + i * SLICE, size);
    }
}

static void test_a_piece_that_is_not_wanted(void **unused)
{
    dr_auto_pieces struct dr_pieces pieces = DR_PIECES_INIT;
    struct dr_err err = DR_ERR_INIT;
    char found[SLICE];

    (void)unused;
    make(&pieces);
    close(pieces.items[1].fd);
    pieces.items[1].fd = -1;
    check_ok(dr_pieces_write(&pieces, "0123456789abcdefghijABCDEFGHIJ", 30, 0, &err), &err);
    check_ok(dr_pieces_read(&pieces, found, SLICE, 20, &err), &err);
    assert_memory_equal(found, "ABCDEFGHIJ", SLICE);
    assert_int_equal(dr_pieces_read(&pieces, found, SLICE, 5, &err), -1);
}

static void test_what_has_a_place(void **unused)
{
    static const struct {
        uint64_t offset;
        uint64_t size;
        enum dr_cover cover;
    } cases[] = {
        {0, 5, DR_COVER_NONE},   {0, 10, DR_COVER_NONE}, {9, 2, DR_COVER_SOME},
        {10, 10, DR_COVER_ALL},  {12, 3, DR_COVER_ALL},  {19, 2, DR_COVER_SOME},
        {20, 15, DR_COVER_NONE}, {0, 35, DR_COVER_SOME}, {10, 1, DR_COVER_ALL},
        {19, 1, DR_COVER_ALL},   {20, 1, DR_COVER_NONE}, {9, 1, DR_COVER_NONE},
    };
    dr_auto_pieces struct dr_pieces one = DR_PIECES_INIT;
    dr_auto_pieces struct dr_pieces all = DR_PIECES_INIT;
    dr_auto_pieces struct dr_pieces later = DR_PIECES_INIT; /* that are not known yet */
    struct dr_err err = DR_ERR_INIT;

    (void)unused;
    make(&all);
    check_ok(dr_pieces_init(&one, COUNT, SLICE, &err), &err);
    check_ok(dr_pieces_set(&one, 1, temporary(), "piece", "draft", &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dr_pieces_cover(&one, cases[i].offset, cases[i].size), cases[i].cover);
        assert_int_equal(dr_pieces_cover(&all, cases[i].offset, cases[i].size), DR_COVER_ALL);
        assert_int_equal(dr_pieces_cover(&later, cases[i].offset, cases[i].size), DR_COVER_ALL);
    }
}

static void test_cutting(void **unused)
{
    static const struct {
        uint64_t total;
        uint64_t count;
        uint64_t last;
    } cases[] = {{34, 4, 4}, {31, 4, 1}, {30, 3, 10}, {12, 2, 2}, {10, 1, 10}, {1, 1, 1}};

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dr_auto_pieces struct dr_pieces pieces = DR_PIECES_INIT;
        struct dr_err err = DR_ERR_INIT;

        make(&pieces);
        check_ok(dr_pieces_cut(&pieces, cases[i].total, &err), &err);
        assert_int_equal(pieces.count, cases[i].count);
        assert_int_equal(size_of(pieces.items[pieces.count - 1].fd), cases[i].last);
    }
}

static void test_one_file(void **unused)
{
    dr_auto_pieces struct dr_pieces pieces = DR_PIECES_INIT;
    struct dr_err err = DR_ERR_INIT;
    char found[4];

    (void)unused;
    check_ok(dr_pieces_init(&pieces, 1, UINT64_MAX, &err), &err);
    check_ok(dr_pieces_set(&pieces, 0, temporary(), "whole", "draft", &err), &err);
    check_ok(dr_pieces_reserve(&pieces, 1 << 20, 0, "bundle", &err), &err);
    check_ok(dr_pieces_write(&pieces, "abcd", 4, (1 << 20) - 4, &err), &err);
    check_ok(dr_pieces_read(&pieces, found, 4, (1 << 20) - 4, &err), &err);
    assert_memory_equal(found, "abcd", 4);
    assert_int_equal(size_of(pieces.items[0].fd), 1 << 20);
    check_ok(dr_pieces_cut(&pieces, 5, &err), &err);
    assert_int_equal(size_of(pieces.items[0].fd), 5);
}

static void test_a_disk_without_room(void **unused)
{
    dr_auto_pieces struct dr_pieces pieces = DR_PIECES_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)unused;
    check_ok(dr_pieces_init(&pieces, 2, UINT64_C(1) << 59, &err), &err);
    for (uint64_t i = 0; i < 2; i++)
        check_ok(dr_pieces_set(&pieces, i, temporary(), "piece", "draft", &err), &err);
    check_fails(dr_pieces_reserve(&pieces, UINT64_C(1) << 60, 0, "OUT", &err), &err, DR_ERR_IO,
                "'OUT' needs");
}

static void test_sizes(void **unused)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: none */
    } cases[] = {
        {"1", 1},
        {"700M", UINT64_C(700) << 20},
        {"700m", UINT64_C(700) << 20},
        {"4G", UINT64_C(4) << 30},
        {"4GB", UINT64_C(4000000000)},
        {"1kB", 1000},
        {"2T", UINT64_C(2) << 40},
        {"fat32", UINT64_C(4294967295)},
        {"cd", UINT64_C(733085696)},
        {"dvd", UINT64_C(4696178688)},
        {"dvd-dl", UINT64_C(8539471872)},
        {"bd", UINT64_C(24215814144)},
        {"", 0},
        {"0", 0},
        {"M", 0},
        {"1B", 0},
        {"1Mb", 0},
        {"1MiB", 0},
        {"1 M", 0},
        {"-1", 0},
        {"1.5G", 0},
        {"DVD", 0},
        {"99999999999999999999", 0},
        {"9999999T", 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dr_err err = DR_ERR_INIT;
        uint64_t bytes = 0;

        if (cases[i].bytes)
            check_ok(dr_capacity_read(cases[i].text, &bytes, &err), &err);
        else
            check_fails(dr_capacity_read(cases[i].text, &bytes, &err), &err, DR_ERR_USAGE,
                        "is neither a size");
        assert_int_equal(bytes, cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_range),
        cmocka_unit_test(test_a_piece_that_is_not_wanted),
        cmocka_unit_test(test_what_has_a_place),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_a_disk_without_room),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
