/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_RECEIPT_CODE_H
#define DROVER_BUNDLE_RECEIPT_CODE_H

/*
 * A receipt in about a hundred bytes, for lib/typed.h and a QR picture: where nothing electronic may leave a site. It
 * says nothing that follows from the bundle, so it is read with the bundle, which the connected side has kept; out of both
 * comes the very text that was signed, and its signature is as good as before (docs/bundle-format.md, "Receipts").
 */

#include <stddef.h>

#include "bundle/file/reader.h"
#include "bundle/receipt/receipt.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"

/* Room that a code takes. Beyond it nobody types, and no picture holds it. */
#define DR_RECEIPT_CODE_MAX 1485

/* Of a receipt that was read, appended. DR_ERR_REFUSED: so much is missing here and there that it has no room. */
int dr_receipt_code_write(const struct dr_receipt *receipt, struct dr_buf *ret_bytes,
                          struct dr_err *err);

/* Appends the text of the receipt. The bundle need not have been verified: what it would say wrong, nobody has signed.
 * DR_ERR_FORMAT: it is no code, or not all of it; DR_ERR_REFUSED: it is of another bundle or version; DR_ERR_VERIFY:
 * none of the keys has signed what it says. */
int dr_receipt_code_read(const void *bytes, size_t size, const struct dr_bundle *bundle,
                         const struct dr_key *const *keys, size_t key_count,
                         struct dr_buf *ret_text, struct dr_err *err);

/* The same for a receipt that dr_receipt_make() has made of the bundle, and which it fills. */
int dr_receipt_code_fill(const void *bytes, size_t size, struct dr_receipt *receipt,
                         const struct dr_key *const *keys, size_t key_count,
                         struct dr_buf *ret_text, struct dr_err *err);

#endif
