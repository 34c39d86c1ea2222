/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_HASHER_H
#define DROVER_BUNDLE_FILE_HASHER_H

/* Compares the content of many members with their hashes, on all processors. */

#include <stddef.h>

#include "bundle/file/layout.h"
#include "lib/err.h"
#include "lib/log.h"

/* Reads each of `members` once from `fd`, the largest first. DR_ERR_VERIFY names a bad one and where it lies;
 * DR_ERR_STOPPED when the operator stopped it. `progress` may be NULL. */
int dr_hasher_run(int fd, const struct dr_member *const *members, size_t count,
                  struct dr_progress *progress, struct dr_err *err);

#endif
