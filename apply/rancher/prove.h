/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_PROVE_H
#define DROVER_APPLY_RANCHER_PROVE_H

/*
 * The proof at the end: every network agent and balancer instance is looked at again, and
 * everything else compared with the inventory of before.
 */

#include "apply/rancher/rancher.h"

/* Fills report["proof"]: {"ok", "failed": ["..."], "changed": ["..."], "unseen": ["..."],
 * "objects": [{"kind", "environment", "name", "host", "before", "after", "ok"}], "balancers":
 * [{"environment", "name", "before", "after": {"state", "health", "instances", "endpoints"}}],
 * "settings": those of now, as in the inventory, "counts", "version"}, and returns 0 when `failed`
 * is empty; else -1 with DR_ERR_PROOF and the first of them. */
int dr_prove(const struct dr_rancher_job *job, struct dr_err *err);

#endif
