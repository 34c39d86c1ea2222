/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_PREPULL_H
#define DROVER_APPLY_RANCHER_PREPULL_H

/*
 * The new agent and agent-instance images onto every active host, by Rancher's own pull tasks and
 * with each environment's own registry credentials, before anything is touched [rancher §12].
 *
 * Rancher reports per host *name*, forgets hosts without one, folds equal ones into one entry and
 * skips some in silence. So hosts are counted here; a host that cannot be told apart by its name is
 * asked alone, through a label that only it has, and where there is no such label it is refused
 * with the remedy (give it a name). All that is not "Done" is not pulled. A host that fails stops
 * the run with that host's own words.
 */

#include "apply/rancher/rancher.h"

int dr_prepull_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

/* report["prepull"]: [{"environment", "host", "image", "result"}]. */
int dr_prepull_run(const struct dr_rancher_job *job, struct dr_err *err);

#endif
