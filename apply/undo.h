/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_UNDO_H
#define DROVER_APPLY_UNDO_H

/*
 * When a step fails: as long as the new server was never started, its database is untouched, and the old server is put
 * back as it was: new container and data container deleted (never started, so nothing is lost), restart policy
 * restored, started again. After the start there is only forward, or the copy of the database.
 */

#include "apply/upgrade.h"

/* `failure` is why the upgrade ended; what was done about it, or what the operator can do, is added to its text. The
 * journal is put away when the old server is back. */
void dr_undo(struct dr_upgrade *upgrade, struct dr_err *failure);

/* Puts the old server back as it was; the new one was never started. The journal is put away then. */
int dr_undo_all(struct dr_upgrade *upgrade, struct dr_err *err);

#endif
