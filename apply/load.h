/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_LOAD_H
#define DROVER_APPLY_LOAD_H

/*
 * The server's image into an engine that has no way to the registry: the bundle, which is a docker archive too, goes
 * through the engine's load call as it is, and the image gets the name that it has in the registry. The bundle was
 * verified whole before; what the engine made of it is compared by the step that asked.
 */

#include "apply/upgrade.h"

int dr_load_server(struct dr_upgrade *upgrade, struct dr_err *err);

#endif
