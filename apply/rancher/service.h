/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_SERVICE_H
#define DROVER_APPLY_RANCHER_SERVICE_H

/*
 * Single services in Rancher: looking, acting, waiting for a state, links of both directions.
 */

#include <stdbool.h>

#include "apply/rancher/rancher.h"

/* The service of that id in `project`, of whatever kind, also one that is removed. New reference.
 */
json_t *dr_service_look(struct dr_rancher *rancher, const char *project, const char *id,
                        struct dr_err *err);

/* Rancher's words for what keeps a service from getting on, or NULL. Borrowed. */
const char *dr_service_failure(const json_t *service);

/* Waits until its state is `state` ("removed" is any way of being gone). DR_ERR_RANCHER with the
 * state that it is in after some minutes; `what` says what is being done. */
int dr_service_wait(struct dr_rancher *rancher, const char *project, const char *id,
                    const char *state, const char *what, struct dr_err *err);

/* Waits until as many instances as its scale says (or `least`, if that is more) run `reference` and
 * are healthy where there is a check. */
int dr_service_wait_well(struct dr_rancher *rancher, const char *project, const char *id,
                         const char *reference, size_t least, const char *what, struct dr_err *err);

/* Does one of its actions, with an optional body, by the link that the service has for it now.
 * Without that link: DR_ERR_RANCHER. */
int dr_service_act(struct dr_rancher *rancher, const char *project, const char *id,
                   const char *action, const json_t *body, const char *what, struct dr_err *err);

/* The links from it (or with `to` those to it): [{"serviceId" at the far end, "name", "ports"}],
 * without "name" and "ports" where there are none. New reference. */
json_t *dr_service_links(struct dr_rancher *rancher, const char *project, const char *id, bool to,
                         struct dr_err *err);

/* The balancer of that name in that stack that is not removed, or NULL (*ret): new reference. */
int dr_service_find(struct dr_rancher *rancher, const char *project, const char *stack_id,
                    const char *name, json_t **ret, struct dr_err *err);

#endif
