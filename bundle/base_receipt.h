/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_BASE_RECEIPT_H
#define DROVER_BUNDLE_BASE_RECEIPT_H

/* A receipt as a base: what a registry behind the gap was seen to have need not be carried again. */

#include "bundle/base.h"
#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"

/* Adds what the receipt says is there. Warns of one that is old, or contradicts another. DR_ERR_VERIFY: none of the
 * trust's keys has signed it; DR_ERR_USAGE: there is none. */
int dr_base_receipt_read(struct dr_bases *bases, const char *path,
                         const struct dr_bundle_trust *trust, const struct dr_log *log,
                         struct dr_err *err);

#endif
