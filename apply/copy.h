/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_COPY_H
#define DROVER_APPLY_COPY_H

/*
 * What will become of the old server's database, found out while it still runs: what kind it is, where its copy will
 * be and whether there is room for it, and where it will move to with --to-bind-mount. Only asks.
 */

#include <jansson.h>

#include "apply/apply.h"
#include "lib/engine/engine.h"

/* Fills "database", "backup_file" and "move" of state["server"] (apply/look.h). DR_ERR_REFUSED: no room, an external
 * database that nobody says is saved, a folder to move to that is not empty. What to tell goes to `notes`. */
int dr_copy_plan(const struct dr_apply_options *options, struct dr_engine *engine,
                 const json_t *inspect, json_t *server, json_t *notes, struct dr_err *err);

/* Is this inspected server to be moved into another folder? False also where it lies there already; another folder
 * than its own is DR_ERR_REFUSED. */
int dr_copy_is_moving(const struct dr_apply_options *options, const json_t *inspect,
                      bool *ret_moving, struct dr_err *err);

#endif
