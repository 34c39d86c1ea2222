/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_ENDS_H
#define DROVER_BUNDLE_PARITY_ENDS_H

/*
 * What is around the blocks of a file: table, frame and label of a volume, index and labels of a parity file. No parity
 * covers it; it is there more than once, or follows from the bundle. Whatever is written was compared with a signed
 * hash before.
 */

#include "bundle/parity/pool.h"
#include "lib/err.h"

/* Sets file->ends. */
int dr_ends_check(struct dr_pool_file *file, struct dr_err *err);

/* Sets file->ends_fixed: what of file->ends is known now; and writes it, where file->to says so. With `all`
 * (file->to is a new file) everything is written. */
int dr_ends_restore(const struct dr_pool *pool, struct dr_pool_file *file, bool all,
                    struct dr_err *err);

/* Takes the frame out of the bundle's blocks, when no copy of it was good. Nothing happens where one of them is bad. */
int dr_ends_find_frame(struct dr_pool *pool, struct dr_err *err);

#endif
