/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RECORD_WORDS_H
#define DROVER_APPLY_RECORD_WORDS_H

/* The parts of a record (apply/record.h) that are words, names and commands: "headline" and "ok", "images",
 * "settings", "left_out", "restore", "checks". */

#include <jansson.h>

#include "lib/err.h"

/* Of what dr_record_make() has put into `record` already. */
int dr_record_words(json_t *record, const json_t *state, struct dr_err *err);

#endif
