/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_SCHEME_H
#define DROVER_BUNDLE_PARITY_SCHEME_H

/*
 * Which bytes of a bundle are protected together: pure arithmetic. The bundle is cut into chunks of DR_VOLUME_CHUNK
 * bytes. Stripe s has the chunks s, s + stripes, s + 2 * stripes ...: up to DR_SCHEME_COLUMNS of them, far apart, so that a
 * scratch costs many stripes one chunk each, not one stripe many. Each stripe gets `rows` chunks of parity, and of all
 * its chunks any `columns` give the others (bundle/parity/erasure.h).
 *
 * Blocks are counted through: the chunks of the bundle are blocks 0 to `chunks` - 1, those of parity come behind, all of
 * row 0, then all of row 1 ...  A block is in place `dr_scheme_place()` of its stripe: its column, or `columns` plus its
 * row. The last column of some stripes may be behind the bundle's end: such a place counts as a chunk of zeros; so does
 * what the bundle's last chunk lacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/volume_set.h"
#include "lib/err.h"

#define DR_SCHEME_COLUMNS 100
#define DR_SCHEME_PERCENT_MAX 100

/* So much can be protected: the hashes of all chunks are in memory. */
#define DR_SCHEME_TOTAL_MAX (UINT64_C(64) << 30)

struct dr_scheme {
    uint64_t total;   /* bytes of the bundle */
    uint64_t chunks;  /* of the bundle */
    uint64_t stripes; /* how many */
    unsigned columns; /* chunks of the bundle in a stripe */
    unsigned rows;    /* chunks of parity in a stripe */
};

/* `percent` is at most DR_SCHEME_PERCENT_MAX. DR_ERR_FORMAT: the bundle is too large. */
int dr_scheme_make(struct dr_scheme *scheme, uint64_t total, unsigned percent, struct dr_err *err);

static inline uint64_t dr_scheme_parity(const struct dr_scheme *scheme)
{
    return scheme->stripes * scheme->rows;
}
static inline uint64_t dr_scheme_blocks(const struct dr_scheme *scheme)
{
    return scheme->chunks + dr_scheme_parity(scheme);
}

/* The block in that place of a stripe; DR_SCHEME_NONE: the place is behind the bundle's end. */
#define DR_SCHEME_NONE UINT64_MAX
uint64_t dr_scheme_block(const struct dr_scheme *scheme, uint64_t stripe, unsigned place);
uint64_t dr_scheme_stripe(const struct dr_scheme *scheme, uint64_t block);

/* Bytes of a block: DR_VOLUME_CHUNK but for the bundle's last. */
size_t dr_scheme_size(const struct dr_scheme *scheme, uint64_t block);

#endif
