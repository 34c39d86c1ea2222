/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/ends.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"

/* Walks along the frame: `add` gets its bytes piece by piece. */
typedef int add_fn(void *context, const unsigned char *data, size_t size, struct dr_err *err);

static int walk_frame(const struct dr_pool *pool, add_fn *add, void *context, struct dr_err *err)
{
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);

    if (!piece)
        return dr_fail_memory(err);
    for (size_t i = 0; i < pool->set.frame_count; i++) {
        const struct dr_extent *extent = &pool->set.frame[i];

        for (uint64_t done = 0; done < extent->size;) {
            uint64_t left = extent->size - done;
            size_t now = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);

            if (dr_file_pread(pool->frame, piece, now, extent->offset + done, "the frame", err) <
                    0 ||
                add(context, piece, now, err) < 0)
                return -1;
            done += now;
        }
    }
    return 0;
}

/* ---- volumes */

static int add_to_hash(void *context, const unsigned char *data, size_t size, struct dr_err *err)
{
    (void)err;
    dr_hash_add(context, data, size);
    return 0;
}

/* Is the frame that is known the one which that label names? */
static int is_its_frame(const struct dr_pool *pool, const struct dr_volume *volume, bool *ret_is,
                        struct dr_err *err)
{
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    struct dr_digest digest;

    *ret_is = false;
    if (!hash)
        return -1;
    if (pool->frame < 0)
        return 0;
    if (walk_frame(pool, add_to_hash, hash, err) < 0)
        return -1;
    dr_hash_end(hash, &digest);
    *ret_is = dr_digest_equal(&digest, &volume->frame);
    return 0;
}

static bool is_its_table(const struct dr_pool *pool, const struct dr_pool_file *file)
{
    struct dr_digest digest;

    dr_digest_of(pool->hashes + DR_PARITY_HASH * file->first, DR_PARITY_HASH * file->count,
                 &digest);
    return dr_digest_equal(&digest, &file->volume.table);
}

static void check_volume(struct dr_pool_file *file)
{
    dr_autofree unsigned char *table = NULL;
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    if (dr_label_read(file->fd, &label, NULL) < 0 || !dr_label_is_same(&label, &file->volume.label))
        file->ends |= DR_END_LABEL;
    table = dr_volume_table(&file->volume, file->fd, NULL);
    if (!table)
        file->ends |= DR_END_TABLE;
    if (dr_volume_frame(&file->volume, file->fd, -1, NULL) < 0)
        file->ends |= DR_END_FRAME;
}

struct writer {
    const struct dr_pool_file *file;
    uint64_t at;
};

static int add_to_file(void *context, const unsigned char *data, size_t size, struct dr_err *err)
{
    struct writer *writer = context;

    if (dr_file_pwrite(writer->file->to, data, size, writer->at, writer->file->path, err) < 0)
        return -1;
    writer->at += size;
    return 0;
}

static int write_volume(const struct dr_pool *pool, struct dr_pool_file *file, unsigned ends,
                        struct dr_err *err)
{
    const struct dr_volume *volume = &file->volume;
    struct writer writer = {.file = file, .at = dr_volume_frame_at(volume)};

    if (ends & DR_END_TABLE && dr_file_pwrite(file->to, pool->hashes + DR_PARITY_HASH * file->first,
                                              DR_PARITY_HASH * file->count,
                                              dr_volume_table_at(volume), file->path, err) < 0)
        return -1;
    if (ends & DR_END_FRAME && walk_frame(pool, add_to_file, &writer, err) < 0)
        return -1;
    return ends & DR_END_LABEL ? dr_label_write(&volume->label, file->to,
                                                dr_volume_label_at(volume), file->path, err)
                               : 0;
}

static int restore_volume(const struct dr_pool *pool, struct dr_pool_file *file, unsigned ends,
                          struct dr_err *err)
{
    bool is_frame = false;

    if (ends & DR_END_FRAME && is_its_frame(pool, &file->volume, &is_frame, err) < 0)
        return -1;
    file->ends_fixed = DR_END_LABEL | DR_END_SIZE;
    if (is_its_table(pool, file))
        file->ends_fixed |= DR_END_TABLE;
    if (is_frame)
        file->ends_fixed |= DR_END_FRAME;
    return file->to >= 0 ? write_volume(pool, file, ends & file->ends_fixed, err) : 0;
}

/* ---- parity files */

