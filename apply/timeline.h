/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_TIMELINE_H
#define DROVER_APPLY_TIMELINE_H

/*
 * When what happened, and for how long something was away, out of the journal's document: everything that a kill cut
 * short counts from its first try.
 */

#include <jansson.h>

#include "lib/err.h"

/* Rows {"at": "2016-05-26T18:13:38Z", "at_seconds" since the epoch, "seconds" or null, "at_most", "kind": "run", "step", "network
 * agent", "balancer instance" or "balancer", "what", "done"} in order of time. New reference. */
json_t *dr_timeline_make(const json_t *state, struct dr_err *err);

/* How long no server answered: {"from", "to" (null: it still does not), "seconds"}, or JSON's null where none was stopped.
 * New reference. */
json_t *dr_timeline_down(const json_t *state, struct dr_err *err);

/* When the new server was started, in seconds since the epoch; 0: it was not, or not by this run. */
double dr_timeline_new_server(const json_t *state);

#endif
