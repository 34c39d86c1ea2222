/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_AUDIT_RECEIPT_H
#define DROVER_MIRROR_AUDIT_RECEIPT_H

/* The receipt of an audit: what a registry was seen to have of a bundle, signed, for the connected side. */

#include <jansson.h>

#include "bundle/file/reader.h"
#include "bundle/receipt/receipt.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/registry/registry.h"
#include "mirror/audit/audit.h"
#include "mirror/audit/destination.h"

/* Where it goes, and who signs it. Borrowed. */
struct dr_receipt_wish {
    const char *path; /* NULL: none is wanted */
    const struct dr_key *key;
};

/* What was written. */
struct dr_receipt_saved {
    const char *path; /* borrowed from the wish; NULL: nothing was */
    size_t size;
    struct dr_digest digest; /* of the file */
    struct dr_receipt_totals totals;
};

/* In a sentence (nothing where nothing was written), and as JSON. NULL: no memory. */
void dr_receipt_tell(const struct dr_receipt_saved *saved, const struct dr_log *log);
json_t *dr_receipt_describe(const struct dr_receipt_saved *saved);

/* Of what was audited at `time`; an existing file is replaced. Nothing without a wish. */
int dr_receipt_save(const struct dr_receipt_wish *wish, const struct dr_bundle *bundle,
                    const struct dr_destination *destination, const struct dr_audit *audit,
                    bool deep, int64_t time, struct dr_receipt_saved *ret_saved,
                    struct dr_err *err);

/* Asks the registry (without hashing), and saves the receipt of that; nothing without a wish. DR_ERR_PROOF: the
 * receipt is there, and tells of gaps. */
int dr_receipt_take(const struct dr_receipt_wish *wish, struct dr_registry *registry,
                    const struct dr_bundle *bundle, const struct dr_destination *destination,
                    const struct dr_log *log, struct dr_receipt_saved *ret_saved,
                    struct dr_err *err);

#endif
