/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_BALANCERS_H
#define DROVER_APPLY_RANCHER_BALANCERS_H

/*
 * Load balancers: instances are replaced one at a time by removing them; Rancher re-creates each
 * from its service with the image of the current setting and the same configuration [rancher §4].
 * Only services in state `active` are rolled. A service whose launch configuration names an image,
 * and one that is inactive, upgrading, upgraded or else, is reported and left alone.
 */

#include "apply/rancher/rancher.h"

int dr_balancers_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

/* report["balancers"]: [{"environment", "stack", "service", "serviceId", "name", "before", "from",
 * "serving": other instances that were well then, "removed_at", and when it is back "after", "to",
 * "seconds" (with "at_most" true and a "note" when Rancher brought it back alone after a kill)}],
 * report["left_alone"]: [{"object", "why"}]. */
int dr_balancers_run(const struct dr_rancher_job *job, struct dr_err *err);

#endif
