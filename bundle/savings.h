/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SAVINGS_H
#define DROVER_BUNDLE_SAVINGS_H

/* What each base of a delta is worth: for a plan (bundle/rehearsal.h), which may be made again with fewer of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/delta.h"
#include "lib/err.h"

struct dr_saving {
    size_t layers; /* that it alone would save */
    uint64_t bytes;
    /* The others know of all these. All that are said to be so can be left away together. */
    bool superfluous;
};

/* One for each of `count` bases, in their order; owned. `delta` may be NULL: they save nothing. */
struct dr_saving *dr_savings_new(const struct dr_delta *delta, size_t count, struct dr_err *err);

#endif
