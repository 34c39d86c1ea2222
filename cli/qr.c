/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>

/* Readers want so many light squares around it (ISO/IEC 18004, 5.3.8). */
#define MARGIN 4

static void cleanup_code(QRcode **code)
{
    QRcode_free(*code);
}

/* Whether that square is to be drawn in the colour of letters. */
static bool is_drawn(const QRcode *code, int x, int y, bool paper)
{
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    bool dark = inside && code->data[y * code->width + x] & 1;

    /* Below the picture's last row there may be half a line. */
    return y < code->width + MARGIN && dark == paper;
}

static const char *block(bool upper, bool lower)
{
    if (upper)
        return lower ? "█" : "▀";
    return lower ? "▄" : " ";
}

int dr_qr_print(const char *text, bool paper, FILE *to, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_code))) QRcode *code =
        QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);

    if (!code && errno == ENOMEM)
        return dr_fail_memory(err);
    if (!code)
        return dr_fail(err, DR_ERR_REFUSED, "it is too much for a QR picture");
    for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
        for (int x = -MARGIN; x < code->width + MARGIN; x++)
            fputs(block(is_drawn(code, x, y, paper), is_drawn(code, x, y + 1, paper)), to);
        fputc('\n', to);
    }
    return 0;
}
