/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_COMPARE_H
#define DROVER_APPLY_RANCHER_COMPARE_H

/*
 * Parts of balancers in two inventories, compared for the proof (apply/rancher/prove.h).
 */

#include <jansson.h>
#include <stdbool.h>

/* The order in which links are listed says nothing. */
bool dr_compare_links(const json_t *after, const json_t *before);

/* The instance behind an endpoint is a new one, its address and port should be the old ones. */
bool dr_compare_endpoints(const json_t *after, const json_t *before);

/* "10.0.0.1:80 10.0.0.2:80", as much of it as has room, without control characters; "none". */
#define DR_ENDPOINTS_ROOM 300
void dr_compare_write_endpoints(const json_t *endpoints, char ret[DR_ENDPOINTS_ROOM]);

/* A field of a service that comes and goes by itself, or is compared in a way of its own. */
bool dr_compare_is_passing(const char *key);

#endif
