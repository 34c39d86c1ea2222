/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_HASHER_H
#define DROVER_BUNDLE_FILE_HASHER_H

/* Compares the content of many members with their hashes, on all processors. */

#include <stddef.h>

#include "bundle/file/bytes.h"
#include "bundle/file/layout.h"
#include "lib/err.h"
#include "lib/log.h"

/* Reads each of `members` once, the largest first. DR_ERR_VERIFY names a bad one and where it lies, and so does
 * `ret_bad` (may be NULL); DR_ERR_STOPPED when the operator stopped it. `progress` may be NULL. */
int dr_hasher_run(const struct dr_bytes *bytes, const struct dr_member *const *members,
                  size_t count, struct dr_progress *progress, const struct dr_member **ret_bad,
                  struct dr_err *err);

#endif
