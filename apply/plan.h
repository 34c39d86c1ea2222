/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PLAN_H
#define DROVER_APPLY_PLAN_H

/*
 * The plan: rows {"step", "object", "action", "why", "interruption"}, in the order in which they will happen; an
 * empty text is "none". Made before anything is changed, shown to the operator, kept in the journal.
 */

#include <jansson.h>
#include <stdio.h>

#include "lib/err.h"

struct dr_plan_row {
    const char *step;
    const char *object;
    const char *action;
    const char *why;
    const char *interruption;
};

/* NULL fields count as "". */
int dr_plan_add(json_t *rows, const struct dr_plan_row *row, struct dr_err *err);

/* Any table of texts: `keys` (ended by NULL) name the columns in each row, `heads` are above them. Columns are as wide
 * as their widest entry; control characters become '?'. */
void dr_plan_table(FILE *out, const json_t *rows, const char *const *keys,
                   const char *const *heads);

/* dr_plan_table() of a plan. */
void dr_plan_print(FILE *out, const json_t *rows);

#endif
