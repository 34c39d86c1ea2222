/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RESTORED_H
#define DROVER_APPLY_RESTORED_H

/*
 * The server of before, once more: a container with the old image and the old configuration whose database is a fresh
 * volume, or a fresh folder beside the old one where it was a folder. state["rollback"] is
 *
 *     {"begun", "database": {"volume", "folder" where it is on this machine}, "candidate": {"name", later "id"},
 *      "kept": {"name"} of the migrated server, "inspect" the old one with its database moved, "gone", "holder",
 *      "spec": apply/server/spec.h}
 */

#include <jansson.h>

#include "apply/description.h"
#include "apply/upgrade.h"

/* Looks what it takes and changes nothing: names that are free, the copy whole, the image there. New reference; what
 * is missing is DR_ERR_REFUSED with the remedy. */
json_t *dr_restored_plan(const struct dr_upgrade *upgrade, struct dr_err *err);

/* Its container; NULL in `ret_inspect`: it was not made yet. New reference. */
int dr_restored_find(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err);

/* Its description for apply/server/spec.h, out of state["rollback"]. `server` is state["server"]. */
void dr_restored_describe(const json_t *rollback, const json_t *server, unsigned api,
                          struct dr_description *ret_description);

#endif
