/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_RECEIPT_TEXT_H
#define DROVER_BUNDLE_RECEIPT_TEXT_H

/*
 * A receipt as a file: lines of ASCII, the signature at the end (docs/bundle-format.md, "Receipts"). There is one text
 * for what it says, and what was read is written again and compared, so nothing else is ever accepted. The signature
 * comes first: of a text that nobody who is believed has signed only the first line was looked at.
 *
 *     dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
 *     if (dr_receipt_read("site.receipt", keys, key_count, &receipt, err) < 0) ...
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/receipt/receipt.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"

#define DR_RECEIPT_FORMAT "drover-receipt/1"
#define DR_RECEIPT_MAX (4u << 20)

/* Does a file that begins like this claim to be a receipt, of whatever version? */
bool dr_receipt_is_text(const char *begin, size_t size);

/* The signed text of a receipt, appended to `ret_text`. DR_ERR_REFUSED: it says more than a receipt can. */
int dr_receipt_sign(const struct dr_receipt *receipt, const struct dr_key *key,
                    struct dr_buf *ret_text, struct dr_err *err);

/* The text with the signature that is in receipt->seal. */
int dr_receipt_sealed(const struct dr_receipt *receipt, struct dr_buf *ret_text,
                      struct dr_err *err);

/* With keys: one of them must have signed it. Without any nobody vouches for what it says (receipt->seal.verified is
 * false): to be shown, never to be acted on. DR_ERR_VERIFY: not signed by any of them, cut off, changed; DR_ERR_REFUSED:
 * of a version that this drover does not know; DR_ERR_FORMAT: no receipt at all, or too large. */
int dr_receipt_parse(const char *text, size_t size, const struct dr_key *const *keys,
                     size_t key_count, struct dr_receipt *ret_receipt, struct dr_err *err);
int dr_receipt_read(const char *path, const struct dr_key *const *keys, size_t key_count,
                    struct dr_receipt *ret_receipt, struct dr_err *err);

#endif
