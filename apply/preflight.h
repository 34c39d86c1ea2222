/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PREFLIGHT_H
#define DROVER_APPLY_PREFLIGHT_H

/*
 * The engine's side of looking: everything about the old server's container that the steps need to know, and whatever
 * would make one of them fail halfway. Only asks.
 */

#include <jansson.h>

#include "apply/apply.h"
#include "apply/server/find.h"

/* Fills the fields of state["server"] (apply/look.h) but for "spec"; things to tell the operator go to
 * `notes`. */
int dr_preflight(const struct dr_apply_options *options, struct dr_engine *engine,
                 const struct dr_server *found, json_t *server, json_t *notes, struct dr_err *err);

#endif
