/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file PkgConfig::ARCHIVE */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <string.h>

#include "bundle/file/header.h"
#include "bundle/file/layout.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GIB (UINT64_C(1) << 30)

static const uint64_t sizes[] = {
    0,           1,           2,           7,           8,           511,
    512,         513,         4096,        65535,       1000000,     2 * GIB - 1,
    2 * GIB,     2 * GIB + 1, 4 * GIB - 1, 4 * GIB,     4 * GIB + 1, 8 * GIB - 2,
    8 * GIB - 1, 8 * GIB,     8 * GIB + 1, 9 * GIB + 7, 1024 * GIB,  INT64_MAX,
};
#define SIZE_COUNT (sizeof sizes / sizeof *sizes)

#define BLOB "blobs/sha256/" HEX

static const char *const names[] = {
    "SHA256SUMS",        "SHA256SUMS.sig", "SHA256SUMS.0123456789abcdef.sig", "bundle.json", BLOB,
    "READ-ME-FIRST.txt", "drover-x86_64",
};

static void ask_libarchive(const char *name, uint64_t size, int mode,
                           unsigned char ret_block[DR_BLOCK])
{
    static unsigned char room[1 << 16];
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, (mode_t)mode);
    archive_entry_set_mtime(entry, 0, 0);
    assert_int_equal(archive_write_set_format_gnutar(archive), ARCHIVE_OK);
    archive_write_set_bytes_per_block(archive, DR_BLOCK);
    assert_int_equal(archive_write_open_memory(archive, room, sizeof room, &used), ARCHIVE_OK);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(used, DR_BLOCK);
    memcpy(ret_block, room, DR_BLOCK);
    archive_entry_free(entry);
    archive_write_free(archive);
}

static void headers_are_those_of_libarchives_gnutar_writer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t j = 0; j < SIZE_COUNT; j++) {
            unsigned char theirs[DR_BLOCK];
            unsigned char ours[DR_BLOCK];

            ask_libarchive(names[i], sizes[j], strncmp(names[i], "drover-", 7) ? 0644 : 0755,
                           theirs);
            dr_header_make(names[i], sizes[j], ours);
            assert_memory_equal(ours, theirs, DR_BLOCK);
        }
    }
}

static void the_size_that_was_put_in_is_found_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        unsigned char block[DR_BLOCK];
        uint64_t size;

        dr_header_make("bundle.json", sizes[i], block);
        assert_int_equal(dr_header_size(block, &size), 0);
        assert_int_equal(size, sizes[i]);
    }
}

static void sizes_that_are_no_numbers_are_refused(void **state)
{
    static const char *const fields[] = {
        "           \0",
        "0000000000a\0",
        "-0000000001\0",
        "\0\0\0\0\0\0\0\0\0\0\0\0",
        "\377\377\377\377\377\377\377\377\377\377\377\377",
        "\200\0\0\0\200\0\0\0\0\0\0\0",
        "\200\0\0\1\0\0\0\0\0\0\0\0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        unsigned char block[DR_BLOCK];
        uint64_t size;

        dr_header_make("bundle.json", 5, block);
        memcpy(block + 124, fields[i], 12);
        assert_int_equal(dr_header_size(block, &size), -1);
    }
}

static void members_lie_one_behind_the_other(void **state)
{
    dr_auto_layout struct dr_layout layout = DR_LAYOUT_INIT;
    struct dr_err err = DR_ERR_INIT;
    uint64_t end = 0;

    (void)state;
    for (size_t i = 0; i + 1 < SIZE_COUNT; i++) {
        const struct dr_member *member;

        assert_int_equal(dr_layout_add(&layout, "bundle.json", sizes[i], NULL, &err), 0);
        member = &layout.members[i];
        assert_int_equal(member->offset, end + DR_BLOCK);
        end = member->offset + (sizes[i] + DR_BLOCK - 1) / DR_BLOCK * DR_BLOCK;
        assert_int_equal(layout.end, end);
        assert_int_equal(dr_layout_total(&layout), end + 1024);
    }
}

static void a_file_beyond_all_bounds_is_refused(void **state)
{
    const uint64_t half = UINT64_C(1) << 61;
    dr_auto_layout struct dr_layout layout = DR_LAYOUT_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_layout_add(&layout, "a", half, NULL, &err), 0);
    assert_int_equal(dr_layout_add(&layout, "b", half - DR_BLOCK, NULL, &err), 0);
    assert_int_equal(dr_layout_add(&layout, "c", 1, NULL, &err), -1);
    assert_int_equal(dr_layout_add(&layout, "c", UINT64_MAX, NULL, &err), -1);
    assert_int_equal(err.code, DR_ERR_FORMAT);
    assert_int_equal(layout.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_those_of_libarchives_gnutar_writer),
        cmocka_unit_test(the_size_that_was_put_in_is_found_again),
        cmocka_unit_test(sizes_that_are_no_numbers_are_refused),
        cmocka_unit_test(members_lie_one_behind_the_other),
        cmocka_unit_test(a_file_beyond_all_bounds_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
