/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PLAN_H
#define DROVER_APPLY_PLAN_H

/*
 * The plan: rows {"step", "object", "action", "why", "interruption"}, in the order in which they will happen; an
 * empty text is "none". Made before anything is changed, shown to the operator, kept in the journal.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"

/* The action of rows that tell of something that is not touched. */
#define DR_PLAN_LEFT_ALONE "left alone"

struct dr_plan_row {
    const char *step;
    const char *object;
    const char *action;
    const char *why;
    const char *interruption;
};

/* NULL fields count as "". */
int dr_plan_add(json_t *rows, const struct dr_plan_row *row, struct dr_err *err);

/* One column of a table: `key` names the text in each row, texts longer than `width` are wrapped between words (0: as
 * wide as the widest). With `ditto` a text that is the same as in the row above becomes '"'. */
struct dr_column {
    const char *head;
    const char *key;
    int width;
    bool ditto;
};

/* A table of rows; `columns` end with a NULL head, there are at most DR_COLUMNS_MAX. Control characters become '?'. */
#define DR_COLUMNS_MAX 8
void dr_plan_table(FILE *out, const json_t *rows, const struct dr_column *columns);

/* A plan for reading, at most 100 columns but for long references: each row a line, under it why and what it
 * interrupts; rows that only have another object say "the same". */
void dr_plan_print(FILE *out, const json_t *rows);

#endif
