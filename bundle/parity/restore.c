/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/restore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/parity/ends.h"
#include "bundle/parity/erasure.h"
#include "lib/cleanup.h"
#include "lib/stop.h"

#define SECTOR 512
#define PLACES_MAX (2 * DR_SCHEME_COLUMNS)

struct work {
    struct dr_pool *pool;
    struct dr_erasure *erasure;        /* NULL: there is no parity */
    unsigned char *memory;             /* a block for each place, and one */
    unsigned char *old;                /* what was found in the place of a bad block */
    unsigned char *places[PLACES_MAX]; /* of the stripe */
    uint64_t blocks[PLACES_MAX];       /* DR_SCHEME_NONE: zeros */
    bool have[PLACES_MAX];             /* read, and good */
    unsigned columns;
    unsigned count; /* of places */
};

static void release(struct work *work)
{
    dr_erasure_free(work->erasure);
    free(work->memory);
}

/* ---- what is written */

/* What was found where the block is, sector by sector where it must be. Which sectors the medium does not give is told
 * in `ret_unreadable`. */
static void read_old(const struct dr_pool_file *file, uint64_t block, size_t size,
                     unsigned char *ret_data, bool *ret_unreadable)
{
    uint64_t at = dr_pool_block_at(file, block);

    memset(ret_unreadable, 0, DR_VOLUME_CHUNK / SECTOR);
    if (dr_file_pread(dr_pool_old(file), ret_data, size, at, file->path, NULL) == 0)
        return;
    for (size_t i = 0; i < size; i += SECTOR)
        ret_unreadable[i / SECTOR] =
            dr_file_pread(dr_pool_old(file), ret_data + i, size - i < SECTOR ? size - i : SECTOR,
                          at + i, file->path, NULL) < 0;
}

/* Notes which sectors differ from what is right. `right` NULL: that is not known, so all may. */
static int note(const struct work *work, struct dr_pool_file *file, uint64_t block,
                const unsigned char *right, struct dr_err *err)
{
    size_t size = dr_scheme_size(&work->pool->scheme, block);
    bool unreadable[DR_VOLUME_CHUNK / SECTOR];

    if (dr_pool_old(file) < 0)
        return 0;
    read_old(file, block, size, work->old, unreadable);
    /* What was behind the end is told as its length. */
    for (size_t i = 0; i < size && dr_pool_block_at(file, block) + i < file->found; i += SECTOR) {
        size_t now = size - i < SECTOR ? size - i : SECTOR;
        const struct dr_spot spot = {.offset = dr_pool_block_at(file, block) + i,
                                     .size = now,
                                     .block = block,
                                     .unreadable = unreadable[i / SECTOR],
                                     .restored = right != NULL};

        if (right && !spot.unreadable && memcmp(work->old + i, right + i, now) == 0)
            continue;
        if (dr_pool_note(file, &spot, err) < 0)
            return -1;
    }
    return 0;
}

/* Into every file where that block is bad. */
static int write_block(const struct work *work, uint64_t block, const unsigned char *data,
                       struct dr_err *err)
{
    struct dr_pool *pool = work->pool;

    for (size_t i = 0; i < pool->count; i++) {
        struct dr_pool_file *file = &pool->files[i];

        if (!dr_pool_has(file, block) || file->blocks[block - file->first] != DR_BLOCK_BAD)
            continue;
        if (note(work, file, block, data, err) < 0)
            return -1;
        if (file->to >= 0) {
            if (dr_file_pwrite(file->to, data, dr_scheme_size(&pool->scheme, block),
                               dr_pool_block_at(file, block), file->path, err) < 0)
                return dr_err_advise(err, "the medium may be worn out: -o FOLDER writes a "
                                          "restored copy elsewhere");
            if (!pool->sources[block])
                pool->sources[block] = (uint16_t)(i + 1);
        }
        file->blocks[block - file->first] = DR_BLOCK_RESTORED;
        file->restored++;
    }
    return 0;
}

