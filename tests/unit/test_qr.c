/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_cli */
/* QR pictures: the squares that are printed are those of the code, with light ones around. */
#include "tests/unit/check.h"

#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/qr.h"

#define TEXT "011CR5AYMZRKMGWCTRFPHCFV0HJ0/026SDR19EANH"
#define MARGIN 4

static char *print(const char *text, bool paper)
{
    struct dr_err err = DR_ERR_INIT;
    char *printed = NULL;
    size_t size;
    FILE *to = open_memstream(&printed, &size);

    check_ok(dr_qr_print(text, paper, to, &err), &err);
    fclose(to);
    return printed;
}

/* The next character's two squares, as letters are drawn. */
static void take(const char **at, bool ret[2])
{
    static const char *const blocks[] = {" ", "▀", "▄", "█"};

    for (size_t i = 0; i < 4; i++) {
        if (strncmp(*at, blocks[i], strlen(blocks[i])) != 0)
            continue;
        ret[0] = i & 1;
        ret[1] = i & 2;
        *at += strlen(blocks[i]);
        return;
    }
    fail_msg("no block: '%s'", *at);
}

static void check_picture(bool paper)
{
    QRcode *code = QRcode_encodeString(TEXT, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    char *printed = print(TEXT, paper);
    const char *at = printed;

    for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
        for (int x = -MARGIN; x < code->width + MARGIN; x++) {
            bool drawn[2];

            take(&at, drawn);
            for (int row = 0; row < 2 && y + row < code->width + MARGIN; row++) {
                bool inside = x >= 0 && y + row >= 0 && x < code->width && y + row < code->width;
                bool dark = inside && code->data[(y + row) * code->width + x] & 1;

                assert_int_equal(drawn[row], dark == paper);
            }
        }
        assert_int_equal(*at++, '\n');
    }
    assert_int_equal(*at, '\0');
    free(printed);
    QRcode_free(code);
}

static void squares_are_those_of_the_code(void **state)
{
    (void)state;
    check_picture(true);
    check_picture(false);
}

static void more_than_a_picture_holds_is_refused(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    static char text[8000];

    (void)state;
    memset(text, 'A', sizeof text - 1);
    check_fails(dr_qr_print(text, false, stdout, &err), &err, DR_ERR_REFUSED, "too much");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_are_those_of_the_code),
        cmocka_unit_test(more_than_a_picture_holds_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
