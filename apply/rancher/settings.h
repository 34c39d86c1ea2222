/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_SETTINGS_H
#define DROVER_APPLY_RANCHER_SETTINGS_H

/*
 * The settings that decide which images hosts run: agent.instance.image, agent.instance.image.uuid
 * and bootstrap.required.image, and where their values come from [rancher §2]. The variables
 * CATTLE_AGENT_INSTANCE_IMAGE and CATTLE_BOOTSTRAP_REQUIRED_IMAGE beat the database, but a value of
 * agent.instance.image.uuid, in the database or the environment, beats both: it must go first.
 */

#include "apply/rancher/rancher.h"

/* Rows for what will change; settings that would pin an old image are DR_ERR_REFUSED with the
 * remedy. */
int dr_settings_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err);

/* After the restart: the effective values are the new references (DR_ERR_PROOF with value and
 * source of the one that is not). Where the key cannot read settings, what leaks through
 * registration tokens is checked. */
int dr_settings_check(const struct dr_rancher_job *job, struct dr_err *err);

/* The effective value of a setting in an inventory's "settings": the winning source's,
 * interpolated. NULL: not to be seen with this key. Borrowed. */
const char *dr_settings_effective(const json_t *settings, const char *name);

/* Will hosts of this environment be told another agent image than now, will Rancher make its own
 * containers there from another one than now (or does one of them run another)? True also where it
 * cannot be seen. */
bool dr_settings_agent_changes(const struct dr_rancher_job *job, const json_t *environment);
bool dr_settings_instance_changes(const struct dr_rancher_job *job, const json_t *environment);

#endif
