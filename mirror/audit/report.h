/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_AUDIT_REPORT_H
#define DROVER_MIRROR_AUDIT_REPORT_H

/*
 * `drover audit`: the audit of one registry, as a report on stdout. A line per image, "TARGET  DIGEST
 * complete", or "2 gaps" and each of them below it; or one JSON object.
 */

#include <stdbool.h>

#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"
#include "mirror/audit/destination.h"
#include "mirror/audit/receipt.h"

struct dr_audit_options {
    const char *bundle;   /* path */
    const char *registry; /* HOST[:PORT][/PREFIX] */
    const struct dr_bundle_trust *trust;
    struct dr_destination_options reach;
    bool deep; /* download and hash every config and layer */
    bool json;
    struct dr_receipt_wish receipt;
};

/* 0: all of the bundle is there. After the report of gaps: DR_ERR_ABSENT when something is missing,
 * DR_ERR_PROOF when something is there and is not what its digest says, which mirror can't mend. */
int dr_audit_run(const struct dr_audit_options *options, const struct dr_log *log,
                 struct dr_err *err);

#endif
