/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_LOOK_H
#define DROVER_APPLY_LOOK_H

/*
 * Looks at everything and changes nothing: the engine, the server container and what hangs on it, Rancher and all
 * that it runs. What is not understood is refused here. The result is the journal's document, with all that the steps
 * will need:
 *
 *     {"target": apply/target.h, "rancher_url", "inventory", "variables": ["NAME=value"], "report": {},
 *      "server": {"needed": bool, "id", "name", "version", "reference", "inspect", "image", "restart": {policy},
 *                 "gone": [names of vanished VolumesFrom], "spec": apply/server/spec.h,
 *                 "data": {"name", "held_by", "create": bool, later "id"}, "candidate": {"name", later "id"}, "retired": {"name"},
 *                 "database": {"kind": "volume"|"folder"|"external", "place", and for an external one "confirmed":
 *                              the operator's word; else "volume" or null, "folder" on this machine or null,
 *                              "bytes", "room"},
 *                 "move": {"folder", "draft"} only with --to-bind-mount,
 *                 "sides": apply/server/sides.h, "backup_file",
 *                 later "committed": the new server was started},
 *      "plan": apply/plan.h, "notes": ["..."], "busy": bool       false: there is nothing to do}
 */

#include <jansson.h>

#include "apply/apply.h"
#include "apply/rancher/rancher.h"
#include "lib/engine/engine.h"

/* `target` goes into the document. New reference; NULL on failure. */
json_t *dr_look(const struct dr_apply_options *options, struct dr_engine *engine, json_t *target,
                struct dr_err *err);

/* Parts of it, for `drover doctor` too. Where Rancher answers, owned: --rancher-url, else the port that the container
 * (inspect, may be NULL) publishes on this machine; DR_ERR_USAGE when neither tells. */
char *dr_look_url(const struct dr_apply_options *options, const struct dr_engine *engine,
                  const json_t *inspect, struct dr_err *err);

/* What Rancher itself says of its database: a lock of its change log, or another place than the container's settings
 * say, is DR_ERR_REFUSED. */
int dr_look_database(const json_t *inspect, struct dr_rancher *rancher, struct dr_err *err);

#endif
