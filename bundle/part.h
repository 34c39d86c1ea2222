/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PART_H
#define DROVER_BUNDLE_PART_H

/*
 * OUTPUT.part: the bundle while it grows, and OUTPUT.part.journal beside it (bundle/ledger.h). It is locked, so two
 * runs never write one file; its space is reserved before the first byte arrives; it becomes OUTPUT by a rename when
 * everything is on the disk. When its scope ends without that, both files are removed, unless they hold something
 * that a later run can go on with. (dr_file in lib/file.h is for small files: its drafts have random names, so
 * that nothing would be found again after a kill.)
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct dr_part {
    int fd;
    char *path;    /* OUTPUT */
    char *draft;   /* OUTPUT.part; NULL once it is renamed */
    char *journal; /* OUTPUT.part.journal */
    uint64_t size; /* of what an earlier run left; 0: nothing */
    bool replace;
    bool keep; /* set it when it is worth something: it is not removed then */
};

#define DR_PART_INIT                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Opens OUTPUT.part, as an earlier run left it or empty. DR_ERR_REFUSED: OUTPUT is there and may
 * not be replaced, or another drover is writing it. */
int dr_part_open(struct dr_part *part, const char *path, bool replace, struct dr_err *err);

/* Forgets what an earlier run left. */
int dr_part_empty(struct dr_part *part, struct dr_err *err);

/* Makes it `size` bytes, zero where there was nothing, whose space is reserved; DR_ERR_IO names need and room. */
int dr_part_reserve(struct dr_part *part, uint64_t size, struct dr_err *err);

/* Moves a piece towards the beginning; the two places may overlap. */
int dr_part_move(struct dr_part *part, uint64_t from, uint64_t to, uint64_t size,
                 struct dr_err *err);

/* Makes it `size` bytes, less than it has. */
int dr_part_cut(struct dr_part *part, uint64_t size, struct dr_err *err);

/* Durable under its name when it returns 0. */
int dr_part_commit(struct dr_part *part, struct dr_err *err);

void dr_part_release(struct dr_part *part);
#define dr_auto_part __attribute__((cleanup(dr_part_release)))

#endif
