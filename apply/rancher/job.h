/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_JOB_H
#define DROVER_APPLY_RANCHER_JOB_H

/*
 * What the steps of this folder share around a struct dr_rancher_job: rows of the plan, entries of
 * the report, and questions to the inventory. Everything returned is borrowed from the inventory or
 * the report.
 */

#include <stdbool.h>

#include "apply/rancher/rancher.h"

/* Appends {"step", "object", "action", "why", "interruption"}; "" for what there is none of. */
struct dr_row {
    const char *step;
    const char *object;
    const char *action;
    const char *why;
    const char *interruption;
};
int dr_job_row(json_t *rows, const struct dr_row *row, struct dr_err *err);

/* Appends `entry` (consumed) to the array report[list]. `ret_entry` (may be NULL) is it, borrowed,
 * to be completed later. Call dr_job_changed() when the core should write its journal. */
int dr_job_note(const struct dr_rancher_job *job, const char *list, json_t *entry,
                json_t **ret_entry, struct dr_err *err);
int dr_job_changed(const struct dr_rancher_job *job, struct dr_err *err);

/* report["left_alone"]: {"object", "why"}, said as a warning too. dr_job_reconsider() forgets those
 * whose object begins with `prefix`, before they are looked at again. */
int dr_job_leave_alone(const struct dr_rancher_job *job, const char *object, const char *why,
                       struct dr_err *err);
void dr_job_reconsider(const struct dr_rancher_job *job, const char *prefix);

/* An entry of report[list] without "after", whose `key` is `value` (and `other_key`, unless NULL,
 * is `other`): one that a kill cut short. NULL: there is none. */
json_t *dr_job_open_entry(const struct dr_rancher_job *job, const char *list, const char *key,
                          const char *value, const char *other_key, const char *other);

/* "docker:reg:5000/rancher/agent-instance:v0.8.3" is `reference`? References are compared as
 * strings, as Rancher does. */
bool dr_job_same_image(const char *image_uuid, const char *reference);

/* Has this network agent or balancer instance to be replaced? Its image differs, or all are to be
 * re-created and this one is among `before` (rows of the inventory). */
bool dr_job_is_due(const struct dr_rancher_job *job, const json_t *container, const json_t *before);

/* "rancher/agent-instance:v0.8.1" of "docker:rancher/agent-instance:v0.8.1"; "?" of NULL. */
const char *dr_job_image(const char *image_uuid);

/* The environments that may be worked in: those without "skipped". Calls `visit` for each. */
typedef int dr_environment_fn(const struct dr_rancher_job *job, const json_t *environment,
                              void *context, struct dr_err *err);
int dr_job_each_environment(const struct dr_rancher_job *job, dr_environment_fn *visit,
                            void *context, struct dr_err *err);

/* The object of that id in environment[list]; NULL when there is none. */
json_t *dr_job_find(const json_t *environment, const char *list, const char *id);

/* What people call a host: its name, else its hostname, else its id. */
const char *dr_job_host_name(const json_t *environment, const char *host_id);

/* Seconds since the epoch, for entries that outlive the process; and those since entry["removed_at"]. */
double dr_job_now(void);
double dr_job_since_removal(const json_t *entry);

#endif
