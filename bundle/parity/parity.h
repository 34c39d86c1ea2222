/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_PARITY_H
#define DROVER_BUNDLE_PARITY_PARITY_H

/*
 * A parity file (docs/bundle-format.md, "Parity"): OUTPUT.parity beside a bundle, OUTPUT.p01, OUTPUT.p02 ... beside its
 * volumes. In it stand, one behind the other,
 *
 *     label     a copy, to be read forwards (bundle/file/label.h), and zeros up to a multiple of 4096
 *     index     what has to be known of the bundle, below
 *     parity    `count` blocks of DR_VOLUME_CHUNK bytes, from block `first` of all parity on (bundle/parity/scheme.h)
 *     index     once more
 *     label     as at the end of a volume
 *
 * So no single scratch makes it worthless. The index is hashed in pieces of DR_VOLUME_CHUNK bytes, which the label names,
 * and a piece is good if one of its copies is. It has, one behind the other,
 *
 *     own hashes      the SHA-256 of each of these blocks
 *     chunk hashes    the SHA-256 of each chunk of the bundle
 *     labels          of a bundle that is split: copies of all volumes' labels, in their order
 *     frame           as in a volume
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/label.h"
#include "bundle/file/trust.h"
#include "bundle/file/volume_set.h"
#include "bundle/parity/scheme.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"

#define DR_PARITY_HASH ((uint64_t)32)

/* The most that the volumes' labels may have together. */
#define DR_PARITY_LABELS_MAX (UINT64_C(8) << 20)

struct dr_parity {
    struct dr_volume_set set; /* of a bundle that is not split: one slice */
    struct dr_scheme scheme;
    uint64_t first; /* of its blocks, counted among those of parity */
    uint64_t count;
    uint64_t labels_size;     /* 0: the bundle is not split */
    struct dr_digest *pieces; /* of the index; owned */
    struct dr_label label;    /* as it stands in the file */
};

#define DR_PARITY_INIT                                                                             \
    {                                                                                              \
        .set = DR_VOLUME_SET_INIT, .label = DR_LABEL_INIT                                          \
    }

void dr_parity_release(struct dr_parity *parity);
#define dr_auto_parity __attribute__((cleanup(dr_parity_release)))

/* Places in the index, and its size. */
static inline uint64_t dr_parity_chunk_hashes_at(const struct dr_parity *parity)
{
    return DR_PARITY_HASH * parity->count;
}
static inline uint64_t dr_parity_labels_at(const struct dr_parity *parity)
{
    return dr_parity_chunk_hashes_at(parity) + DR_PARITY_HASH * parity->scheme.chunks;
}
static inline uint64_t dr_parity_frame_at(const struct dr_parity *parity)
{
    return dr_parity_labels_at(parity) + parity->labels_size;
}
static inline uint64_t dr_parity_index_size(const struct dr_parity *parity)
{
    return dr_parity_frame_at(parity) + parity->set.frame_size;
}
static inline uint64_t dr_parity_pieces(const struct dr_parity *parity)
{
    return dr_volume_chunks(dr_parity_index_size(parity));
}

/* Places in the file. The first one depends on the size of the label, which does not depend on what is in it. */
static inline uint64_t dr_parity_index_at(const struct dr_parity *parity)
{
    return (DR_LABEL_FOOTER + parity->label.size + DR_SIGNATURE_MAX + 4095) / 4096 * 4096;
}
static inline uint64_t dr_parity_blocks_at(const struct dr_parity *parity)
{
    return dr_parity_index_at(parity) + dr_parity_index_size(parity);
}
static inline uint64_t dr_parity_copy_at(const struct dr_parity *parity)
{
    return dr_parity_blocks_at(parity) + parity->count * DR_VOLUME_CHUNK;
}
static inline uint64_t dr_parity_label_at(const struct dr_parity *parity)
{
    return dr_parity_copy_at(parity) + dr_parity_index_size(parity);
}
static inline uint64_t dr_parity_file_size(const struct dr_parity *parity)
{
    return dr_parity_label_at(parity) + dr_label_room(&parity->label);
}

/* Makes the label out of everything else in `parity`. `key` NULL: only to know its size. */
int dr_parity_sign(struct dr_parity *parity, const struct dr_key *key, struct dr_err *err);

/* Writes the label to both of its places. */
int dr_parity_write_label(const struct dr_parity *parity, int fd, const char *what,
                          struct dr_err *err);

/* Reads the label, from whichever place has it. DR_ERR_VERIFY: it is no parity file, damaged in both places, or not signed
 * by one whom the receiver believes. */
int dr_parity_read(int fd, const struct dr_bundle_trust *trust, struct dr_parity *ret_parity,
                   struct dr_err *err);

/* Reads a label that was found somewhere, which it takes. */
int dr_parity_open_label(struct dr_label *label, const struct dr_bundle_trust *trust,
                         struct dr_parity *ret_parity, struct dr_err *err);

/* Piece `piece` of the index, from whichever copy is good. False: none is. `ret_bytes` has room for DR_VOLUME_CHUNK. */
size_t dr_parity_piece_size(const struct dr_parity *parity, uint64_t piece);
bool dr_parity_read_piece(const struct dr_parity *parity, int fd, uint64_t piece,
                          unsigned char *ret_bytes);
/* From that copy, 0 or 1. */
bool dr_parity_read_copy(const struct dr_parity *parity, int fd, uint64_t piece, unsigned copy,
                         unsigned char *ret_bytes);

/* Bytes `from` to `from` + `size` of the index. What cannot be had is zero: `ret_lost` (may be NULL) counts it. A hash of
 * zeros is none, so whoever reads hashes needs no more. */
int dr_parity_read_index(const struct dr_parity *parity, int fd, uint64_t from, uint64_t size,
                         unsigned char *ret_bytes, uint64_t *ret_lost, struct dr_err *err);

/* Writes the frame into `to`, an empty file; DR_ERR_VERIFY: a part of it is damaged. */
int dr_parity_read_frame(const struct dr_parity *parity, int fd, int to, struct dr_err *err);

#endif
