/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_NETAGENT_H
#define DROVER_APPLY_RANCHER_NETAGENT_H

/*
 * One host's network agent is replaced: helper armed, old one removed, event triggered, new one and
 * the host's health waited for, helper removed. netagents.c says which hosts.
 */

#include "apply/rancher/container.h"
#include "apply/rancher/helper.h"
#include "apply/rancher/rancher.h"
#include "apply/rancher/roll.h"

struct dr_netagent {
    const struct dr_rancher_job *job;
    const json_t *environment; /* of the inventory; borrowed */
    const char *host_id;
    const char *host;  /* what people call it */
    const json_t *old; /* the network agent that is there now; NULL: an earlier run removed it */
    struct dr_helper helper;
    json_t *entry;       /* in report["network_agents"]; borrowed */
    struct dr_roll roll; /* the balancer instance that triggers it, if there is one */
    bool resumed;        /* an earlier run had begun on this host */
    bool rolls;
    struct dr_successor successor;
    json_t *found;          /* by the last look: the new one; owned */
    char reason[DR_REASON]; /* why one failed, seen in passing; "": unknown */
    double removed_at;      /* of dr_clock(); 0: by an earlier run */
};

/* `left`: the helper that an earlier run left on this host, or NULL. On failure the helper is gone
 * all the same, and `err` names the way out. */
int dr_netagent_replace(struct dr_netagent *agent, json_t *left, struct dr_err *err);

#endif
