/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_HOSTS_H
#define DROVER_APPLY_RANCHER_HOSTS_H

/*
 * What the operator said of single hosts: in which order network agents are replaced (--host-order)
 * and which hosts the upgrade knowingly goes on without (--skip-host). A host is named as people
 * call it, by its hostname or by its id; where two have the same name, all of them are meant in the
 * first list, and none in the second, since nobody skips two hosts by one word.
 */

#include "apply/rancher/rancher.h"

/* Every name that the operator gave is that of a host which the key can see; a name to be skipped
 * is that of one host alone. DR_ERR_USAGE with the name otherwise. */
int dr_hosts_check(const struct dr_rancher_job *job, struct dr_err *err);

/* The environment's hosts, the named ones first and in the given order. A new array of borrowed
 * rows' references; NULL on failure. */
json_t *dr_hosts_in_order(const struct dr_rancher_job *job, const json_t *environment,
                          struct dr_err *err);

/* Is this host left out? `host`: a row of the inventory, or one from dr_survey_host(). */
bool dr_hosts_is_skipped(const struct dr_rancher_job *job, const json_t *host);

/* The same by id. */
bool dr_hosts_id_is_skipped(const struct dr_rancher_job *job, const json_t *environment,
                            const char *host_id);

#endif
