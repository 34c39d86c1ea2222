/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_QR_H
#define DROVER_CLI_QR_H

/* QR pictures out of characters (libqrencode), two rows of squares in a line of text. */

#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"

/* For light letters on dark, as terminals mostly are; `paper`: for dark ones on light. DR_ERR_REFUSED: more text than a
 * picture holds. */
int dr_qr_print(const char *text, bool paper, FILE *to, struct dr_err *err);

#endif
