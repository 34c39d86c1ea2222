/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_RECREATE_H
#define DROVER_APPLY_RANCHER_RECREATE_H

/*
 * One balancer service is removed and made again from its own definition, without the image that it
 * named [rancher §5]. All that is needed stands in `entry` (report["pinned"], apply/rancher/pinned.h)
 * before anything is removed, and what is done already is found out by looking, so it can be
 * repeated after a kill at any point.
 */

#include "apply/rancher/rancher.h"

/* Reads the service as it is now and adds "definition", "links_out" and "links_in" to `entry`. A
 * link that could not be made again is DR_ERR_REFUSED. */
int dr_recreate_define(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err);

/* Removes it, waits until it is gone, makes it again, restores the links, activates it where it was
 * active, and waits until it is as well as before. Adds "newId". */
int dr_recreate_run(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err);

#endif
