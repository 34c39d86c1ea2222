/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/parity/ends.h"
#include "lib/cleanup.h"
#include "lib/stop.h"
#include "lib/text.h"

#define FILES_MAX 2000

static void release_file(struct dr_pool_file *file)
{
    free(file->path);
    free(file->blocks);
    free(file->spots);
    dr_volume_release(&file->volume);
    dr_parity_release(&file->parity);
    if (file->fd >= 0)
        close(file->fd);
    if (file->to >= 0 && file->to != file->copy.fd)
        close(file->to);
    dr_cleanup_close(&file->old);
    dr_file_release(&file->copy);
}

void dr_pool_release(struct dr_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        release_file(&pool->files[i]);
    for (uint64_t i = 0; pool->labels && i < pool->set.count; i++)
        dr_label_release(&pool->labels[i]);
    free(pool->files);
    free(pool->labels);
    free(pool->hashes);
    free(pool->sources);
    free(pool->output);
    dr_cleanup_close(&pool->frame);
    dr_volume_set_release(&pool->set);
}

int dr_pool_reserve(struct dr_pool *pool, struct dr_err *err)
{
    uint64_t blocks = dr_scheme_blocks(&pool->scheme);

    pool->hashes = calloc(blocks, DR_PARITY_HASH);
    pool->sources = calloc(blocks, sizeof *pool->sources);
    pool->labels = calloc(pool->set.count, sizeof *pool->labels);
    return pool->hashes && pool->sources && pool->labels ? 0 : dr_fail_memory(err);
}

struct dr_pool_file *dr_pool_add(struct dr_pool *pool, enum dr_file_kind kind, const char *path,
                                 int fd, struct dr_err *err)
{
    dr_autoclose int taken = fd;
    struct dr_pool_file *files = NULL;
    char *copy = NULL;

    if (pool->count < FILES_MAX)
        files = realloc(pool->files, (pool->count + 1) * sizeof *files);
    if (files) {
        pool->files = files;
        copy = dr_text_copy(path, err);
    }
    if (!copy) {
        dr_fail_memory(err);
        return NULL;
    }
    files += pool->count++;
    *files = (struct dr_pool_file){.kind = kind,
                                   .path = copy,
                                   .fd = taken,
                                   .missing = taken < 0,
                                   .volume = DR_VOLUME_INIT,
                                   .parity = DR_PARITY_INIT,
                                   .to = -1,
                                   .old = -1,
                                   .copy = DR_FILE_INIT};
    taken = -1;
    return files;
}

void dr_pool_remove_last(struct dr_pool *pool)
{
    release_file(&pool->files[--pool->count]);
}

