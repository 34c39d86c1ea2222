/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_SURVEY_H
#define DROVER_APPLY_RANCHER_SURVEY_H

/*
 * One environment's part of the inventory: reads its collections and boils each row down before the
 * next page is asked for, so that memory stays small.
 */

#include "apply/rancher/rancher.h"

/* Fills `environment` ({"id", "name", ...}) with hosts, network_agents, balancers, services,
 * checked and certificates as inventory.h describes. What the key's schema does not have is noted
 * in the array `unseen`. */
int dr_survey_environment(struct dr_rancher *rancher, json_t *environment, json_t *unseen,
                          struct dr_err *err);

/* A host as the inventory keeps it; new reference. */
json_t *dr_survey_host(const json_t *row);

/* The `keys` (ended by NULL) of `row` that are there and not null; new reference. */
json_t *dr_survey_pick(const json_t *row, const char *const *keys);

/* A deep copy without what is null, however deep: Cattle writes every field that a type has, set or not, so nulls only
 * say which version it is. New reference. */
json_t *dr_survey_copy(const json_t *value);

/* Everything that `before` has is in `after` with the same value; a newer server may have more
 * fields. */
bool dr_survey_contains(const json_t *after, const json_t *before);

#endif
