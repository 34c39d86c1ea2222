/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_PACING_H
#define DROVER_CLI_PACING_H

/* --line-rate and --read-rate, by which a dry run tells how long it would take. */

#include "cli/cli.h"
#include "lib/pace.h"

/* Rows for a table of options. */
#define DR_PACING_OPTIONS(pace)                                                                    \
    {"line-rate", 0, DR_OPTION_RATE, &(pace).line},                                                \
    {                                                                                              \
        "read-rate", 0, DR_OPTION_RATE, &(pace).read                                               \
    }

/* `plans`: this run only tells. DR_ERR_USAGE: it does not, and a rate was given. `limit` (--limit-rate; 0: none) is
 * what the line is used for at most. */
int dr_pacing_check(struct dr_pace *pace, bool plans, uint64_t limit, struct dr_err *err);

#endif
