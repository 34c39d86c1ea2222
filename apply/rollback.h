/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_ROLLBACK_H
#define DROVER_APPLY_ROLLBACK_H

/*
 * The way back from an upgrade, wherever it stands: under way, failed, or finished and the newest in the state folder.
 *
 *   the new server was never started   its database is untouched: the old server is put back as it was (apply/undo.h)
 *   it was started                     the database may be migrated, which can't be undone: a new container with the
 *                                      old image and configuration gets the copy of the database in a fresh place
 *                                      (apply/restored.h); the migrated one is kept, with the new server's container
 *
 * Steps and journal are those of apply (apply/step.h): killed anywhere, the same command goes on. Once begun, apply
 * refuses to continue the upgrade. What Rancher has replaced meanwhile (network agents, load balancers' instances) is
 * named and left: the restored server runs with it.
 */

#include <jansson.h>
#include <stdbool.h>

#include "apply/apply.h"

/* Of `options` bundle, trust, registry and container are not used. */
int dr_rollback(const struct dr_apply_options *options, struct dr_err *err);

/* Is a rollback begun in this journal's document? */
bool dr_rollback_is_begun(const json_t *state);

#endif
