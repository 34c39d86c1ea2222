/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_STEPS_H
#define DROVER_APPLY_STEPS_H

/*
 * The order of the upgrade (docs/architecture.md): one table, in apply/steps.c. The server's steps, which are facts of
 * the engine, are in apply/steps_server.c; those that Rancher does are in apply/steps_rancher.c.
 */

#include "apply/step.h"

/* Ends with a NULL name. */
extern const struct dr_step dr_steps[];

/* Part of what is done without the server (apply/only.h): settings are compared by "compare" else. */
extern const struct dr_step dr_step_settings;

/* The step of that name, of whichever table; NULL: none. */
const struct dr_step *dr_steps_find(const char *name);

/* Functions of the table: a `check`, an `act` or a `prove` of struct dr_step. */
#define DR_STEP_CHECK(name)                                                                        \
    int dr_check_##name(struct dr_upgrade *upgrade, bool *ret_done, struct dr_err *err)
#define DR_STEP_DO(name) int dr_do_##name(struct dr_upgrade *upgrade, struct dr_err *err)
#define DR_STEP_PROVE(name) int dr_prove_##name(struct dr_upgrade *upgrade, struct dr_err *err)

DR_STEP_CHECK(pull);
DR_STEP_DO(pull);
DR_STEP_PROVE(pull);
DR_STEP_CHECK(data);
DR_STEP_DO(data);
DR_STEP_PROVE(data);
DR_STEP_CHECK(candidate);
DR_STEP_DO(candidate);
DR_STEP_PROVE(candidate);
DR_STEP_CHECK(hold);
DR_STEP_DO(hold);
DR_STEP_CHECK(stop);
DR_STEP_DO(stop);
DR_STEP_PROVE(stop);
DR_STEP_CHECK(backup);
DR_STEP_DO(backup);
DR_STEP_CHECK(move);
DR_STEP_DO(move);
DR_STEP_PROVE(move);
DR_STEP_CHECK(start);
DR_STEP_DO(start);
DR_STEP_CHECK(policy);
DR_STEP_DO(policy);
DR_STEP_DO(answer);
DR_STEP_DO(compare);
DR_STEP_CHECK(rename);
DR_STEP_DO(rename);
DR_STEP_CHECK(remove);
DR_STEP_DO(remove);

/* The way back (apply/rollback.h), in apply/steps_rollback.c. Ends with a NULL name. */
extern const struct dr_step dr_rollback_steps[];

DR_STEP_DO(settings);
DR_STEP_DO(prepull);
DR_STEP_DO(agents);
DR_STEP_DO(netagents);
DR_STEP_DO(balancers);
DR_STEP_DO(proof);

DR_STEP_DO(back_place);
DR_STEP_DO(back_restore);
DR_STEP_CHECK(back_create);
DR_STEP_DO(back_create);
DR_STEP_PROVE(back_create);
DR_STEP_CHECK(back_stop);
DR_STEP_DO(back_stop);
DR_STEP_PROVE(back_stop);
DR_STEP_CHECK(back_start);
DR_STEP_DO(back_start);
DR_STEP_DO(back_policy);
DR_STEP_DO(back_answer);
DR_STEP_DO(back_compare);
DR_STEP_CHECK(back_rename);
DR_STEP_DO(back_rename);
DR_STEP_DO(back_remove);

/* Takes back what the step "move" did, if it was begun: the new server was never started. */
int dr_undo_move(struct dr_upgrade *upgrade, struct dr_err *err);

#endif
