/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_DIFF_H
#define DROVER_BUNDLE_DIFF_H

/*
 * What one bundle holds that another does not, for those who approve transfers. Images are the same by their name
 * (host, repository, tag; without a tag the digest); "moved" are those that are in both with other bytes, another
 * role or for another platform. Layers are counted over whole bundles: what no image of the other one has.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "bundle/file/reader.h"
#include "lib/err.h"

/* New reference; the keys are in docs/man/drover-diff.1.scd. NULL on failure. */
json_t *dr_diff_json(const struct dr_bundle *from, const struct dr_bundle *to, struct dr_err *err);

/* As that JSON or as text for people. */
int dr_diff_print(const struct dr_bundle *from, const struct dr_bundle *to, bool json, FILE *out,
                  struct dr_err *err);

#endif
