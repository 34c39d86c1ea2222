/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_DBDUMP_H
#define DROVER_APPLY_DBDUMP_H

/*
 * Rancher's own dump of its database (apply/rancher/dump.h), right before the old server is stopped: beside the copy of
 * the files, as "<copy>.dbdump.zip", checked to be complete. It is a second net: an upgrade does not fail for want of
 * it, what is missing is said.
 */

#include "apply/upgrade.h"

/* state["dbdump"] is {"file", "bytes"} then. */
void dr_dbdump_take(struct dr_upgrade *upgrade);

#endif
