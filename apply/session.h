/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SESSION_H
#define DROVER_APPLY_SESSION_H

/*
 * What everything that changes a server begins with, `drover apply` and `drover rollback` alike: nobody else is at
 * work on this engine, and the operator has said yes.
 */

#include "apply/upgrade.h"

/* The lock of the state folder keeps out only who uses the same folder. Two upgrades of one server would each take
 * the other's containers for their own. Held as long as `upgrade`; a dry run needs none. */
int dr_session_claim_engine(struct dr_upgrade *upgrade, struct dr_err *err);

/* Likewise the environments of the journal's inventory, whatever address Rancher was reached at and whichever key
 * showed them: two at work in one would take two hosts from the network at once. */
int dr_session_claim_rancher(struct dr_upgrade *upgrade, struct dr_err *err);

/* Asks on the terminal; without one, only --yes is a yes. Anything else is DR_ERR_REFUSED. */
int dr_session_confirm(const struct dr_apply_options *options, struct dr_err *err);

/* What was begun with one Rancher goes on with that one: another --rancher-url is DR_ERR_REFUSED. */
int dr_session_check_address(const struct dr_upgrade *upgrade, struct dr_err *err);

/* The same, and: a journal in the wrong place, or DOCKER_HOST: there nothing can be continued, nor undone, nor rolled back. */
int dr_session_check_here(const struct dr_upgrade *upgrade, struct dr_err *err);

#endif
