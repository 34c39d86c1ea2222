/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_LEDGER_H
#define DROVER_BUNDLE_LEDGER_H

/*
 * OUTPUT.part.journal: what a run has got so far, so that the same command can go on after a kill,
 * Ctrl-C, a lost network, a full disk or a power cut. It holds what was asked for, what each image
 * was found to be, the layout, and how many bytes of each layer are in OUTPUT.part. A line of it is
 * only a hint: what is there is hashed again before it counts.
 *
 * Data before journal: OUTPUT.part is flushed to the disk, then the journal says what had been
 * written before that flush. A thread does this every few seconds, beside the transfers.
 *
 *     dr_past_read(path, asked, &past);               what an earlier run left, if anything
 *     dr_ledger_begin(&ledger, ...);                  now there is a journal
 *     dr_ledger_note(&ledger, layer, done);           as bytes are written
 *     dr_ledger_end(&ledger);                         flushes what is there, for the next run
 */

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/log.h"

struct dr_part;

/* What an earlier run left. */
struct dr_past {
    json_t *journal;   /* NULL: nothing that could be gone on with */
    char why[256];     /* why not, for the operator; "" when there simply is nothing */
    uint64_t total;    /* bytes of the bundle: the size of OUTPUT.part, unless it is split */
    uint64_t slice;    /* and of each volume's slice; 0: it is not split */
    uint64_t renaming; /* so many volumes had it, and was about to give them their names */
};

#define DR_PAST_INIT                                                                               \
    {                                                                                              \
        .journal = NULL                                                                            \
    }

/* Reads the journal at `path`. `asked` says what this run was asked for; of a run that was asked for
 * something else nothing is taken. */
void dr_past_read(const char *path, const json_t *asked, struct dr_past *ret_past);
void dr_past_release(struct dr_past *past);
#define dr_auto_past __attribute__((cleanup(dr_past_release)))

/* What the image was found to be; false: it is not in the journal. */
bool dr_past_digest(const struct dr_past *past, const char *reference,
                    struct dr_digest *ret_digest);

/* How many bytes of a layer should be at that place. */
uint64_t dr_past_done(const struct dr_past *past, const struct dr_digest *digest, uint64_t offset,
                      uint64_t size);

/* One layer of the layout. */
struct dr_ledger_layer {
    struct dr_digest digest;
    uint64_t offset;
    uint64_t size;
    atomic_uint_least64_t done;
};

struct dr_ledger {
    const struct dr_part *part; /* whose journal it is; borrowed */
    const struct dr_log *log;
    json_t *journal; /* owned: all but the layers */
    struct dr_ledger_layer *layers;
    size_t count;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool running;
    bool ending;
    bool failed; /* it could not be written, and that was told */
};

#define DR_LEDGER_INIT                                                                             \
    {                                                                                              \
        .part = NULL                                                                               \
    }

/* Begins the journal of `part`, which is reserved for a bundle of `total` bytes. `asked` as in dr_past_read(); `images`
 * maps references to digests. Copies nothing of `layers`, which is the caller's. */
int dr_ledger_begin(struct dr_ledger *ledger, const struct dr_part *part, const json_t *asked,
                    const json_t *images, uint64_t total, struct dr_ledger_layer *layers,
                    size_t count, const struct dr_log *log, struct dr_err *err);

static inline void dr_ledger_note(struct dr_ledger_layer *layer, uint64_t done)
{
    atomic_store_explicit(&layer->done, done, memory_order_relaxed);
}

/* Bytes of all layers. */
uint64_t dr_ledger_done(const struct dr_ledger *ledger);

/* Ends the thread after a last flush. Harmless when it never began, or twice. */
void dr_ledger_end(struct dr_ledger *ledger);
#define dr_auto_ledger __attribute__((cleanup(dr_ledger_end)))

/* Everything is on the disk, and `volumes` volumes get their names now: if that is cut off, a later run has to take it
 * back (dr_past.renaming). On the disk when it returns 0. */
int dr_ledger_renaming(const char *path, uint64_t volumes, struct dr_err *err);

/* Removes a journal, and the draft of one. */
void dr_ledger_remove(const char *path);

#endif
