/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_HELPER_H
#define DROVER_APPLY_RANCHER_HELPER_H

/*
 * The helper container of one host: created before the network agent is removed and not started, so
 * that its start, an event on that host's managed network, can bring the new network agent at once
 * [rancher §3.3].
 *
 *     dr_helper_arm(&helper, left, err);     nothing has happened yet; trouble shows now
 *     dr_helper_start(&helper, err);         the event
 *     dr_helper_drop(&helper);               always
 */

#include "apply/rancher/rancher.h"

struct dr_helper {
    const struct dr_rancher_job *job;
    const char *project;
    const char *host_id;
    const char *host;  /* what people call it */
    json_t *container; /* owned; NULL: there is none */
    bool started;
};

/* `left`: one that an earlier run left on this host, or NULL: used when it fits, else removed. */
int dr_helper_arm(struct dr_helper *helper, json_t *left, struct dr_err *err);
int dr_helper_start(struct dr_helper *helper, struct dr_err *err);

/* Removes it and waits until it is gone. What goes wrong is only said: the next run finds it by its
 * name. */
void dr_helper_drop(struct dr_helper *helper);

#endif
