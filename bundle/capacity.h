/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_CAPACITY_H
#define DROVER_BUNDLE_CAPACITY_H

/* The sizes of volumes by the media that they are for: `--split SIZE|fat32|cd|dvd|dvd-dl|bd`. */

#include <stdint.h>

#include "lib/err.h"

/* The most bytes that a volume may have: a size (700M, 4GB) or the name of a medium. DR_ERR_USAGE: neither. */
int dr_capacity_read(const char *text, uint64_t *ret_bytes, struct dr_err *err);

#endif
