/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_REPORT_H
#define DROVER_BUNDLE_PARITY_REPORT_H

/* What `drover repair` found and did, to stdout: of each file a map of its damage, and what was hit. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bundle/parity/pool.h"
#include "lib/err.h"

/* Over the whole pool. */
struct dr_tally {
    uint64_t bad;      /* blocks, and files' ends, that were bad */
    uint64_t restored; /* of them */
    uint64_t missing;  /* files */
    uint64_t lost;     /* blocks of the bundle itself that nothing can make */
    bool data_whole;   /* the bundle, or all of its volumes, are */
};

struct dr_tally dr_report_count(const struct dr_pool *pool);

/* `done`: what is restorable was written. */
void dr_report_print(const struct dr_pool *pool, bool done, FILE *out);
int dr_report_print_json(const struct dr_pool *pool, bool done, bool verified, FILE *out,
                         struct dr_err *err);

#endif
