/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_TYPED_H
#define DROVER_LIB_TYPED_H

/*
 * Bytes for people to type: numbered lines of digits and letters, each with two check characters, so that a slip is
 * found and named by its line.
 *
 *     01  041G ENAA N86G Q6YW 3C5Q 6T39  7K
 *     02  ...
 *
 * The alphabet is Crockford's base32: no I, L, O, U. Read back, case does not matter, O is 0, I and l are 1; spaces,
 * dashes and empty lines are passed over, and so is what stands behind a '#'. A '/' ends a line too (codes in QR
 * pictures have it). A line holds 15 bytes, the last one fewer. The check characters are those of a Reed-Solomon code
 * over the 32 characters, line number included: one wrong character, or two, in a line never pass, be they swapped.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

#define DR_TYPED_LINES_MAX 99
#define DR_TYPED_BYTES_MAX ((size_t)15 * DR_TYPED_LINES_MAX)

/* Appends the lines; `wide` with spaces between and an end of line each, else bare with '/' between them.
 * DR_ERR_REFUSED: more bytes than anybody types. */
int dr_typed_write(const void *bytes, size_t size, bool wide, struct dr_buf *ret_text,
                   struct dr_err *err);

/* Appends the bytes. DR_ERR_FORMAT names the line, and where only one character can be wrong, which. */
int dr_typed_read(const char *text, size_t size, struct dr_buf *ret_bytes, struct dr_err *err);

#endif
