/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_DUMP_H
#define DROVER_APPLY_RANCHER_DUMP_H

/*
 * Rancher's own dump of its database, while it still runs: from v1.0.1 on, GET /v1/haconfigs/haConfig/dbdump streams a
 * ZIP of a mysqldump to an admin's key [rancher §7]. It is a second way back besides the copy of the files: one that
 * any MySQL reads.
 */

#include "apply/rancher/rancher.h"

/* Streams it into `file`, complete and on the disk or not there. DR_ERR_ABSENT: this server, or this key, has none. Its
 * content is for the caller to check. */
int dr_dump_fetch(struct dr_rancher *rancher, const char *file, struct dr_err *err);

#endif
