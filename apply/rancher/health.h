/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_HEALTH_H
#define DROVER_APPLY_RANCHER_HEALTH_H

/*
 * Is what runs on a host as well as it was? After a new network agent, health-checked containers
 * that stay ill are the sign that the cross-host network (ipsec) is down [rancher §13].
 */

#include "apply/rancher/rancher.h"

/* Waits until every container of `host_id` that was healthy in the inventory's `environment` is so
 * again, matched by name; balancer instances that are due for replacing do not count.
 * DR_ERR_RANCHER with their names after some minutes. Names that are gone are only listed:
 * `ret_gone` (an array, borrowed) receives them. */
int dr_health_wait(const struct dr_rancher_job *job, const json_t *environment, const char *host_id,
                   json_t *ret_gone, struct dr_err *err);

#endif
