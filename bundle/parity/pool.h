/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_POOL_H
#define DROVER_BUNDLE_PARITY_POOL_H

/*
 * All files of one bundle that `drover repair` has found, and which blocks (bundle/parity/scheme.h) are good in which of
 * them. A file here is the bundle itself, a volume or a parity file; each has a row of blocks that follow each other, and
 * around them what says what they are (bundle/parity/ends.h). Two copies of one file are two files: what is good in one
 * of them is good for both.
 *
 *     dr_find_files()        fills the pool (bundle/parity/find.h)
 *     dr_pool_scan()         reads everything once
 *     dr_restore_blocks()           makes the bad blocks out of the good ones (bundle/parity/restore.h)
 *     dr_pool_scan()         again: is what was written really there?
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/volume.h"
#include "bundle/parity/parity.h"
#include "bundle/parity/scheme.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/log.h"

/* A piece of a file that is not as it must be: in a block that is known, exact to 512 bytes. */
struct dr_spot {
    uint64_t offset; /* in the file */
    uint64_t size;
    uint64_t block;  /* it is in this one, or in this one and those behind it */
    bool unreadable; /* the medium gave nothing */
    bool restored;   /* what must be there is known (and written, unless it is a dry run) */
};

/* So many are remembered of one file. */
#define DR_SPOTS_MAX 65536

enum dr_file_kind {
    DR_KIND_BUNDLE,
    DR_KIND_VOLUME,
    DR_KIND_PARITY,
};

/* What is around the blocks of a file. */
enum {
    DR_END_LABEL = 1, /* the label, in any of its places */
    DR_END_TABLE = 2, /* hashes: of a volume its table, of a parity file its index */
    DR_END_FRAME = 4,
    DR_END_SIZE = 8, /* the file is longer or shorter than it must be */
};

/* One byte for each block of a file. */
enum {
    DR_BLOCK_GOOD,
    DR_BLOCK_BAD,
    DR_BLOCK_RESTORED,
};

struct dr_pool_file {
    enum dr_file_kind kind;
    char *path;
    int fd;                /* for reading; -1: the file is missing */
    bool missing;          /* when it was looked for */
    uint64_t found;        /* bytes that it has */
    uint64_t size;         /* bytes that it must have */
    uint64_t number;       /* of a volume */
    uint64_t first;        /* block */
    uint64_t count;        /* of blocks */
    uint64_t at;           /* where they are in the file */
    unsigned char *blocks; /* `count` of DR_BLOCK_... */
    uint64_t bad;          /* how many are bad */
    uint64_t restored;
    unsigned ends;       /* DR_END_... that are damaged */
    unsigned ends_fixed; /* of these, those that are known */
    struct dr_spot *spots;
    size_t spot_count;
    uint64_t spots_left_out;
    struct dr_volume volume; /* its label: its own, or the copy */
    struct dr_parity parity;
    int to;              /* where restored blocks are written; -1: nowhere */
    struct dr_file copy; /* what `to` is, where that is a new file; `fd` reads it too then */
    int old;             /* and this is what was found; -1: nothing, or `fd` itself */
};

struct dr_pool {
    const struct dr_log *log;
    struct dr_volume_set set; /* owned */
    bool split;
    struct dr_scheme scheme; /* rows 0: there is no parity */
    struct dr_pool_file *files;
    size_t count;
    unsigned char *hashes;   /* of all blocks; zeros: not known */
    uint16_t *sources;       /* of each block 1 + the file that has it; 0: none has */
    struct dr_label *labels; /* of all volumes, as far as known; NULL texts: not */
    int frame;               /* file in memory with the frame; -1: not known */
    char *output;            /* what the bundle's files are called, without .001, .parity */
    struct dr_err doubt;     /* why a file with a label was passed over; DR_OK: none was */
    uint64_t lacking;        /* the most blocks that a stripe lacks to be restored */
};

#define DR_POOL_INIT                                                                               \
    {                                                                                              \
        .set = DR_VOLUME_SET_INIT, .frame = -1                                                     \
    }

void dr_pool_release(struct dr_pool *pool);
#define dr_auto_pool __attribute__((cleanup(dr_pool_release)))

/* Memory for what is known of each block, once set and scheme are known. */
int dr_pool_reserve(struct dr_pool *pool, struct dr_err *err);

/* A new file at the end, of which only kind, path (copied) and descriptor (taken) are set. NULL on failure. */
struct dr_pool_file *dr_pool_add(struct dr_pool *pool, enum dr_file_kind kind, const char *path,
                                 int fd, struct dr_err *err);

void dr_pool_remove_last(struct dr_pool *pool);

/* Sets the places of its blocks, once label and set are known. */
int dr_pool_place(const struct dr_pool *pool, struct dr_pool_file *file, struct dr_err *err);

bool dr_pool_knows(const struct dr_pool *pool, uint64_t block);
bool dr_pool_matches(const struct dr_pool *pool, uint64_t block, const void *data);

/* For reading the file as it was found; -1: it is missing. */
static inline int dr_pool_old(const struct dr_pool_file *file)
{
    return file->old >= 0 || file->copy.fd >= 0 ? file->old : file->fd;
}

/* Where a block is in a file that has it. */
static inline uint64_t dr_pool_block_at(const struct dr_pool_file *file, uint64_t block)
{
    return file->at + (block - file->first) * DR_VOLUME_CHUNK;
}
static inline bool dr_pool_has(const struct dr_pool_file *file, uint64_t block)
{
    return block >= file->first && block - file->first < file->count;
}

/* The block from its source, and zeros up to DR_VOLUME_CHUNK. False: it is not good any more, and has another source, or
 * none, now. */
bool dr_pool_read(struct dr_pool *pool, uint64_t block, unsigned char *ret_data);

/* Reads all blocks of all files, and finds out what is bad. */
int dr_pool_scan(struct dr_pool *pool, struct dr_err *err);

/* Reads everything again, once what is restored was written. DR_ERR_PROOF: something else is bad than what could not be
 * restored. */
int dr_pool_verify(struct dr_pool *pool, struct dr_err *err);

/* Of a volume without label not even the size is known: its blocks are of use, and nothing can be made of it. */
static inline bool dr_pool_is_labelled(const struct dr_pool_file *file)
{
    return file->kind != DR_KIND_VOLUME || file->volume.label.text;
}
static inline bool dr_pool_is_damaged(const struct dr_pool_file *file)
{
    return file->missing || file->bad > 0 || file->ends != 0;
}
/* Nothing of it is missing, or will be once what is known was written. */
static inline bool dr_pool_is_whole(const struct dr_pool_file *file)
{
    return file->bad == file->restored && (file->ends & ~file->ends_fixed) == 0;
}

/* Notes what is bad of a file; afterwards, sorts that and makes those that touch one. */
int dr_pool_note(struct dr_pool_file *file, const struct dr_spot *spot, struct dr_err *err);
void dr_pool_sort_spots(struct dr_pool_file *file);

#endif
