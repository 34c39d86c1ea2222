/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_ENDING_H
#define DROVER_APPLY_ENDING_H

/*
 * How every run of `drover apply` ends, well or not: one record (apply/record.h), shown as it was asked for. --report is
 * written also of a plan, of a run that failed and of one that was continued; a run that finds nothing to do writes the
 * report of the upgrade that made it so.
 */

#include "apply/upgrade.h"

/* Before anything else: can --report be written at all? */
int dr_ending_check(const struct dr_apply_options *options, struct dr_err *err);

/* The journal, its lock and what else may be in the state folder one day are no places for a report, whether they are
 * there now or not: DR_ERR_REFUSED for a name in it that does not end in .html. */
int dr_ending_check_place(const struct dr_apply_options *options, struct dr_err *err);

/* On stdout the record with --json, else the words of the end where it is one; and the page. `outcome` is a record's,
 * `journal` where the document is now, or NULL. */
int dr_ending_tell(const struct dr_upgrade *upgrade, const char *outcome, const char *journal,
                   struct dr_err *err);

/* There is nothing to do. `state` is what was looked at. */
int dr_ending_nothing(const struct dr_upgrade *upgrade, const json_t *state, struct dr_err *err);

/* The page of a run that failed, however little it got to know, and with --json its record once something was begun. That
 * it can't be written is only said: `failure` is what counts. */
void dr_ending_failed(const struct dr_upgrade *upgrade, const struct dr_err *failure);

#endif
