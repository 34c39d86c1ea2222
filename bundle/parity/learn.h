/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_LEARN_H
#define DROVER_BUNDLE_PARITY_LEARN_H

/* What parity files and volumes say about the whole: the hashes of blocks, copies of labels, the frame. Each of it may be
 * damaged in one of them and good in another. */

#include "bundle/parity/pool.h"
#include "lib/err.h"

/* `file` is in its place. DR_ERR_REFUSED: it contradicts what others say. */
int dr_learn_parity(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err);
int dr_learn_volume(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err);

/* DR_ERR_REFUSED: it is of the same bundle and contradicts what is known. */
int dr_learn_fail(const char *path, struct dr_err *err);

#endif
