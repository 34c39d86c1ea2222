/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_ROLLBACK_REPORT_H
#define DROVER_APPLY_ROLLBACK_REPORT_H

/* What the operator reads about a rollback: before it what will happen and what is lost, after it what is where. */

#include <jansson.h>
#include <stdio.h>

/* `rollback` as apply/restored.h makes it, not yet in `state`. */
void dr_report_rollback(FILE *out, const json_t *state, const json_t *rollback);

/* After the end: `journal` is where the document was put. */
void dr_report_rollback_end(FILE *out, const json_t *state, const char *journal);

#endif
