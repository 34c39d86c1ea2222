/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_PROBE_H
#define DROVER_APPLY_RANCHER_PROBE_H

/*
 * Proof that a host has an image, for hosts that a pull task's answer does not tell apart: a small
 * container of that image is started there, without network, and removed again. That it started
 * says that the image could be pulled; why it did not is in the host's own words.
 */

#include "apply/rancher/rancher.h"

/* `why` NULL: it is there. */
typedef int dr_probe_fn(void *context, const char *host, const char *why, struct dr_err *err);

/* `hosts`: {id: what people call it}. A few at a time; left-overs of an earlier run go first. */
int dr_probe_hosts(struct dr_rancher *rancher, const char *project, const json_t *hosts,
                   const char *image, dr_probe_fn *result, void *context, struct dr_err *err);

#endif
