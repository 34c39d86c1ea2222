/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SIDES_H
#define DROVER_APPLY_SIDES_H

/* Old and new container side by side, for reading (apply/server/sides.h). */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A table of the rows: those that differ, or `all`. Nothing is printed for no rows. */
void dr_sides_print(FILE *out, const json_t *rows, bool all);

#endif
