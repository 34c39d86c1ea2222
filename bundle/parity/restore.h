/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_RESTORE_H
#define DROVER_BUNDLE_PARITY_RESTORE_H

/*
 * Makes bad blocks out of good ones, stripe by stripe. A block is written only when it has the hash that it must have,
 * and only where a bad one is: so a run that is killed leaves nothing worse than it was, and the next one goes on.
 */

#include <stdbool.h>

#include "bundle/parity/pool.h"
#include "lib/err.h"

/* Where what is restored goes: every damaged file is opened for writing, or, with `folder`, copied there without what is
 * bad; missing ones are begun, in `folder` or beside the others. DR_ERR_REFUSED: a medium is read-only, or the
 * new file exists. */
int dr_restore_begin(struct dr_pool *pool, const char *folder, struct dr_err *err);

/* After dr_restore_begin() failed: nothing is open for writing, no new file is there. */
void dr_restore_cancel(struct dr_pool *pool);

/* All stripes, as far as there is enough of them, then what is around the blocks. Without dr_restore_begin() nothing is
 * written: it is only found out what could be. */
int dr_restore_blocks(struct dr_pool *pool, struct dr_err *err);

/* Everything to the disk, new files under their names, and opened again for the last look. */
int dr_restore_end(struct dr_pool *pool, struct dr_err *err);

#endif