int dr_pool_place(const struct dr_pool *pool, struct dr_pool_file *file, struct dr_err *err)
{
    struct stat info;

    if (file->kind == DR_KIND_BUNDLE) {
        file->count = pool->scheme.chunks;
        file->size = pool->set.total;
    } else if (file->kind == DR_KIND_VOLUME) {
        file->first = dr_slice_offset(&pool->set, file->number) / DR_VOLUME_CHUNK;
        file->count = dr_volume_chunks(dr_slice_size(&pool->set, file->number));
        file->size = file->volume.label.text
                         ? dr_volume_label_at(&file->volume) + dr_label_room(&file->volume.label)
                         : dr_slice_size(&pool->set, file->number);
    } else {
        file->first = pool->scheme.chunks + file->parity.first;
        file->count = file->parity.count;
        file->at = dr_parity_blocks_at(&file->parity);
        file->size = dr_parity_file_size(&file->parity);
    }
    file->blocks = calloc(file->count, 1);
    if (!file->blocks)
        return dr_fail_memory(err);
    if (file->fd >= 0 && fstat(file->fd, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", file->path);
    file->found = file->fd >= 0 ? (uint64_t)info.st_size : 0;
    return 0;
}

bool dr_pool_knows(const struct dr_pool *pool, uint64_t block)
{
    static const unsigned char none[DR_PARITY_HASH];

    return memcmp(pool->hashes + DR_PARITY_HASH * block, none, sizeof none) != 0;
}

bool dr_pool_matches(const struct dr_pool *pool, uint64_t block, const void *data)
{
    struct dr_digest digest;

    dr_digest_of(data, dr_scheme_size(&pool->scheme, block), &digest);
    return memcmp(pool->hashes + DR_PARITY_HASH * block, digest.bytes, DR_PARITY_HASH) == 0;
}

/* ---- blocks */

static bool read_from(const struct dr_pool *pool, const struct dr_pool_file *file, uint64_t block,
                      unsigned char *ret_data)
{
    size_t size = dr_scheme_size(&pool->scheme, block);

    return dr_file_pread(file->fd, ret_data, size, dr_pool_block_at(file, block), file->path,
                         NULL) == 0 &&
           dr_pool_matches(pool, block, ret_data);
}

static void mark_bad(struct dr_pool_file *file, uint64_t block)
{
    unsigned char *state = &file->blocks[block - file->first];

    if (*state == DR_BLOCK_RESTORED)
        file->restored--;
    else if (*state == DR_BLOCK_GOOD)
        file->bad++;
    *state = DR_BLOCK_BAD;
}

static void find_source(struct dr_pool *pool, uint64_t block)
{
    pool->sources[block] = 0;
    for (size_t i = 0; i < pool->count && !pool->sources[block]; i++) {
        const struct dr_pool_file *file = &pool->files[i];

        if (file->fd >= 0 && dr_pool_has(file, block) &&
            file->blocks[block - file->first] != DR_BLOCK_BAD)
            pool->sources[block] = (uint16_t)(i + 1);
    }
}

bool dr_pool_read(struct dr_pool *pool, uint64_t block, unsigned char *ret_data)
{
    size_t size = dr_scheme_size(&pool->scheme, block);
    struct dr_pool_file *file = &pool->files[pool->sources[block] - 1];

    if (!read_from(pool, file, block, ret_data)) {
        mark_bad(file, block);
        find_source(pool, block);
        return false;
    }
    memset(ret_data + size, 0, (size_t)DR_VOLUME_CHUNK - size);
    return true;
}

static int scan_file(struct dr_pool *pool, size_t number, unsigned char *data,
                     struct dr_progress *progress, struct dr_err *err)
{
    struct dr_pool_file *file = &pool->files[number];

    file->bad = 0;
    file->restored = 0;
    memset(file->blocks, DR_BLOCK_GOOD, file->count);
    for (uint64_t block = file->first; block < file->first + file->count; block++) {
        if (dr_stop_check(err, "everything was read") < 0)
            return -1;
        if (file->fd < 0 || !read_from(pool, file, block, data))
            mark_bad(file, block);
        else if (!pool->sources[block])
            pool->sources[block] = (uint16_t)(number + 1);
        dr_progress_add(progress, DR_VOLUME_CHUNK);
    }
    return dr_ends_check(file, err);
}

static int verify_file(struct dr_pool *pool, size_t number, unsigned char *data,
                       struct dr_progress *progress, struct dr_err *err)
{
    struct dr_pool_file *file = &pool->files[number];
    unsigned ends = file->ends;
    unsigned fixed = file->ends_fixed;
    uint64_t bad = 0;
    unsigned left;

    for (uint64_t block = file->first; file->fd >= 0 && block < file->first + file->count;
         block++) {
        if (dr_stop_check(err, "everything was read again") < 0)
            return -1;
        if (file->blocks[block - file->first] != DR_BLOCK_BAD &&
            !read_from(pool, file, block, data))
            bad++;
        dr_progress_add(progress, DR_VOLUME_CHUNK);
    }
    if (dr_ends_check(file, err) < 0)
        return -1;
    left = file->ends;
    file->ends = ends;
    file->ends_fixed = fixed;
    return bad == 0 && (left & fixed) == 0
               ? 0
               : dr_fail(err, DR_ERR_PROOF,
                         "'%s' was written and does not read back as it was written: its medium is "
                         "worn out; -o FOLDER writes a restored copy elsewhere",
                         file->path);
}

typedef int look_fn(struct dr_pool *pool, size_t number, unsigned char *data,
                    struct dr_progress *progress, struct dr_err *err);

/* At each file. */
static int look_at_all(struct dr_pool *pool, look_fn *look, const char *verb, struct dr_err *err)
{
    dr_autofree unsigned char *data = malloc(DR_VOLUME_CHUNK);
    struct dr_progress progress;
    uint64_t blocks = 0;
    int done = 0;

    if (!data)
        return dr_fail_memory(err);
    for (size_t i = 0; i < pool->count; i++)
        blocks += pool->files[i].count;
    dr_progress_start(&progress, pool->log, verb, blocks * DR_VOLUME_CHUNK);
    for (size_t i = 0; i < pool->count && done == 0; i++)
        done = look(pool, i, data, &progress, err);
    dr_progress_end(&progress);
    return done;
}

int dr_pool_scan(struct dr_pool *pool, struct dr_err *err)
{
    memset(pool->sources, 0, dr_scheme_blocks(&pool->scheme) * sizeof *pool->sources);
    return look_at_all(pool, scan_file, "read", err);
}

int dr_pool_verify(struct dr_pool *pool, struct dr_err *err)
{
    return look_at_all(pool, verify_file, "verify", err);
}

/* ---- spots */

/* Do they touch, and is the same to be said of both? Then the first one becomes both. */
static bool join(struct dr_spot *one, const struct dr_spot *next)
{
    if (one->offset + one->size != next->offset || one->restored != next->restored ||
        one->unreadable != next->unreadable)
        return false;
    one->size += next->size;
    return true;
}

int dr_pool_note(struct dr_pool_file *file, const struct dr_spot *spot, struct dr_err *err)
{
    if (!file->spots)
        file->spots = calloc(DR_SPOTS_MAX, sizeof *file->spots);
    if (!file->spots)
        return dr_fail_memory(err);
    if (file->spot_count > 0 && join(&file->spots[file->spot_count - 1], spot))
        return 0;
    if (file->spot_count < DR_SPOTS_MAX)
        file->spots[file->spot_count++] = *spot;
    else
        file->spots_left_out++;
    return 0;
}

static int compare_spots(const void *a, const void *b)
{
    const struct dr_spot *one = a;
    const struct dr_spot *other = b;

    return one->offset < other->offset ? -1 : one->offset > other->offset;
}

void dr_pool_sort_spots(struct dr_pool_file *file)
{
    size_t kept = 0;

    if (file->spot_count == 0)
        return;
    qsort(file->spots, file->spot_count, sizeof *file->spots, compare_spots);
    for (size_t i = 1; i < file->spot_count; i++) {
        if (!join(&file->spots[kept], &file->spots[i]))
            file->spots[++kept] = file->spots[i];
    }
    file->spot_count = kept + 1;
}
