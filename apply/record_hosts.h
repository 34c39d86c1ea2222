/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RECORD_HOSTS_H
#define DROVER_APPLY_RECORD_HOSTS_H

/* The parts of a record (apply/record.h) that tell of network agents and balancers: "network_agents", "instances",
 * "balancers", "pinned", "window". */

#include <jansson.h>

#include "lib/err.h"

int dr_record_hosts(json_t *record, const json_t *state, struct dr_err *err);

#endif
