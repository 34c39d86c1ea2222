/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_PINNED_H
#define DROVER_APPLY_RANCHER_PINNED_H

/*
 * Balancers whose launch configuration names an image of its own: new instances would run that
 * again [rancher §4.2]. By default they are reported. As the operator wishes, the whole service is
 *
 *   re-created  removed and made again without the image, every other field and the links of both
 *               directions restored [rancher §5]; its definition is in the journal before it is
 *               removed, so a kill between the two loses nothing. New: its id, uuid, externalId;
 *   upgraded    by Rancher's own upgrade with the image cleared, then finished [rancher §4.4].
 */

#include <stdbool.h>

#include "apply/rancher/rancher.h"

/* It names an image that is not `reference`. The image, borrowed, or NULL. */
const char *dr_pinned_image(const json_t *balancer, const char *reference);

/* Shall something be done about this one (a row of the inventory), by wish and by its state? */
bool dr_pinned_is_wanted(const struct dr_rancher_job *job, const json_t *balancer);

/* The plan's words for it; borrowed. */
const char *dr_pinned_action(const struct dr_rancher_job *job);
const char *dr_pinned_interruption(const struct dr_rancher_job *job);

/* Does it. report["pinned"]: [{"environment", "environmentId", "serviceId", "name", "way":
 * "recreate" or "upgrade", "before", "definition" (recreate: what it is made from again),
 * "links_out", "links_in", "active", "instances", "removed_at", later "newId", "after",
 * "seconds" (with "at_most" true when a kill cut it short)}]. */
int dr_pinned_run(const struct dr_rancher_job *job, const json_t *environment,
                  const json_t *balancer, struct dr_err *err);

/* Ends what an earlier run began in this environment, whatever the wish is now. */
int dr_pinned_resume(const struct dr_rancher_job *job, const json_t *environment,
                     struct dr_err *err);

/* The environment of the inventory as it must be after that: itself, or with the new ids and without what cannot be
 * restored `*ret_copy`, a new reference. NULL on failure. */
const json_t *dr_pinned_expected(const struct dr_rancher_job *job, const json_t *environment,
                                 json_t **ret_copy, struct dr_err *err);

#endif
