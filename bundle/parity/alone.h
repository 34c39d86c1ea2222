/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_ALONE_H
#define DROVER_BUNDLE_PARITY_ALONE_H

/* `drover verify` of a parity file, fresh from the burner: every byte of that file, and of nothing else. */

#include <stdbool.h>
#include <stdio.h>

#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"

/* Is it an ordinary file with the label of a parity file? Says nothing about who made it. */
bool dr_parity_is_at(const char *path);

/* Tells on `out` what it is, and whether it is good. DR_ERR_VERIFY: it is damaged, or its label is not signed by one who
 * is believed. */
int dr_parity_check_alone(const char *path, const struct dr_bundle_trust *trust, bool json,
                          FILE *out, const struct dr_log *log, struct dr_err *err);

#endif
