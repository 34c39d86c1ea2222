/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_NETAGENTS_H
#define DROVER_APPLY_RANCHER_NETAGENTS_H

/*
 * The network agents (DNS, metadata, ipsec, health checks of a host), replaced host by host where
 * the image string differs [rancher §3]. Each is removed by one atomic DELETE, since a stopped one
 * would be restarted by any event with its old image. Rancher makes a new one only at the next
 * event on that host, so drover has one ready: a balancer instance of that host that has to be
 * replaced anyway, else a helper container that was created before and is started then. The helper
 * is removed in the end; one that a kill left behind is found by its name.
 */

#include "apply/rancher/rancher.h"

int dr_netagents_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

/* Stops at the first host that does not come back. report["network_agents"]: [{"environment",
 * "host", "hostId", "before", "removed_at", and when it is back "after", "running_at", "seconds"
 * without one (with "at_most" true when a kill cut it short), "trigger": "balancer", "helper" or
 * "none", "gone": [names of health-checked containers that are no longer on the host]}]. */
int dr_netagents_run(const struct dr_rancher_job *job, struct dr_err *err);

#endif
