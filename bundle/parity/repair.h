/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_REPAIR_H
#define DROVER_BUNDLE_PARITY_REPAIR_H

/*
 * `drover repair`: finds what belongs to a bundle, reads everything once, restores what is damaged or missing as far as
 * parity (or another copy of a volume) goes, reads everything again, and tells all of that.
 */

#include <stdbool.h>
#include <stdio.h>

#include "bundle/parity/find.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_repair_options {
    struct dr_find_options find;
    const char *folder; /* -o: restored files go there as new ones; NULL: in place */
    bool dry_run;       /* only what is damaged, and what could be restored */
    bool json;
    FILE *out; /* for the report */
};

/* Prints the report, also when it fails after the first reading. DR_ERR_VERIFY: something of the bundle cannot
 * be restored; DR_ERR_PROOF: a medium did not keep what was written; DR_ERR_REFUSED: a medium cannot be written. */
int dr_repair_run(const struct dr_repair_options *options, const struct dr_log *log,
                  struct dr_err *err);

#endif
