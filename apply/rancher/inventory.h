/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_INVENTORY_H
#define DROVER_APPLY_RANCHER_INVENTORY_H

/*
 * What there is in a Rancher, over all environments that the key may see, as one plain JSON
 * document: the "before" of plan and proof. Only reads; a few requests per environment, whatever
 * its size.
 *
 * {"format": 1, "url", "taken": "2016-...Z", "version": "v1.0.1", "access": "admin",
 *  "unseen": ["what this key cannot see, in words", ...],
 *  "settings": {"agent.instance.image": {"value", "activeValue", "source", "inDb"}, ...},
 *              only those that can be read
 *  "counts": {"environments", "hosts", "network_agents", "balancers", "balancer_instances",
 *             "services"},
 *  "environments": [{
 *      "id": "1a5", "name", "uuid" (the first one's is the same everywhere), "createdTS", "state",
 *      "skipped": "why nothing in it is touched", only where that is so; no lists then
 *      "required_image": the agent image that new hosts are told to run, where it is seen
 *      "hosts": [{"id", "name": what people call it, "label_name": its own name or null,
 *                 "hostname", "uuid", "state", "agentState", "active": true, "labels", "self"}],
 *      "network_agents": [{"id", "hostId", "imageUuid", "state", "self"}],
 *      "balancers": [{ every field of the service that is not null, such as "id", "name", "state",
 *                      "healthState", "scale", "launchConfig", "loadBalancerConfig", and:
 *                      "stack": its name, "self",
 *                      "links_out": [{"serviceId", "name", "ports"}], "links_in": [likewise],
 *                      "instances": [{"id", "name", "hostId", "imageUuid", "state",
 *                                     "healthState", "self"}] }],
 *      "services": [{"id", "name", "type", "state", "healthState"}],
 *      "checked": [{"id", "name", "hostId", "healthState"}], containers with a health check
 *      "certificates": [{"id", "name"}] }]}
 */

#include "apply/rancher/rancher.h"

/* New reference; NULL on failure. */
json_t *dr_inventory_take(struct dr_rancher *rancher, struct dr_err *err);

/* One of its "counts" in words, "1 host", "3 load balancers": returns `ret`. `noun` is the singular. */
const char *dr_inventory_counted(const json_t *counts, const char *key, const char *noun,
                                 char ret[40]);

/* For people: rows {"kind", "name", "state", "image", "where"} appended to the array `rows`. */
int dr_inventory_rows(const json_t *inventory, json_t *rows, struct dr_err *err);

/* After the server's restart: is this the same Rancher? Environments, hosts and services of
 * `before` that are gone are DR_ERR_PROOF (an empty database is named as such). Takes a new
 * inventory for it; `ret_after` (may be NULL) receives it. */
int dr_inventory_check(const struct dr_rancher_job *job, json_t **ret_after, struct dr_err *err);

#endif
