/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_CONTAINER_H
#define DROVER_APPLY_CONTAINER_H

/*
 * The making of a container that a kill may cut short anywhere: its name was free when it went into the journal, so
 * whatever has that name and was never started is what an earlier try left, and holds nothing.
 */

#include <jansson.h>

#include "apply/upgrade.h"

/* Makes the container `record`["name"] from a description of apply/server/spec.h, never started, and puts its "id"
 * into `record` and the journal. One of that name that was started is DR_ERR_REFUSED. */
int dr_container_make(struct dr_upgrade *upgrade, json_t *record, const json_t *spec,
                      struct dr_err *err);

/* Inspect of `record`["id"]. New reference; one that is not there, or was not made yet, is NULL and no failure (0). */
int dr_container_find(const struct dr_upgrade *upgrade, const json_t *record, json_t **ret_inspect,
                      struct dr_err *err);

#endif