static int note_lost(const struct work *work, uint64_t block, struct dr_err *err)
{
    for (size_t i = 0; i < work->pool->count; i++) {
        struct dr_pool_file *file = &work->pool->files[i];

        if (dr_pool_has(file, block) && file->blocks[block - file->first] == DR_BLOCK_BAD &&
            note(work, file, block, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- one stripe */

/* Is it bad anywhere? */
static bool is_wanted(const struct dr_pool *pool, uint64_t block)
{
    for (size_t i = 0; i < pool->count; i++) {
        const struct dr_pool_file *file = &pool->files[i];

        if (dr_pool_has(file, block) && file->blocks[block - file->first] == DR_BLOCK_BAD)
            return true;
    }
    return false;
}

/* Reads that place, if some file has it. */
static bool read_place(struct work *work, unsigned place)
{
    uint64_t block = work->blocks[place];

    if (block == DR_SCHEME_NONE) {
        memset(work->places[place], 0, DR_VOLUME_CHUNK);
        work->have[place] = true;
    }
    while (!work->have[place] && work->pool->sources[block])
        work->have[place] = dr_pool_read(work->pool, block, work->places[place]);
    return work->have[place];
}

/* As many places as make the others; less, if there are not so many. */
static unsigned read_enough(struct work *work)
{
    unsigned count = 0;

    memset(work->have, 0, sizeof work->have);
    for (unsigned i = 0; i < work->count && count < work->columns; i++)
        count += read_place(work, i);
    return count;
}

static int make_others(const struct work *work, struct dr_err *err)
{
    unsigned char *from[PLACES_MAX];
    unsigned char *to[PLACES_MAX];
    uint8_t have[PLACES_MAX];
    uint8_t wanted[PLACES_MAX];
    unsigned had = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < work->count; i++) {
        if (work->have[i]) {
            from[had] = work->places[i];
            have[had++] = (uint8_t)i;
        } else if (is_wanted(work->pool, work->blocks[i])) {
            to[count] = work->places[i];
            wanted[count++] = (uint8_t)i;
        }
    }
    return dr_erasure_restore(work->erasure, DR_VOLUME_CHUNK, have, from, wanted, count, to, err);
}

/* Those that are bad here and good in another file. */
static int copy_blocks(struct work *work, struct dr_err *err)
{
    for (unsigned i = 0; i < work->count; i++) {
        uint64_t block = work->blocks[i];

        if (block == DR_SCHEME_NONE || !work->pool->sources[block] ||
            !is_wanted(work->pool, block) || !read_place(work, i))
            continue;
        if (write_block(work, block, work->places[i], err) < 0)
            return -1;
    }
    return 0;
}

/* What is still bad, out of all that is good. */
static int make_blocks(struct work *work, struct dr_err *err)
{
    struct dr_pool *pool = work->pool;
    unsigned count = work->erasure ? read_enough(work) : 0;
    bool enough = work->erasure && count == work->columns;

    if (!enough && work->columns - count > pool->lacking)
        pool->lacking = work->columns - count;
    if (enough && make_others(work, err) < 0)
        return -1;
    for (unsigned i = 0; i < work->count; i++) {
        uint64_t block = work->blocks[i];
        int done;

        if (work->have[i] || block == DR_SCHEME_NONE || !is_wanted(pool, block))
            continue;
        /* Its hash may be among what was lost; then nobody could tell whether it is right. */
        if (enough && dr_pool_matches(pool, block, work->places[i]))
            done = write_block(work, block, work->places[i], err);
        else
            done = note_lost(work, block, err);
        if (done < 0)
            return -1;
    }
    return 0;
}

static bool needs_making(const struct work *work)
{
    for (unsigned i = 0; i < work->count; i++) {
        if (work->blocks[i] != DR_SCHEME_NONE && is_wanted(work->pool, work->blocks[i]))
            return true;
    }
    return false;
}

static int restore_stripe(struct work *work, uint64_t stripe, struct dr_err *err)
{
    for (unsigned i = 0; i < work->count; i++)
        work->blocks[i] = dr_scheme_block(&work->pool->scheme, stripe, i);
    memset(work->have, 0, sizeof work->have);
    if (copy_blocks(work, err) < 0)
        return -1;
    return needs_making(work) ? make_blocks(work, err) : 0;
}

/* ---- all stripes */

static int prepare(struct work *work, struct dr_err *err)
{
    const struct dr_scheme *scheme = &work->pool->scheme;

    work->columns = scheme->columns;
    work->count = scheme->columns + scheme->rows;
    assert(work->count <= PLACES_MAX);
    work->memory = malloc((work->count + 1) * (size_t)DR_VOLUME_CHUNK);
    if (!work->memory)
        return dr_fail_memory(err);
    for (unsigned i = 0; i < work->count; i++)
        work->places[i] = work->memory + i * (size_t)DR_VOLUME_CHUNK;
    work->old = work->memory + work->count * (size_t)DR_VOLUME_CHUNK;
    if (scheme->rows > 0)
        work->erasure = dr_erasure_new(scheme->columns, scheme->rows, err);
    return scheme->rows > 0 && !work->erasure ? -1 : 0;
}

/* One byte for each stripe: is anything of it bad? */
static unsigned char *find_stripes(const struct dr_pool *pool, uint64_t *ret_count,
                                   struct dr_err *err)
{
    unsigned char *stripes = calloc(1, pool->scheme.stripes);

    if (!stripes)
        dr_fail_memory(err);
    *ret_count = 0;
    for (size_t i = 0; stripes && i < pool->count; i++) {
        const struct dr_pool_file *file = &pool->files[i];

        for (uint64_t j = 0; j < file->count; j++) {
            uint64_t stripe = dr_scheme_stripe(&pool->scheme, file->first + j);

            if (file->blocks[j] == DR_BLOCK_BAD && !stripes[stripe]) {
                stripes[stripe] = 1;
                ++*ret_count;
            }
        }
    }
    return stripes;
}

static int restore_stripes(struct work *work, struct dr_err *err)
{
    struct dr_pool *pool = work->pool;
    struct dr_progress progress;
    uint64_t count;
    dr_autofree unsigned char *stripes = find_stripes(pool, &count, err);
    int done = stripes ? 0 : -1;

    dr_progress_start(&progress, pool->log, "repair",
                      count * pool->scheme.columns * DR_VOLUME_CHUNK);
    for (uint64_t i = 0; done == 0 && i < pool->scheme.stripes; i++) {
        if (!stripes[i])
            continue;
        done = dr_stop_check(err, "it was repaired") < 0 ? -1 : restore_stripe(work, i, err);
        dr_progress_add(&progress, pool->scheme.columns * DR_VOLUME_CHUNK);
    }
    dr_progress_end(&progress);
    return done;
}

int dr_restore_blocks(struct dr_pool *pool, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct work work = {.pool = pool};

    if (prepare(&work, err) < 0 || restore_stripes(&work, err) < 0 ||
        dr_ends_find_frame(pool, err) < 0)
        return -1;
    for (size_t i = 0; i < pool->count; i++) {
        struct dr_pool_file *file = &pool->files[i];

        dr_pool_sort_spots(file);
        if (dr_pool_is_damaged(file) && dr_ends_restore(pool, file, file->copy.fd >= 0, err) < 0)
            return -1;
    }
    return 0;
}
