/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_STATE_H
#define DROVER_BUNDLE_FILE_STATE_H

/*
 * What was taken here before: for each channel the highest serial and which bundle had it, in <folder>/state.json. An
 * older bundle with a good signature is still an older bundle.
 *
 *     dr_auto_state struct dr_state state = DR_STATE_INIT;
 *     dr_state_open(&state, folder, true, err);        locked until released; false: only looked at
 *     trust.state = &state;
 *     ... dr_bundle_open(path, &trust, err) ...        compares, and notes in the state what it accepted
 *     dr_state_record(&state, now, err);               last of all, after full success
 *
 * The document: {"format": 1, "channels": {NAME: {"serial": n, "sums": "sha256:...", "imported": TIME, "keys":
 * [ids of those who signed]}}}.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/content.h"
#include "bundle/file/trust.h"
#include "lib/err.h"

struct dr_state {
    char *folder;
    char *path;
    int lock;
    json_t *json;         /* NULL: there is no file */
    bool first_import;    /* a channel that is not in it is begun */
    bool allow_downgrade; /* a lower serial is taken, and not written */
    json_t *accepted;     /* the entry of the bundle that was opened; NULL: none */
    char *channel;        /* its channel */
};

#define DR_STATE_INIT                                                                              \
    {                                                                                              \
        .lock = -1                                                                                 \
    }

/* Reads what is there. With `record` it makes the folder and takes its lock (somebody else works: DR_ERR_REFUSED),
 * so that what could not be written is said before the work and not after it. A document that is damaged:
 * DR_ERR_FORMAT; one that others may write: DR_ERR_REFUSED. */
int dr_state_open(struct dr_state *state, const char *folder, bool record, struct dr_err *err);
void dr_state_release(struct dr_state *state);
#define dr_auto_state __attribute__((cleanup(dr_state_release)))

/* When the last bundle of the channel was taken; INT64_MIN: none was. */
int64_t dr_state_imported_at(const struct dr_state *state, const char *channel);

/* DR_ERR_REFUSED: a lower serial than the last one, the same serial for another bundle, or nothing to compare with.
 * Used by bundle/file/policy.h. */
int dr_state_check(struct dr_state *state, const struct dr_bundle_about *about,
                   const struct dr_bundle_trust *trust, struct dr_err *err);

/* Writes the bundle that was accepted, durably; does nothing when it was an allowed downgrade. */
int dr_state_record(struct dr_state *state, int64_t now, struct dr_err *err);

#endif
