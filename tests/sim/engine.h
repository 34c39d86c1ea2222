/* SPDX-License-Identifier: Apache-2.0 */
// The process engine: one pending step per row and slot, fired after a scaled delay. The step's
// name is kept in the row, so that a killed server goes on with it at the next start, as Cattle
// does. A step stays the row's step until another is scheduled or engine_done() is called.
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "db.h"

struct event_base;

typedef void step_fn(struct row *row);

struct step {
    const char *name;
    step_fn *run;
};

extern struct event_base *sim_base;

void engine_register(const struct step *steps, size_t count);
void engine_after(struct row *row, int slot, double seconds, const char *step);
void engine_done(struct row *row, int slot);
const char *engine_pending(const struct row *row, int slot); // NULL when there is none
// Puts every row's pending step back on the clock.
void engine_resume(void);

// State changes go through here: kept, logged for /sim/events, `transitioning` set from the state's
// form.
void row_state(struct row *row, const char *state);
void row_error(struct row *row, const char *message); // transitioning=error with its reason

// /var/lib/cattle/sim-events.log
void events_open(void);
void event_note(const char *what, const struct row *row, const char *from, const char *to);

#endif
