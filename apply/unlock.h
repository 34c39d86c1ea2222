/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_UNLOCK_H
#define DROVER_APPLY_UNLOCK_H

/*
 * A server that was killed while it migrated leaves the lock of its database's change log behind, and no server starts
 * on it any more. Rancher drops that lock when it starts with CATTLE_DB_RELEASE_CHANGE_LOCK=true, which must be so for
 * one start only: a second server that starts meanwhile would not be kept out. So a container of its own, the same as
 * the new server but for that variable, does this one start, and is shut down and removed; then the new server starts
 * as it was made.
 *
 * The proof that nobody else uses the database comes first: no other container that runs has the same files, the new
 * server itself is stopped, and its log has said that it can't get the lock.
 */

#include "apply/upgrade.h"

/* Asked for, or begun by a run that was killed: then it must be brought to its end first. */
bool dr_unlock_is_due(const struct dr_upgrade *upgrade);

/* Does it; may find a part of it done. Where nothing is locked any more, nothing is done. DR_ERR_REFUSED where the
 * proof fails. state["unlock"] is {"name", "id"} meanwhile. */
int dr_unlock(struct dr_upgrade *upgrade, struct dr_err *err);

#endif
