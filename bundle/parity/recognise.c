/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/recognise.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/reader.h"
#include "bundle/parity/learn.h"
#include "lib/cleanup.h"

/* So many chunks of a file without a label are looked at, to know whose it is. */
#define SAMPLES 64

/* Is that chunk of the file the one that would be there in this volume? */
static bool is_chunk_of(const struct dr_pool *pool, uint64_t number, uint64_t chunk,
                        const unsigned char *data, size_t there)
{
    uint64_t block = dr_slice_offset(&pool->set, number) / DR_VOLUME_CHUNK + chunk;

    return block < pool->scheme.chunks && chunk < pool->set.slice / DR_VOLUME_CHUNK &&
           dr_scheme_size(&pool->scheme, block) <= there && dr_pool_matches(pool, block, data);
}

bool dr_recognise(const struct dr_pool *pool, int fd, uint64_t size, unsigned char *data,
                  uint64_t *ret_number)
{
    uint64_t chunks = dr_volume_chunks(size);
    uint64_t step = chunks / SAMPLES ? chunks / SAMPLES : 1;
    unsigned matches[DR_VOLUMES_MAX + 1] = {0};
    unsigned looked = 0;

    *ret_number = 1;
    for (uint64_t i = 0; i < chunks; i += step) {
        uint64_t left = size - i * DR_VOLUME_CHUNK;
        size_t there = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);

        looked++;
        if (dr_file_pread(fd, data, there, i * DR_VOLUME_CHUNK, "the file", NULL) < 0)
            continue;
        for (uint64_t number = 1; number <= pool->set.count; number++)
            matches[number] += is_chunk_of(pool, number, i, data, there);
    }
    for (uint64_t number = 1; number <= pool->set.count; number++) {
        if (matches[number] > matches[*ret_number])
            *ret_number = number;
    }
    return matches[*ret_number] > 0 && matches[*ret_number] * 2 >= looked;
}

int dr_recognise_signatures(const struct dr_pool *pool, const struct dr_pool_file *file,
                            const struct dr_bundle_trust *who, struct dr_err *err)
{
    struct dr_bundle_trust trust = {
        .keys = who->keys, .key_count = who->key_count, .threshold = 1, .ignore_clock = true};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(file->path, &trust, NULL);
    dr_autofree unsigned char *known = malloc(DR_VOLUME_CHUNK);
    dr_autofree unsigned char *data = malloc(DR_VOLUME_CHUNK);
    const struct dr_extent *head = pool->set.frame;

    if (!known || !data)
        return dr_fail_memory(err);
    if (!bundle || pool->frame < 0 || pool->set.frame_count == 0)
        return 0;
    for (uint64_t at = 0; at < head->size; at += DR_VOLUME_CHUNK) {
        size_t now =
            (size_t)(head->size - at < DR_VOLUME_CHUNK ? head->size - at : DR_VOLUME_CHUNK);

        if (dr_file_pread(pool->frame, known, now, head->offset + at, "the frame", err) < 0 ||
            dr_file_pread(file->fd, data, now, head->offset + at, file->path, err) < 0)
            return -1;
        if (memcmp(known, data, now) != 0)
            return dr_learn_fail(file->path, err);
    }
    return 0;
}