static int pack_label(const struct dr_parity *parity, struct dr_buf *ret_bytes, struct dr_err *err)
{
    static const char zeros[4096];
    uint64_t room = dr_parity_index_at(parity);

    if (dr_label_pack(&parity->label, ret_bytes, err) < 0)
        return -1;
    while (ret_bytes->size < room) {
        size_t left = (size_t)(room - ret_bytes->size);

        if (dr_buf_add(ret_bytes, zeros, left < sizeof zeros ? left : sizeof zeros, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_there(int fd, const char *bytes, size_t size, uint64_t at)
{
    dr_autofree char *found = malloc(size);

    return found && dr_file_pread(fd, found, size, at, "the file", NULL) == 0 &&
           memcmp(found, bytes, size) == 0;
}

static int check_parity(struct dr_pool_file *file, struct dr_err *err)
{
    const struct dr_parity *parity = &file->parity;
    dr_auto_buf struct dr_buf first = DR_BUF_INIT(DR_LABEL_MAX + 8192);
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);
    dr_auto_label struct dr_label last = DR_LABEL_INIT;

    if (!piece)
        return dr_fail_memory(err);
    if (pack_label(parity, &first, err) < 0)
        return -1;
    if (!is_there(file->fd, first.data, first.size, 0) ||
        dr_label_read(file->fd, &last, NULL) < 0 || last.begin != dr_parity_label_at(parity) ||
        !dr_label_is_same(&last, &parity->label))
        file->ends |= DR_END_LABEL;
    for (uint64_t i = 0; i < dr_parity_pieces(parity); i++) {
        if (!dr_parity_read_copy(parity, file->fd, i, 0, piece) ||
            !dr_parity_read_copy(parity, file->fd, i, 1, piece))
            file->ends |= DR_END_TABLE;
    }
    return 0;
}

/* The index as it follows from what is known, piece by piece. */
struct index {
    const struct dr_pool *pool;
    struct dr_pool_file *file;
    unsigned char *piece;
    size_t used;
    uint64_t number;
    bool all;      /* write what is there already too */
    bool complete; /* every piece was known */
};

/* The piece that is complete now, unless the file has it and that is the one that counts. */
static int end_piece(struct index *index, struct dr_err *err)
{
    const struct dr_parity *parity = &index->file->parity;
    uint64_t number = index->number++;
    uint64_t at = number * DR_VOLUME_CHUNK;
    dr_autofree unsigned char *found = malloc(DR_VOLUME_CHUNK);
    size_t size = index->used;
    struct dr_digest digest;
    int fd = dr_pool_old(index->file);

    index->used = 0;
    if (!found)
        return dr_fail_memory(err);
    dr_digest_of(index->piece, size, &digest);
    if (!dr_digest_equal(&digest, &parity->pieces[number])) {
        if (fd < 0 || !dr_parity_read_piece(parity, fd, number, index->piece)) {
            index->complete = false;
            return 0;
        }
    }
    for (unsigned copy = 0; copy < 2 && index->file->to >= 0; copy++) {
        if (!index->all && dr_parity_read_copy(parity, fd, number, copy, found))
            continue;
        if (dr_file_pwrite(index->file->to, index->piece, size,
                           (copy ? dr_parity_copy_at(parity) : dr_parity_index_at(parity)) + at,
                           index->file->path, err) < 0)
            return -1;
    }
    return 0;
}

static int add_to_index(void *context, const unsigned char *data, size_t size, struct dr_err *err)
{
    struct index *index = context;

    while (size > 0) {
        size_t now = dr_parity_piece_size(&index->file->parity, index->number) - index->used;

        if (now > size)
            now = size;
        memcpy(index->piece + index->used, data, now);
        index->used += now;
        data += now;
        size -= now;
        if (index->used == dr_parity_piece_size(&index->file->parity, index->number) &&
            end_piece(index, err) < 0)
            return -1;
    }
    return 0;
}

static int add_labels(struct index *index, struct dr_err *err)
{
    const struct dr_pool *pool = index->pool;
    const struct dr_parity *parity = &index->file->parity;
    dr_auto_buf struct dr_buf labels = DR_BUF_INIT(DR_PARITY_LABELS_MAX);
    dr_autofree unsigned char *bytes = calloc(1, parity->labels_size + 1);

    if (!bytes)
        return dr_fail_memory(err);
    for (uint64_t i = 0; parity->labels_size > 0 && i < pool->set.count; i++) {
        if (pool->labels[i].text && dr_label_pack(&pool->labels[i], &labels, err) < 0)
            return -1;
    }
    if (labels.size > 0 && labels.size == parity->labels_size)
        memcpy(bytes, labels.data, labels.size);
    return add_to_index(index, bytes, parity->labels_size, err);
}

static int add_frame(struct index *index, struct dr_err *err)
{
    static const unsigned char zeros[4096];
    uint64_t left = index->file->parity.set.frame_size;

    if (index->pool->frame >= 0)
        return walk_frame(index->pool, add_to_index, index, err);
    while (left > 0) {
        size_t now = left < sizeof zeros ? (size_t)left : sizeof zeros;

        if (add_to_index(index, zeros, now, err) < 0)
            return -1;
        left -= now;
    }
    return 0;
}

static int restore_index(const struct dr_pool *pool, struct dr_pool_file *file, bool all,
                         struct dr_err *err)
{
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);
    struct index index = {.pool = pool, .file = file, .piece = piece, .all = all, .complete = true};

    if (!piece)
        return dr_fail_memory(err);
    if (add_to_index(&index, pool->hashes + DR_PARITY_HASH * file->first,
                     DR_PARITY_HASH * file->count, err) < 0 ||
        add_to_index(&index, pool->hashes, DR_PARITY_HASH * pool->scheme.chunks, err) < 0 ||
        add_labels(&index, err) < 0 || add_frame(&index, err) < 0)
        return -1;
    if (index.complete)
        file->ends_fixed |= DR_END_TABLE;
    return 0;
}

static int restore_parity(const struct dr_pool *pool, struct dr_pool_file *file, unsigned ends,
                          bool all, struct dr_err *err)
{
    dr_auto_buf struct dr_buf first = DR_BUF_INIT(DR_LABEL_MAX + 8192);

    file->ends_fixed = DR_END_LABEL | DR_END_SIZE;
    if (ends & DR_END_TABLE && restore_index(pool, file, all, err) < 0)
        return -1;
    if (file->to < 0 || !(ends & DR_END_LABEL))
        return 0;
    if (pack_label(&file->parity, &first, err) < 0 ||
        dr_file_pwrite(file->to, first.data, first.size, 0, file->path, err) < 0)
        return -1;
    return dr_label_write(&file->parity.label, file->to, dr_parity_label_at(&file->parity),
                          file->path, err);
}

/* ---- all */

int dr_ends_check(struct dr_pool_file *file, struct dr_err *err)
{
    file->ends = file->found == file->size ? 0 : DR_END_SIZE;
    file->ends_fixed = 0;
    if (file->kind == DR_KIND_BUNDLE)
        return 0;
    if (file->fd < 0 || !dr_pool_is_labelled(file)) {
        file->ends |= DR_END_LABEL | DR_END_TABLE | DR_END_FRAME;
        return 0;
    }
    if (file->kind == DR_KIND_PARITY)
        return check_parity(file, err);
    check_volume(file);
    return 0;
}

int dr_ends_restore(const struct dr_pool *pool, struct dr_pool_file *file, bool all,
                    struct dr_err *err)
{
    unsigned ends = all ? DR_END_LABEL | DR_END_TABLE | DR_END_FRAME : file->ends;
    int done = 0;

    if (!dr_pool_is_labelled(file))
        return 0;
    file->ends_fixed = DR_END_SIZE;
    if (file->kind == DR_KIND_VOLUME)
        done = restore_volume(pool, file, ends, err);
    else if (file->kind == DR_KIND_PARITY)
        done = restore_parity(pool, file, ends, all, err);
    if (done < 0 || file->to < 0)
        return done;
    if (ftruncate(file->to, (off_t)file->size) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "give '%s' its size", file->path);
    return 0;
}

/* ---- the frame */

static bool has_all(const struct dr_pool *pool, const struct dr_extent *extent)
{
    for (uint64_t block = extent->offset / DR_VOLUME_CHUNK;
         block <= (extent->offset + extent->size - 1) / DR_VOLUME_CHUNK; block++) {
        if (!pool->sources[block])
            return false;
    }
    return true;
}

/* One extent, out of the blocks that have it. */
static int take_extent(struct dr_pool *pool, const struct dr_extent *extent, int to,
                       unsigned char *data, bool *ret_good, struct dr_err *err)
{
    *ret_good = has_all(pool, extent);
    for (uint64_t at = extent->offset; *ret_good && at < extent->offset + extent->size;) {
        uint64_t skip = at % DR_VOLUME_CHUNK;
        uint64_t now = DR_VOLUME_CHUNK - skip;

        if (now > extent->offset + extent->size - at)
            now = extent->offset + extent->size - at;
        *ret_good = dr_pool_read(pool, at / DR_VOLUME_CHUNK, data);
        if (*ret_good && dr_file_pwrite(to, data + skip, now, at, "the frame", err) < 0)
            return -1;
        at += now;
    }
    return 0;
}

int dr_ends_find_frame(struct dr_pool *pool, struct dr_err *err)
{
    dr_autofree unsigned char *data = malloc(DR_VOLUME_CHUNK);
    dr_autoclose int frame = -1;
    bool good = true;

    if (pool->frame >= 0)
        return 0;
    if (!data)
        return dr_fail_memory(err);
    frame = dr_file_in_memory(pool->set.total, err);
    if (frame < 0)
        return -1;
    for (size_t i = 0; good && i < pool->set.frame_count; i++) {
        if (take_extent(pool, &pool->set.frame[i], frame, data, &good, err) < 0)
            return -1;
    }
    if (good)
        pool->frame = dr_steal_fd(&frame);
    return 0;
}
