/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_POUR_H
#define DROVER_MIRROR_POUR_H

/*
 * The layers of a bundle that comes through a pipe, into a registry that has been surveyed: each is uploaded while it
 * arrives, and the registry gets to know its digest only when that is the one of the signed list. Manifests and tags are
 * dr_mirror_push_all()'s, after all of the stream has been found good; so what a bad stream leaves are layers that are
 * as they should be, which the next run finds there.
 */

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "mirror/push.h"

/* Reads the stream to its end, whatever happens to single layers. `spool` is a folder where one layer at a time is kept
 * while it is sent, so that a broken upload can be begun again, and one of an earlier run gone on with (mirror/uploads.h);
 * NULL: none is. Takes what it has sent out of the plan.
 * DR_ERR_VERIFY: the stream was not what was signed. */
int dr_mirror_pour(struct dr_mirror_push *push, struct dr_bundle *bundle, const char *spool,
                   struct dr_err *err);

#endif
