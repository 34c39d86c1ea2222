/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_JOURNAL_H
#define DROVER_MIRROR_JOURNAL_H

/*
 * What the last run into one registry did to its tags: <state folder>/mirror/<HOST:PORT+PREFIX>.json, written and
 * flushed before the first tag moves, so that a run that is killed in the middle can be taken back too. It is also the
 * lock against a second run into the same place from this machine.
 *
 *     dr_auto_mirror_journal struct dr_mirror_journal journal = DR_MIRROR_JOURNAL_INIT;
 *     dr_mirror_journal_open(&journal, folder, &destination, err);
 *     dr_mirror_journal_begin(&journal, about, moves, count, err);        before the first tag
 *     dr_mirror_journal_set(&journal, DR_MIRROR_DONE, err);               when all are read back
 *
 * A run that goes on with the same bundle where another was cut off is one run with it: what the first one moved stays
 * in the journal. A run that moves nothing leaves the journal alone.
 *
 * The document: {"format": 1, "state": "moving" | "done" | "rolled back", "bundle": {"path",
 * "sums"}, "started": TIME, "tags": [{"repository", "tag", "before": "sha256:…" or null, "after": "sha256:…"}]}.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/content.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "mirror/audit/destination.h"
#include "mirror/uploads.h"

#define DR_MIRROR_MOVING "moving"
#define DR_MIRROR_DONE "done"
#define DR_MIRROR_BACK "rolled back"

struct dr_mirror_journal {
    struct dr_mirror_uploads uploads; /* beside it */
    char *path;
    int lock;
    json_t *json; /* NULL: no run has moved a tag */
};

#define DR_MIRROR_JOURNAL_INIT                                                                     \
    {                                                                                              \
        .lock = -1                                                                                 \
    }

/* One tag. */
struct dr_mirror_move {
    const char *repository;
    const char *tag;
    bool existed; /* false: `before` says nothing */
    struct dr_digest before;
    struct dr_digest after;
};

/* Makes the folder where needed, takes the lock (DR_ERR_REFUSED: another drover works there) and reads. A journal that
 * cannot be read is DR_ERR_FORMAT. */
int dr_mirror_journal_open(struct dr_mirror_journal *journal, const char *folder,
                           const struct dr_destination *destination, struct dr_err *err);
void dr_mirror_journal_release(struct dr_mirror_journal *journal);
#define dr_auto_mirror_journal __attribute__((cleanup(dr_mirror_journal_release)))

/* A run with this bundle was cut off while it moved tags. */
bool dr_mirror_journal_is_unfinished(const struct dr_mirror_journal *journal,
                                     const struct dr_bundle_about *about);

/* Writes down what is about to be moved; on the disk when it returns. */
int dr_mirror_journal_begin(struct dr_mirror_journal *journal, const char *bundle,
                            const struct dr_bundle_about *about, const struct dr_mirror_move *moves,
                            size_t count, struct dr_err *err);

/* Changes "state". */
int dr_mirror_journal_set(struct dr_mirror_journal *journal, const char *state, struct dr_err *err);

/* How many tags are in it, and one of them; it borrows from the journal. */
size_t dr_mirror_journal_count(const struct dr_mirror_journal *journal);
int dr_mirror_journal_move(const struct dr_mirror_journal *journal, size_t index,
                           struct dr_mirror_move *ret_move, struct dr_err *err);

#endif
