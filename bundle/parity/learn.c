/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/learn.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"

static bool is_known(const unsigned char *hash)
{
    static const unsigned char none[DR_PARITY_HASH];

    return memcmp(hash, none, sizeof none) != 0;
}

/* Adds hashes to those that are known. False: they contradict each other, and nothing is added. */
static bool add_hashes(struct dr_pool *pool, uint64_t first, uint64_t count,
                       const unsigned char *hashes)
{
    unsigned char *known = pool->hashes + DR_PARITY_HASH * first;

    for (uint64_t i = 0; i < DR_PARITY_HASH * count; i += DR_PARITY_HASH) {
        if (is_known(hashes + i) && is_known(known + i) &&
            memcmp(hashes + i, known + i, DR_PARITY_HASH) != 0)
            return false;
    }
    for (uint64_t i = 0; i < DR_PARITY_HASH * count; i += DR_PARITY_HASH) {
        if (is_known(hashes + i))
            memcpy(known + i, hashes + i, DR_PARITY_HASH);
    }
    return true;
}

int dr_learn_fail(const char *path, struct dr_err *err)
{
    return dr_fail(
        err, DR_ERR_REFUSED,
        "'%s' is of the same bundle with other signatures in it: it was made or signed at "
        "another time, and what belongs to one can't repair the other; 'drover parity "
        "--force' makes parity of what is there now",
        path);
}

static int read_hashes(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err)
{
    const struct dr_parity *parity = &file->parity;
    uint64_t own = DR_PARITY_HASH * parity->count;
    uint64_t chunks = DR_PARITY_HASH * pool->scheme.chunks;
    dr_autofree unsigned char *hashes = malloc(own > chunks ? own : chunks);

    if (!hashes)
        return dr_fail_memory(err);
    if (dr_parity_read_index(parity, file->fd, dr_parity_chunk_hashes_at(parity), chunks, hashes,
                             NULL, err) < 0)
        return -1;
    if (!add_hashes(pool, 0, pool->scheme.chunks, hashes))
        return dr_learn_fail(file->path, err);
    if (dr_parity_read_index(parity, file->fd, 0, own, hashes, NULL, err) < 0)
        return -1;
    return add_hashes(pool, pool->scheme.chunks + parity->first, parity->count, hashes)
               ? 0
               : dr_learn_fail(file->path, err);
}

/* Copies of the volumes' labels; one that is damaged is not known, and neither are those behind it. */
static int read_label_copies(struct dr_pool *pool, const struct dr_pool_file *file,
                             struct dr_err *err)
{
    const struct dr_parity *parity = &file->parity;
    dr_autofree unsigned char *bytes = malloc(parity->labels_size + 1);
    uint64_t at = 0;

    if (!bytes)
        return dr_fail_memory(err);
    if (dr_parity_read_index(parity, file->fd, dr_parity_labels_at(parity), parity->labels_size,
                             bytes, NULL, err) < 0)
        return -1;
    for (uint64_t i = 0; i < pool->set.count; i++) {
        dr_auto_label struct dr_label label = DR_LABEL_INIT;

        if (dr_label_unpack((char *)bytes + at, (size_t)(parity->labels_size - at), &label, NULL) <
            0)
            return 0;
        at += dr_label_room(&label);
        if (!pool->labels[i].text) {
            pool->labels[i] = label;
            label.text = NULL;
        }
    }
    return 0;
}

static int take_frame(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err)
{
    dr_autoclose int frame = -1;
    int done;

    if (pool->frame >= 0)
        return 0;
    frame = dr_file_in_memory(0, err);
    if (frame < 0)
        return -1;
    done = file->kind == DR_KIND_PARITY ? dr_parity_read_frame(&file->parity, file->fd, frame, NULL)
                                        : dr_volume_frame(&file->volume, file->fd, frame, NULL);
    if (done == 0)
        pool->frame = dr_steal_fd(&frame);
    return 0;
}

int dr_learn_parity(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err)
{
    if (read_hashes(pool, file, err) < 0 || take_frame(pool, file, err) < 0)
        return -1;
    return file->parity.labels_size > 0 ? read_label_copies(pool, file, err) : 0;
}

int dr_learn_volume(struct dr_pool *pool, const struct dr_pool_file *file, struct dr_err *err)
{
    dr_autofree unsigned char *table = dr_volume_table(&file->volume, file->fd, NULL);

    if (table && !add_hashes(pool, file->first, file->count, table))
        return dr_learn_fail(file->path, err);
    return take_frame(pool, file, err);
}
