/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_RESTORE_H
#define DROVER_APPLY_SERVER_RESTORE_H

/*
 * A copy of the database (apply/server/backup.h) back into an empty folder of this machine: what `tar -xzp
 * --numeric-owner --strip-components=1` does, and then the proof that it is all there, flushed to the disk.
 */

#include <jansson.h>

#include "lib/err.h"

/* `backup` is what dr_backup_take() returned; `folder` holds nothing, or what an earlier call left when it was killed.
 * The hash is compared first: DR_ERR_VERIFY when it is another file. DR_ERR_PROOF when the folder then
 * holds something else than the copy does. */
int dr_restore(const json_t *backup, const char *folder, struct dr_err *err);

#endif
