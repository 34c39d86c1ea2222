/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_AGENTS_H
#define DROVER_APPLY_RANCHER_AGENTS_H

/*
 * The hosts' agents after the server's restart. Each loses its connection, runs the server's
 * bootstrap script again and, when the required image differs from its own, replaces itself.
 * Rancher goes on showing hosts as active for up to two minutes after it lost them, so "active"
 * counts only when it has lasted [rancher §6].
 */

#include "apply/rancher/rancher.h"

int dr_agents_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

/* Waits until every host that was active in the inventory is active again, agent connected, for
 * job->settle_seconds without a break; says what it waits for. Hosts that stay away: DR_ERR_RANCHER
 * with their names and what to do. report["agents"]: {"waited", "hosts": [{"host",
 * "reconnected"}]}. */
int dr_agents_run(const struct dr_rancher_job *job, struct dr_err *err);

#endif
