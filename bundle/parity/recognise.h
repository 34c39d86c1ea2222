/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_RECOGNISE_H
#define DROVER_BUNDLE_PARITY_RECOGNISE_H

/* What is a file without a label? */

#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/trust.h"
#include "bundle/parity/pool.h"
#include "lib/err.h"

/* Which volume is it (1: the bundle itself, where that is not split), by what is in it? What it is taken for may be
 * written over it, so at least half of what is looked at must be right; else false. `data` has room for a chunk. */
bool dr_recognise(const struct dr_pool *pool, int fd, uint64_t size, unsigned char *data,
                  uint64_t *ret_number);

/* A bundle whose signatures are others than those that parity knows is not damaged, and nothing is to be undone in it:
 * DR_ERR_REFUSED. `who` has the keys that count. */
int dr_recognise_signatures(const struct dr_pool *pool, const struct dr_pool_file *file,
                            const struct dr_bundle_trust *who, struct dr_err *err);

#endif
