/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_LAYERS_H
#define DROVER_BUNDLE_LAYERS_H

/*
 * The layers of a bundle on their way from registries to their places in OUTPUT.part, several at a time. What an
 * earlier run left there is hashed again and not fetched.
 */

#include <stddef.h>
#include <stdint.h>

#include "bundle/fetched.h"
#include "bundle/file/writer.h"
#include "bundle/ledger.h"
#include "bundle/part.h"
#include "bundle/source.h"
#include "bundle/unpacking.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_layers {
    /* Set by who asks; borrowed. */
    const struct dr_pieces
        *pieces; /* where they go; what has no place there at all is not fetched */
    const struct dr_bundle_blob *blobs;
    size_t blob_count;
    const struct dr_fetched *fetched;
    size_t fetched_count;
    struct dr_sources *sources;
    const struct dr_unpacking *unpacking; /* NULL: none is converted */

    /* Made by dr_layers_plan(). */
    struct dr_ledger_layer *rows; /* one per layer, in the order of the file; owned */
    size_t count;
    uint64_t bytes;
    uint64_t kept; /* of an earlier run */
};

/* What is to be fetched, and what `past` says is there. */
int dr_layers_plan(struct dr_layers *layers, const struct dr_past *past, struct dr_err *err);
void dr_layers_release(struct dr_layers *layers);

/* Fetches them, noting in `rows` how far each has come. */
int dr_layers_fetch(struct dr_layers *layers, const struct dr_log *log, struct dr_err *err);

/* The first image that has the layer says where it is fetched from. */
const struct dr_fetched *dr_layers_owner(const struct dr_layers *layers,
                                         const struct dr_digest *digest);

/* Rarely, two images turn out to have one config, which is stored once: then the layers, which lie where they were
 * `planned`, move up to where the writer has them. */
int dr_layers_move_up(struct dr_part *part, const struct dr_writer *planned,
                      const struct dr_writer *writer, const struct dr_log *log, struct dr_err *err);

#endif
