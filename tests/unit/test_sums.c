/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/sums.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD A "  bundle.json\n" A "  oci-layout\n" A "  index.json\n" A "  manifest.json\n"
#define BLOB_A A "  blobs/sha256/" A "\n"
#define BLOB_B B "  blobs/sha256/" B "\n"
#define README A "  READ-ME-FIRST.txt\n"

static int parse(const char *text, struct dr_sums *ret_sums, struct dr_err *err)
{
    return dr_sums_parse(text, strlen(text), ret_sums, err);
}

static void reads_the_lists_that_bundles_have_and_writes_them_back(void **state)
{
    static const char *const rows[] = {
        HEAD,
        HEAD BLOB_B BLOB_A,
        HEAD BLOB_A README,
        HEAD README A "  drover-aarch64\n" A "  drover-x86_64\n",
        HEAD BLOB_A A "  drover-x86_64\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
        dr_auto_buf struct dr_buf again = DR_BUF_INIT(65536);
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(parse(rows[i], &sums, &err), 0);
        for (size_t j = 0; j < sums.count; j++)
            assert_int_equal(dr_sums_add(&again, sums.lines[j].name, &sums.lines[j].digest, &err),
                             0);
        assert_string_equal(again.data, rows[i]);
    }
}

static void refuses_every_other_list(void **state)
{
    static const char *const rows[] = {
        "",
        "\n",
        A "  bundle.json\n",
        A "  bundle.json\n" A "  oci-layout\n" A "  index.json\n",
        A "  oci-layout\n" A "  bundle.json\n" A "  index.json\n" A "  manifest.json\n",
        HEAD "\n",
        HEAD "#\n",
        HEAD HEAD,
        HEAD A "  manifest.json\n",
        HEAD A "  SHA256SUMS\n",
        HEAD A "  SHA256SUMS.sig\n",
        HEAD A "  blobs/sha256/" B "\n",
        HEAD A "  blobs/sha256/" A "/\n",
        HEAD A "  blobs/sha256/" A A "\n",
        HEAD A "  blobs/sha256/../sha256/" A "\n",
        HEAD A "  ./blobs/sha256/" A "\n",
        HEAD A "  /etc/passwd\n",
        HEAD A "  \n",
        HEAD A "  evil\n",
        HEAD A "  drover-\n",
        HEAD A "  drover-X86\n",
        HEAD A "  drover-x/y\n",
        HEAD A "  READ-ME-FIRST.txt\r\n",
        HEAD A "  READ-ME-FIRST.txt",
        HEAD A " READ-ME-FIRST.txt\n",
        HEAD A " *READ-ME-FIRST.txt\n",
        HEAD A "   READ-ME-FIRST.txt\n",
        HEAD A "\tREAD-ME-FIRST.txt\n",
        HEAD README README,
        HEAD README BLOB_A,
        HEAD A "  drover-x86_64\n" README,
        HEAD A "  drover-x86_64\n" A "  drover-x86_64\n",
        HEAD A "  drover-x86_64\n" A "  drover-aarch64\n",
        HEAD
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  READ-ME-FIRST.txt\n",
        HEAD "aaaa  READ-ME-FIRST.txt\n",
        HEAD A "  \303\244\n",
        HEAD A "  \033[2J\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(parse(rows[i], &sums, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
        assert_null(strchr(err.text, '\033'));
        assert_null(sums.lines);
    }
}

static void refuses_a_nul_inside_a_name(void **state)
{
    static const char text[] = HEAD A "  READ-ME-FIRST.txt\0\n";
    dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    assert_int_equal(dr_sums_parse(text, sizeof text - 1, &sums, &err), -1);
}

static void refuses_a_list_above_its_ceiling(void **state)
{
    dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
    struct dr_err err = DR_ERR_INIT;
    char *text = calloc(1, DR_SUMS_MAX + 1);

    (void)state;
    assert_non_null(text);
    assert_int_equal(dr_sums_parse(text, DR_SUMS_MAX + 1, &sums, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    free(text);
}

static void knows_the_names_of_cosignatures(void **state)
{
    (void)state;
    assert_true(dr_sums_is_cosignature("SHA256SUMS.0123456789abcdef.sig"));
    assert_false(dr_sums_is_cosignature("SHA256SUMS.sig"));
    assert_false(dr_sums_is_cosignature("SHA256SUMS.0123456789abcde.sig"));
    assert_false(dr_sums_is_cosignature("SHA256SUMS.0123456789abcdef0.sig"));
    assert_false(dr_sums_is_cosignature("SHA256SUMS.0123456789ABCDEF.sig"));
    assert_false(dr_sums_is_cosignature(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_lists_that_bundles_have_and_writes_them_back),
        cmocka_unit_test(refuses_every_other_list),
        cmocka_unit_test(refuses_a_nul_inside_a_name),
        cmocka_unit_test(refuses_a_list_above_its_ceiling),
        cmocka_unit_test(knows_the_names_of_cosignatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
