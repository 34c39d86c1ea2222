/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_REPORT_H
#define DROVER_APPLY_REPORT_H

/*
 * What the operator reads on stdout: before the upgrade what was found and will be done, after it what was done, and
 * the same as one JSON object where asked for.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"

/* Header and plan of a document of apply/look.h, and old and new container side by side: what differs, or `all`. */
void dr_report_plan(FILE *out, const json_t *state, bool all);

/* The same when there is nothing to do. */
void dr_report_nothing(FILE *out, const json_t *state);

/* After the end, of a record (apply/record.h). */
void dr_report_end(FILE *out, const json_t *record);

/* The whole record. */
int dr_report_json(FILE *out, const json_t *record, struct dr_err *err);

#endif
