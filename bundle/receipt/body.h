/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_RECEIPT_BODY_H
#define DROVER_BUNDLE_RECEIPT_BODY_H

/* The lines of a receipt, from its first to the one before the signature: what is signed. */

#include "bundle/receipt/receipt.h"
#include "lib/buf.h"
#include "lib/err.h"

/* Appended to `ret_text`. DR_ERR_REFUSED: it says more than a receipt has room for. */
int dr_receipt_body(const struct dr_receipt *receipt, struct dr_buf *ret_text, struct dr_err *err);

/* The inverse, into a receipt that is empty but for its seal; plain text, whose first line was looked at. Numbers may
 * be written in other ways, and the totals are not read: the caller writes it again and compares. DR_ERR_VERIFY names
 * the line. */
int dr_receipt_body_read(const char *body, struct dr_receipt *receipt, struct dr_err *err);

#endif
