/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_SIDES_H
#define DROVER_APPLY_SERVER_SIDES_H

/*
 * Old and new container side by side, before the new one exists: what the old one is inspected as, and what the engine
 * will make of the new one's description and the new image's configuration [docker §1, merge rules].
 */

#include <jansson.h>

#include "apply/server/spec.h"

/* Rows {"field", "old", "new"}, texts, in the order of the fields' names: "Env JAVA_OPTS", "Label team", "Port 8080/tcp",
 * "Mount /var/lib/mysql", "Network site", "Cmd", "HostConfig.Memory" ... A side that has nothing there is "-". Values of
 * variables whose name speaks of a password or a secret are not shown. `spec` is dr_spec_make()'s, `image` the
 * new image's Config (JSON object); where that is NULL its values are left out. New reference. */
json_t *dr_sides_make(const struct dr_spec_input *input, const json_t *spec, const json_t *image,
                      struct dr_err *err);

#endif
