/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PART_H
#define DROVER_BUNDLE_PART_H

/*
 * OUTPUT.part: the bundle while it grows, and OUTPUT.part.journal beside it (bundle/ledger.h). It is locked, so two
 * runs never write one file; its space is reserved before the first byte arrives; it becomes OUTPUT by a rename when
 * everything is on the disk. When its scope ends without that, both files are removed, unless they hold something
 * that a later run can go on with. (dr_file in lib/file.h is for small files: its drafts have random names, so
 * that nothing would be found again after a kill.)
 *
 * A bundle that is split (bundle/file/volume.h) consists of several files (bundle/pieces.h): OUTPUT.001.part, OUTPUT.002.part ...
 * Each has one slice of the bundle, and room for what stands behind that. OUTPUT.part is empty then, and only the
 * lock. All others read and write at offsets of the bundle.
 *
 *     dr_auto_part struct dr_part part = DR_PART_INIT;
 *     dr_part_open(&part, path, ...);
 *     dr_part_reserve(&part, total, err);    or dr_part_reserve_split()
 *     dr_pieces_write(&part.pieces, ...);    from here on
 *     dr_part_commit(&part, err);
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bundle/ledger.h"
#include "bundle/pieces.h"
#include "lib/err.h"

struct dr_part {
    /* Set before it is opened. */
    bool split;   /* into volumes */
    bool replace; /* what is there under the output's name */

    char *path;    /* OUTPUT */
    char *draft;   /* OUTPUT.part; NULL once it is renamed */
    char *journal; /* OUTPUT.part.journal */
    char *shown;   /* what people are told that the draft is called: OUTPUT.part, OUTPUT.*.part */
    int lock;      /* OUTPUT.part, where that is not the one piece */
    struct dr_pieces pieces;
    uint64_t size; /* of what an earlier run left; 0: nothing */
    bool ready;    /* it was opened */
    bool keep;     /* set it when it is worth something: it is not removed then */
};

#define DR_PART_INIT                                                                               \
    {                                                                                              \
        .lock = -1                                                                                 \
    }

/* Opens OUTPUT.part, as an earlier run left it or empty. `ret_past` gets what its journal says, if that run was asked
 * for the same (`asked` NULL: nobody asks). A run that was cut off between the renames of its volumes is taken back to
 * where they had not begun. DR_ERR_REFUSED: OUTPUT, or a volume of it, is there and may not be replaced, or another
 * drover is writing it. */
int dr_part_open(struct dr_part *part, const char *path, const json_t *asked,
                 struct dr_past *ret_past, struct dr_err *err);

/* Forgets what an earlier run left. */
int dr_part_empty(struct dr_part *part, struct dr_err *err);

/* Makes it `size` bytes, zero where there was nothing, whose space is reserved; DR_ERR_IO names need and room. */
int dr_part_reserve(struct dr_part *part, uint64_t size, struct dr_err *err);

/* The same for one that is split, into pieces with `slice` bytes of the bundle each; `behind` bytes are reserved behind
 * every slice. */
int dr_part_reserve_split(struct dr_part *part, uint64_t size, uint64_t slice, uint64_t behind,
                          struct dr_err *err);

/* Moves a piece towards the beginning; the two places may overlap. */
int dr_part_move(const struct dr_part *part, uint64_t from, uint64_t to, uint64_t size,
                 struct dr_err *err);

/* Durable under its name when it returns 0; its pieces under theirs, and further volumes of an earlier bundle are gone. */
int dr_part_commit(struct dr_part *part, struct dr_err *err);

void dr_part_release(struct dr_part *part);
#define dr_auto_part __attribute__((cleanup(dr_part_release)))

#endif
