/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
#include "tests/unit/check.h"

#include <stdio.h>

#include "lib/buf.h"
#include "lib/file.h"

static const struct {
    enum dr_code code;
    const char *name;
} codes[] = {
#define ROW(name, status, words) {DR_ERR_##name, #name},
    DR_CODES(ROW)
#undef ROW
};

static void the_page_has_the_row_of_every_code(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_buf struct dr_buf page = DR_BUF_INIT(1u << 20);

    (void)state;
    check_ok(dr_file_read(TEST_SOURCE "/docs/exit-status.md", &page, &err), &err);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char row[300];

        snprintf(row, sizeof row, "| %d | %s | %s |\n", dr_code_status(codes[i].code),
                 codes[i].name, dr_code_words(codes[i].code));
        if (!strstr(page.data, row))
            fail_msg("docs/exit-status.md has no row %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_the_row_of_every_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
