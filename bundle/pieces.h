/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PIECES_H
#define DROVER_BUNDLE_PIECES_H

/*
 * The bytes of a bundle in one file or in several, one slice behind the other (bundle/file/volume.h): read and written
 * at offsets of the bundle, whichever file that is. Behind its slice a file may have more, which is nobody's business
 * here.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct dr_piece {
    int fd;      /* -1: what is written there is dropped */
    char *path;  /* what it becomes */
    char *draft; /* what it is called now */
};

struct dr_pieces {
    struct dr_piece *items;
    uint64_t count;
    uint64_t slice; /* bytes of the bundle in each but the last */
};

#define DR_PIECES_INIT                                                                             \
    {                                                                                              \
        .items = NULL                                                                              \
    }

/* Makes room for `count` of them, all without a file. */
int dr_pieces_init(struct dr_pieces *pieces, uint64_t count, uint64_t slice, struct dr_err *err);

/* Takes `fd`; names what it becomes, and `draft`. */
int dr_pieces_set(struct dr_pieces *pieces, uint64_t index, int fd, const char *path,
                  const char *draft, struct dr_err *err);

/* How much of these bytes has a file: nothing, some, or all of it; all, as long as there are no pieces at all. */
enum dr_cover { DR_COVER_NONE, DR_COVER_SOME, DR_COVER_ALL };
enum dr_cover dr_pieces_cover(const struct dr_pieces *pieces, uint64_t offset, uint64_t size);

/* Exactly `size` bytes at `offset` of the bundle. From several threads, if these are different bytes. */
int dr_pieces_write(const struct dr_pieces *pieces, const void *data, size_t size, uint64_t offset,
                    struct dr_err *err);
int dr_pieces_read(const struct dr_pieces *pieces, void *ret_data, size_t size, uint64_t offset,
                   struct dr_err *err);

/* Reserves the space for a bundle of `total` bytes, and for `behind` bytes behind every slice; what was never written
 * is zero. DR_ERR_IO names need and room; `what` is what needs it. */
int dr_pieces_reserve(const struct dr_pieces *pieces, uint64_t total, uint64_t behind,
                      const char *what, struct dr_err *err);

/* On the disk when it returns 0. */
int dr_pieces_flush(const struct dr_pieces *pieces, struct dr_err *err);

/* Cuts the bundle off at `total` bytes, which is less than it has. Files that have nothing of it any more are
 * removed. */
int dr_pieces_cut(struct dr_pieces *pieces, uint64_t total, struct dr_err *err);

void dr_pieces_release(struct dr_pieces *pieces);
#define dr_auto_pieces __attribute__((cleanup(dr_pieces_release)))

#endif
