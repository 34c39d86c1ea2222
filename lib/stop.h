/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_STOP_H
#define DROVER_LIB_STOP_H

/*
 * A polite stop. main() calls dr_stop_install() once; SIGINT and SIGTERM then only raise a flag,
 * which loops and transfers ask for at points where stopping is safe. A second SIGINT ends the
 * process at once.
 */

#include <stdbool.h>

#include "lib/err.h"

void dr_stop_install(void);
bool dr_stop_wanted(void);

/* From now on a terminal that goes away (SIGHUP, a broken ssh) does not end the process. */
void dr_stop_ignore_hangup(void);

/* 0 while nobody asked to stop; else DR_ERR_STOPPED with "stopped by SIGINT while <doing>". */
int dr_stop_check(struct dr_err *err, const char *doing);

/* Sleeps, but wakes up early when a stop is wanted. */
void dr_stop_sleep(double seconds);

/* Seconds from an arbitrary start that never jumps (CLOCK_MONOTONIC). */
double dr_clock(void);

#endif
