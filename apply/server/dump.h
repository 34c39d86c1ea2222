/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_DUMP_H
#define DROVER_APPLY_SERVER_DUMP_H

/*
 * Is a ZIP with a mysqldump in it whole? Rancher does not look at mysqldump's exit status, so the ZIP can be whole and
 * the dump in it cut: its last line must be mysqldump's "-- Dump completed".
 */

#include <stdint.h>

#include "lib/err.h"

/* Reads it to the end, checksums too. DR_ERR_VERIFY when it is not whole. `ret_bytes`: of the dump in it. */
int dr_dump_check(const char *file, uint64_t *ret_bytes, struct dr_err *err);

#endif
