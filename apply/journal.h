/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_JOURNAL_H
#define DROVER_APPLY_JOURNAL_H

/*
 * What `drover apply` must remember when it is killed: one JSON document in the state folder, written whole, flushed
 * and renamed at every change, with a lock beside it against a second drover. Everything that can't be learned again
 * once it was changed stands in here before it is changed: the old container's inspect and restart policy, Rancher's
 * inventory of before.
 *
 *     dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
 *     dr_journal_open(&journal, folder, err);          locked; journal.state is NULL when nothing is under way
 *     dr_journal_start(&journal, state, err);
 *     dr_journal_step_begun(&journal, "stop", err); ... dr_journal_step_done(&journal, "stop", err);
 *     dr_journal_finish(&journal, "finished", err);    kept under another name
 *
 * The document: {"format": 1, "started", "state": "running", "steps": {"<name>": {"begun", "begun_at", "first_at": of the
 * first try, "done", "done_at", "seconds"}}, "runs": [{"begun", "begun_at", and unless it was killed or is the one that
 * finished "ended", "ended_at", "why"}], and what apply/look.h puts into it}. Its "inventory", which is large and never changes,
 * lies in inventory.json beside it until the end ("inventory_apart": true). It holds the old container's environment, so
 * only root may read it. What others may have written is DR_ERR_REFUSED (apply/document.h).
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

struct dr_journal {
    char *folder;
    char *path;
    int lock;
    json_t *state; /* NULL: nothing under way */
};

#define DR_JOURNAL_INIT                                                                            \
    {                                                                                              \
        .lock = -1                                                                                 \
    }

/* Makes the folder, takes the lock, reads what is there; what a kill kept from being put away at its end is put away. Somebody else works: DR_ERR_REFUSED. A document that this
 * drover does not understand: DR_ERR_FORMAT. */
int dr_journal_open(struct dr_journal *journal, const char *folder, struct dr_err *err);

/* The same for looking only: makes nothing, locks nothing. */
int dr_journal_peek(struct dr_journal *journal, const char *folder, struct dr_err *err);

void dr_journal_release(struct dr_journal *journal);
#define dr_auto_journal __attribute__((cleanup(dr_journal_release)))

/* Begins with this document (consumed also on failure). */
int dr_journal_start(struct dr_journal *journal, json_t *state, struct dr_err *err);

/* Writes the document as it is now. */
int dr_journal_save(struct dr_journal *journal, struct dr_err *err);

/* Another run goes on with it; a run ends before its end, `why` says in words what happened. The first run is begun by
 * dr_journal_start(). */
int dr_journal_run_begun(struct dr_journal *journal, struct dr_err *err);
int dr_journal_run_ended(struct dr_journal *journal, const char *why, struct dr_err *err);

/* Writes that a step was begun, or is done (with the seconds that it took). */
int dr_journal_step_begun(struct dr_journal *journal, const char *step, struct dr_err *err);
int dr_journal_step_done(struct dr_journal *journal, const char *step, double seconds,
                         struct dr_err *err);

/* Takes back that it was begun: it is certain that it did nothing. */
int dr_journal_step_forget(struct dr_journal *journal, const char *step, struct dr_err *err);

bool dr_journal_is_begun(const struct dr_journal *journal, const char *step);
bool dr_journal_is_done(const struct dr_journal *journal, const char *step);

/* Puts it away as "<folder>/apply-<when it began>-<outcome>.json": nothing is under way any more. Owned path in
 * `ret_path` (may be NULL). */
int dr_journal_finish(struct dr_journal *journal, const char *outcome, char **ret_path,
                      struct dr_err *err);

/* The newest that was put away and that `fits` (NULL: all do), but for those of upgrades that were undone: its path, owned,
 * and its document, a new reference. 0 with two NULLs: there is none. */
typedef bool dr_journal_fits_fn(const json_t *state);
int dr_journal_last(const struct dr_journal *journal, dr_journal_fits_fn *fits, char **ret_path,
                    json_t **ret_state, struct dr_err *err);

/* The copies of databases that were made with this folder, as an object whose keys are their paths; what tells of none, or
 * can't be read, adds none. New reference. */
json_t *dr_journal_copies(const struct dr_journal *journal, struct dr_err *err);

/* A dr_journal_fits_fn: the server's container was replaced, so that there is a way back. Checks of single parts and
 * hosts that were finished later leave journals too. */
bool dr_journal_has_server(const json_t *state);

/* Takes one that was put away up again, with `state` (consumed also on failure) as its document. */
int dr_journal_reopen(struct dr_journal *journal, const char *path, json_t *state,
                      struct dr_err *err);

/* A drover is at work with this folder now. */
bool dr_journal_is_locked(const struct dr_journal *journal);

#endif
