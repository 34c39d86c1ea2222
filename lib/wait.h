/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_WAIT_H
#define DROVER_LIB_WAIT_H

/*
 * Waiting for something outside: look, pause, look again, until it is so or the time is up. Pauses
 * grow from 1/4 s to 2 s. All times of drover go through dr_scaled(), so that tests can shrink them
 * together with those of their counterparts.
 *
 *     struct dr_wait wait;
 *     dr_wait_start(&wait, 300);
 *     while (!ready(...)) {
 *         int again = dr_wait_again(&wait, "waiting for the server", err);
 *         if (again <= 0) ...                  0: the time is up (err untouched); -1: stopped
 *     }
 */

#include <stdbool.h>

#include "lib/err.h"

/* `seconds` times the environment variable DROVER_TEST_SCALE (0.0001 to 1; tests set it, nobody
 * else). */
double dr_scaled(double seconds);

struct dr_wait {
    double started; /* of dr_clock() */
    double end;
    double pause;
    bool steady; /* set it after dr_wait_start(): a wish to stop does not end this wait */
};

/* Begins a wait of at most `seconds` (before scaling). */
void dr_wait_start(struct dr_wait *wait, double seconds);

/* Pauses. 1: look again. 0: the time is up. -1: a stop is wanted (DR_ERR_STOPPED "... while
 * <doing>"). */
int dr_wait_again(struct dr_wait *wait, const char *doing, struct dr_err *err);

/* Real seconds since the start. */
double dr_wait_seconds(const struct dr_wait *wait);

#endif
