/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_VOLUME_H
#define DROVER_BUNDLE_FILE_VOLUME_H

/*
 * One volume of a bundle that was split for media (docs/bundle-format.md, "Volumes"): OUTPUT.001, OUTPUT.002 ... In the
 * file stand, one behind the other,
 *
 *     slice    `size` bytes of the bundle, from its byte `offset` on; all slices but the last are equally large, and a
 *              multiple of DR_VOLUME_CHUNK
 *     table    the SHA-256 of every chunk of the slice, 32 bytes each; the last chunk may be shorter
 *     frame    a copy of all bytes of the bundle that are not the content of a layer or of a program, in their order:
 *              so every volume tells which bundle it is of, which images are in that, and who signed it
 *     label    the signed text that says all of this (bundle/file/label.h)
 *
 * So a volume can be verified without the others, and damage in it is known to the chunk. The order of work:
 *
 *     making     dr_volume_split()    how many volumes, of which size
 *                dr_volume_seal()     once a slice is complete: writes what is behind it
 *     reading    dr_volume_read()     the label of a file, if its signature is good
 *                dr_volume_frame()    the frame, into a file of the bundle's size with holes for layers and programs:
 *                                     a bundle, as far as all checks of bundle/file/reader.h but the hashes of layers go
 *                dr_volume_check()    the slice against its table
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/label.h"
#include "bundle/file/trust.h"
#include "bundle/file/volume_set.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"
#include "lib/log.h"

#define DR_VOLUME_FORMAT "drover-volume/1"

struct dr_volume {
    struct dr_volume_set set;
    uint64_t number; /* 1 to set.count */
    uint64_t offset; /* of its slice in the bundle */
    uint64_t size;   /* of its slice */
    struct dr_digest table;
    struct dr_digest frame;
    struct dr_label label; /* as it stands in the file */
};

#define DR_VOLUME_INIT                                                                             \
    {                                                                                              \
        .set = DR_VOLUME_SET_INIT, .label = DR_LABEL_INIT                                          \
    }

void dr_volume_release(struct dr_volume *volume);
#define dr_auto_volume __attribute__((cleanup(dr_volume_release)))

/* Where the parts of a volume's file are. */
static inline uint64_t dr_volume_table_at(const struct dr_volume *volume)
{
    return volume->size;
}
static inline uint64_t dr_volume_frame_at(const struct dr_volume *volume)
{
    return volume->size + 32 * dr_volume_chunks(volume->size);
}
static inline uint64_t dr_volume_label_at(const struct dr_volume *volume)
{
    return dr_volume_frame_at(volume) + volume->set.frame_size;
}

/* Writes table, frame and label behind the slice in `fd`, which is complete, and cuts the file off there. `frame` is a
 * file of the bundle's size that has at least the frame (the bundle itself, or bundle/pipe.h's). `progress` (may be
 * NULL) gets the bytes that were hashed. */
int dr_volume_seal(const struct dr_volume_set *set, uint64_t number, int fd, int frame,
                   const struct dr_key *key, const char *what, struct dr_progress *progress,
                   struct dr_err *err);

/* Reads the label. DR_ERR_VERIFY: it is no volume, or damaged, or not signed by one whom the receiver believes;
 * DR_ERR_USAGE: it is a parity file. */
int dr_volume_read(int fd, const struct dr_bundle_trust *trust, struct dr_volume *ret_volume,
                   struct dr_err *err);

/* The same of a copy of the label, which it takes: as dr_volume_read(), but for where it stands. */
int dr_volume_open_label(struct dr_label *label, const struct dr_bundle_trust *trust,
                         struct dr_volume *ret_volume, struct dr_err *err);

/* The table against its hash. DR_ERR_VERIFY: it is damaged. */
int dr_volume_check_table(const struct dr_volume *volume, int fd, struct dr_err *err);

/* The table, compared with its hash: 32 bytes per chunk, owned by the caller. */
unsigned char *dr_volume_table(const struct dr_volume *volume, int fd, struct dr_err *err);

/* Writes the frame into `to`, which becomes a file of zeros of set.total bytes, each extent at its place; compared with
 * its hash. `to` -1: it is only compared. DR_ERR_VERIFY: this copy is damaged. */
int dr_volume_frame(const struct dr_volume *volume, int fd, int to, struct dr_err *err);

/* What of the frame is in the slice against its copy. DR_ERR_VERIFY: the slice has something else. */
int dr_volume_compare(const struct dr_volume *volume, int fd, struct dr_err *err);

/* Hashes the slice. `bad` is told of every chunk (counted from 0 in this slice) that is not what the table says, or
 * that cannot be read; -1 of it ends the check. NULL: the first one is DR_ERR_VERIFY. `progress` may be NULL. */
int dr_volume_check(const struct dr_volume *volume, int fd,
                    int (*bad)(void *context, uint64_t chunk, struct dr_err *err), void *context,
                    struct dr_progress *progress, struct dr_err *err);

/* The same for the chunks that have bytes `begin` to `end` of the slice. */
int dr_volume_check_part(const struct dr_volume *volume, int fd, uint64_t begin, uint64_t end,
                         int (*bad)(void *context, uint64_t chunk, struct dr_err *err),
                         void *context, struct dr_progress *progress, struct dr_err *err);

#endif
