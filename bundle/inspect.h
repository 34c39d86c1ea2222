/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_INSPECT_H
#define DROVER_BUNDLE_INSPECT_H

/* What is in a bundle, for people and for programs. Both say whether anybody vouches for it. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bundle/file/reader.h"
#include "lib/err.h"

/* As JSON or as text for people. */
int dr_inspect_print(const struct dr_bundle *bundle, bool json, FILE *to, struct dr_err *err);

/* New reference; the keys are in docs/bundle-format.md. NULL on failure. */
json_t *dr_inspect_json(const struct dr_bundle *bundle, struct dr_err *err);

#endif
