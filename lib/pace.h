/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_PACE_H
#define DROVER_LIB_PACE_H

/* How long so many bytes take at the speed of a line or of a medium: what plans (--dry-run) tell. */

#include <jansson.h>
#include <stdint.h>

#include "lib/err.h"

/* Bytes per second; 0: nobody has said it, and nothing is told. */
struct dr_pace {
    uint64_t line; /* between this machine and the registry */
    uint64_t read; /* of what the bundle is carried on */
};

/* Rounded up. `rate` is not 0. */
uint64_t dr_pace_seconds(uint64_t bytes, uint64_t rate);

/* "about 12 min at 2.5 MB/s", rounded up to what people plan with. */
#define DR_PACE_TEXT 64
const char *dr_pace_text(uint64_t bytes, uint64_t rate, char ret[DR_PACE_TEXT]);

/* Sets `key` of a plan to the seconds; with a rate of 0 nothing is set. */
int dr_pace_json(json_t *plan, const char *key, uint64_t bytes, uint64_t rate, struct dr_err *err);

#endif
