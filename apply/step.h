/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_STEP_H
#define DROVER_APPLY_STEP_H

/*
 * The one way to run steps. Each is recorded in the journal before and after; whether it is done already is asked of
 * the facts (`check`), since a kill can come between a deed and its record. One line per step tells what was done and
 * how long it took. A wish to stop is followed between steps.
 */

#include <stdbool.h>
#include <stdio.h>

#include "apply/upgrade.h"
#include "lib/err.h"

/* Which upgrades it is a part of. */
enum dr_step_part {
    DR_STEP_ALWAYS = false,
    DR_STEP_SERVER = true, /* those that replace the server's container */
    DR_STEP_COPY,          /* those of them whose server has its database inside */
    DR_STEP_MOVE,          /* those that also move it */
};

struct dr_step {
    const char *name;  /* in the journal: never changes its meaning */
    const char *title; /* for the operator */
    enum dr_step_part part;

    /* Is it done already? By the facts, not by the journal. NULL: the journal's word counts. */
    int (*check)(struct dr_upgrade *upgrade, bool *ret_done, struct dr_err *err);

    /* Does it. May find a part of it done. */
    int (*act)(struct dr_upgrade *upgrade, struct dr_err *err);

    /* Proves that it is so now. NULL: `act` did. */
    int (*prove)(struct dr_upgrade *upgrade, struct dr_err *err);
};

/* Runs the steps (the table ends with a NULL name) from the first that is not done. */
int dr_step_run(struct dr_upgrade *upgrade, const struct dr_step *steps, struct dr_err *err);

/* One line per step: done, next, to do, by the journal. */
void dr_step_list(FILE *out, const struct dr_upgrade *upgrade, const struct dr_step *steps);

#endif
