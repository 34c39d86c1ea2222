/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_ROLLING_H
#define DROVER_APPLY_RANCHER_ROLLING_H

/*
 * The balancers of one environment, several services at once: of each service one instance at a
 * time. Balancers of one port that may run on the same hosts are never away together, since Rancher
 * could give each the other's host. The first that fails, or a wish to stop, ends it: what is under
 * way is brought to its end, nothing else is begun.
 */

#include "apply/rancher/rancher.h"

/* `rows`: array of balancers as in the inventory, the ones of before, all of which may be rolled.
 * Those without an instance that is due are passed over. */
int dr_rolling_run(const struct dr_rancher_job *job, const json_t *environment, const json_t *rows,
                   struct dr_err *err);

/* Would the two compete for the same port of the same host? Rows of the inventory. */
bool dr_rolling_compete(const json_t *one, const json_t *other);

#endif
