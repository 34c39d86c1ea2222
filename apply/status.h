/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_STATUS_H
#define DROVER_APPLY_STATUS_H

/*
 * Where an upgrade stands, in words: what the journal tells, what of it runs now, what is certain about the database,
 * and the next command. Changes nothing, takes no lock, and talks to the engine only to see what runs; one that does
 * not answer is said and no failure.
 */

#include "apply/apply.h"

/* Of `options` state_dir, json, report (the page of apply/page.h) and log are used. As JSON: {"state": "none", "running", "rolling back", "finished",
 * "undone" or "rolled back", "at_work": a drover is at it now, "from", "to", "started", "ended", "steps",
 * "containers": {"old", "new", "restored": "absent", "created", "stopped", "running" or "unknown"}, "database":
 * in words, "backup", "next": ["command", ...]}. */
int dr_status(const struct dr_apply_options *options, struct dr_err *err);

#endif
