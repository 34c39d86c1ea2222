/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/parity/erasure.h"
#include "bundle/parity/parity.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/stop.h"
#include "lib/text.h"

/* For the chunks of the stripes that are worked on together: the more, the longer are the pieces that are read. */
#define MEMORY ((size_t)44 << 20)

struct part {
    struct dr_parity parity;
    struct dr_file file;
};

struct maker {
    const struct dr_parity_wish *wish;
    struct dr_scheme scheme;
    struct dr_erasure *erasure;
    struct part *parts;
    unsigned count;
    struct dr_buf labels;  /* of the volumes, packed */
    unsigned char *hashes; /* of all blocks */
    unsigned char *memory; /* columns + rows pieces of `batch` chunks */
    uint64_t batch;        /* stripes that are worked on together */
    unsigned char **places;
    struct dr_progress progress;
};

static void release(struct maker *maker)
{
    for (unsigned i = 0; i < maker->count; i++) {
        dr_file_release(&maker->parts[i].file);
        /* The set is the caller's. */
        maker->parts[i].parity.set = (struct dr_volume_set)DR_VOLUME_SET_INIT;
        dr_parity_release(&maker->parts[i].parity);
    }
    free(maker->parts);
    dr_erasure_free(maker->erasure);
    dr_buf_release(&maker->labels);
    free(maker->hashes);
    free(maker->memory);
    free(maker->places);
}

char *dr_parity_path(const char *output, unsigned number, struct dr_err *err)
{
    return number ? dr_text_format(err, "%s.p%02u", output, number)
                  : dr_text_format(err, "%s.parity", output);
}

/* ---- what will be where */

/* What a block takes: itself, and its hash in both copies of the index. */
#define BLOCK_ROOM (DR_VOLUME_CHUNK + 2 * DR_PARITY_HASH)

/* How the blocks go into files. */
struct parts {
    uint64_t blocks; /* in each but the last */
    unsigned count;
    uint64_t rest; /* bytes of each, besides the blocks and their hashes */
};

/* What every file has, whatever blocks are in it. */
static int measure_rest(const struct dr_parity_wish *wish, const struct dr_scheme *scheme,
                        uint64_t labels_size, uint64_t *ret_size, struct dr_err *err)
{
    dr_auto_parity struct dr_parity parity = DR_PARITY_INIT;
    int done;

    parity.set = *wish->set;
    parity.scheme = *scheme;
    parity.count = dr_scheme_parity(scheme);
    parity.first = parity.count;
    parity.labels_size = labels_size;
    parity.pieces = calloc(dr_parity_pieces(&parity), sizeof *parity.pieces);
    done = parity.pieces ? dr_parity_sign(&parity, NULL, err) : dr_fail_memory(err);
    if (done == 0)
        *ret_size = dr_parity_file_size(&parity) + DR_SIGNATURE_MAX - parity.count * BLOCK_ROOM;
    parity.set = (struct dr_volume_set)DR_VOLUME_SET_INIT;
    return done;
}

static int count_parts(const struct dr_parity_wish *wish, const struct dr_scheme *scheme,
                       uint64_t labels_size, struct parts *ret_parts, struct dr_err *err)
{
    uint64_t all = dr_scheme_parity(scheme);
    uint64_t limit = wish->limit;
    struct parts parts = {.blocks = all};
    uint64_t files;

    if (measure_rest(wish, scheme, labels_size, &parts.rest, err) < 0)
        return -1;
    if (limit > 0 && limit > parts.rest)
        parts.blocks = (limit - parts.rest) / BLOCK_ROOM;
    if (parts.blocks == 0 || (limit > 0 && limit <= parts.rest))
        return dr_fail(err, DR_ERR_USAGE,
                       "parity files of %llu bytes are too small for this bundle: they need at "
                       "least %llu",
                       (unsigned long long)limit, (unsigned long long)(parts.rest + BLOCK_ROOM));
    files = (all + parts.blocks - 1) / parts.blocks;
    if (files > DR_PARITY_FILES_MAX)
        return dr_fail(err, DR_ERR_USAGE,
                       "%llu parity files would be needed, and there can be %d: make them larger",
                       (unsigned long long)files, DR_PARITY_FILES_MAX);
    parts.count = (unsigned)files;
    *ret_parts = parts;
    return 0;
}

int dr_parity_measure(const struct dr_parity_wish *wish, uint64_t labels_size, uint64_t *ret_bytes,
                      struct dr_err *err)
{
    struct dr_scheme scheme;
    struct parts parts = {.count = 0};

    if (dr_scheme_make(&scheme, wish->set->total, wish->percent, err) < 0 ||
        count_parts(wish, &scheme, labels_size, &parts, err) < 0)
        return -1;
    *ret_bytes = dr_scheme_parity(&scheme) * BLOCK_ROOM + parts.count * parts.rest;
    return 0;
}

static int check_free(const char *path, bool replace, struct dr_err *err)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return errno == ENOENT ? 0 : dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path);
    if (!S_ISREG(info.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%s' exists and is not an ordinary file", path);
    return replace ? 0
                   : dr_fail(err, DR_ERR_REFUSED,
                             "'%s' exists and is left as it is; --force replaces it", path);
}

int dr_parity_check_free(const char *output, bool split, bool replace, struct dr_err *err)
{
    dr_autofree char *path = dr_parity_path(output, split ? 1 : 0, err);

    return path ? check_free(path, replace, err) : -1;
}

static int begin_part(struct maker *maker, unsigned number, uint64_t first, uint64_t count,
                      struct dr_err *err)
{
    struct part *part = &maker->parts[number];
    struct dr_parity *parity = &part->parity;
    dr_autofree char *path =
        dr_parity_path(maker->wish->output, maker->wish->limit ? number + 1 : 0, err);

    part->file = (struct dr_file)DR_FILE_INIT;
    *parity = (struct dr_parity){.set = *maker->wish->set,
                                 .scheme = maker->scheme,
                                 .first = first,
                                 .count = count,
                                 .labels_size = maker->labels.size};
    maker->count++;
    parity->pieces = calloc(dr_parity_pieces(parity), sizeof *parity->pieces);
    if (!parity->pieces)
        return dr_fail_memory(err);
    if (!path || check_free(path, maker->wish->replace, err) < 0 ||
        dr_parity_sign(parity, NULL, err) < 0 ||
        dr_file_create_part(&part->file, path, 0644, err) < 0)
        return -1;
    return dr_file_reserve(part->file.fd, dr_parity_label_at(parity), path, err);
}

static int begin(struct maker *maker, struct dr_err *err)
{
    const struct dr_scheme *scheme = &maker->scheme;
    uint64_t all = dr_scheme_parity(scheme);
    size_t stripe = (scheme->columns + scheme->rows) * (size_t)DR_VOLUME_CHUNK;
    struct parts parts = {.count = 0};

    if (count_parts(maker->wish, scheme, maker->labels.size, &parts, err) < 0)
        return -1;
    maker->batch = MEMORY / stripe ? MEMORY / stripe : 1;
    if (maker->batch > scheme->stripes)
        maker->batch = scheme->stripes;
    maker->memory = malloc(stripe * maker->batch);
    maker->hashes = malloc(DR_PARITY_HASH * dr_scheme_blocks(scheme));
    maker->places = calloc(scheme->columns + scheme->rows, sizeof *maker->places);
    maker->parts = calloc(parts.count, sizeof *maker->parts);
    if (!maker->memory || !maker->hashes || !maker->places || !maker->parts)
        return dr_fail_memory(err);
    maker->erasure = dr_erasure_new(scheme->columns, scheme->rows, err);
    if (!maker->erasure)
        return -1;
    for (unsigned i = 0; i < parts.count; i++) {
        uint64_t first = i * parts.blocks;
        uint64_t left = all - first;

        if (begin_part(maker, i, first, left < parts.blocks ? left : parts.blocks, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the blocks */

/* `count` chunks of the bundle, which follow each other, into `to`; what is behind its end is zero. */
static int read_chunks(struct maker *maker, uint64_t chunk, uint64_t count, unsigned char *to,
                       struct dr_err *err)
{
    const struct dr_scheme *scheme = &maker->scheme;
    uint64_t at = chunk * DR_VOLUME_CHUNK;
    uint64_t size = count * DR_VOLUME_CHUNK;
    uint64_t there = at < scheme->total ? scheme->total - at : 0;

    if (there > size)
        there = size;
    memset(to + there, 0, size - there);
    if (there > 0 && maker->wish->read(maker->wish->context, at, to, there, err) < 0)
        return -1;
    for (uint64_t i = chunk; i < chunk + count && i < scheme->chunks; i++) {
        struct dr_digest digest;

        dr_digest_of(to + (i - chunk) * DR_VOLUME_CHUNK, dr_scheme_size(scheme, i), &digest);
        memcpy(maker->hashes + DR_PARITY_HASH * i, digest.bytes, DR_PARITY_HASH);
    }
    dr_progress_add(&maker->progress, there);
    return 0;
}

/* One chunk of parity, into the file that has it. */
static int write_block(struct maker *maker, uint64_t number, const unsigned char *data,
                       struct dr_err *err)
{
    struct dr_digest digest;
    struct part *part = maker->parts;

    while (number >= part->parity.first + part->parity.count)
        part++;
    dr_digest_of(data, DR_VOLUME_CHUNK, &digest);
    memcpy(maker->hashes + DR_PARITY_HASH * (maker->scheme.chunks + number), digest.bytes,
           DR_PARITY_HASH);
    return dr_file_pwrite(part->file.fd, data, DR_VOLUME_CHUNK,
                          dr_parity_blocks_at(&part->parity) +
                              (number - part->parity.first) * DR_VOLUME_CHUNK,
                          part->file.path, err);
}

/* `count` stripes from `stripe` on. In each place their chunks follow each other. */
static int make_stripes(struct maker *maker, uint64_t stripe, uint64_t count, struct dr_err *err)
{
    const struct dr_scheme *scheme = &maker->scheme;
    size_t piece = maker->batch * DR_VOLUME_CHUNK;

    for (unsigned i = 0; i < scheme->columns + scheme->rows; i++)
        maker->places[i] = maker->memory + i * piece;
    for (unsigned i = 0; i < scheme->columns; i++) {
        if (dr_stop_check(err, "parity was made") < 0 ||
            read_chunks(maker, i * scheme->stripes + stripe, count, maker->places[i], err) < 0)
            return -1;
    }
    dr_erasure_encode(maker->erasure, count * DR_VOLUME_CHUNK, maker->places,
                      maker->places + scheme->columns);
    for (unsigned row = 0; row < scheme->rows; row++) {
        for (uint64_t i = 0; i < count; i++) {
            if (write_block(maker, row * scheme->stripes + stripe + i,
                            maker->places[scheme->columns + row] + i * DR_VOLUME_CHUNK, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int make_blocks(struct maker *maker, struct dr_err *err)
{
    for (uint64_t stripe = 0; stripe < maker->scheme.stripes; stripe += maker->batch) {
        uint64_t left = maker->scheme.stripes - stripe;

        if (make_stripes(maker, stripe, left < maker->batch ? left : maker->batch, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the index */

/* Cuts what is added into pieces, hashes them, and writes them to both places. */
struct index {
    struct part *part;
    unsigned char *piece;
    size_t used;
    uint64_t number;
};

static int flush_piece(struct index *index, struct dr_err *err)
{
    struct dr_parity *parity = &index->part->parity;
    const struct dr_file *file = &index->part->file;
    uint64_t at = index->number * DR_VOLUME_CHUNK;

    dr_digest_of(index->piece, index->used, &parity->pieces[index->number++]);
    if (dr_file_pwrite(file->fd, index->piece, index->used, dr_parity_index_at(parity) + at,
                       file->path, err) < 0 ||
        dr_file_pwrite(file->fd, index->piece, index->used, dr_parity_copy_at(parity) + at,
                       file->path, err) < 0)
        return -1;
    index->used = 0;
    return 0;
}

static int add_bytes(struct index *index, const void *data, uint64_t size, struct dr_err *err)
{
    const unsigned char *from = data;

    while (size > 0) {
        size_t now = (size_t)DR_VOLUME_CHUNK - index->used;

        if (now > size)
            now = (size_t)size;
        memcpy(index->piece + index->used, from, now);
        index->used += now;
        from += now;
        size -= now;
        if (index->used == DR_VOLUME_CHUNK && flush_piece(index, err) < 0)
            return -1;
    }
    return 0;
}

static int add_frame(struct maker *maker, struct index *index, struct dr_err *err)
{
    const struct dr_volume_set *set = maker->wish->set;

    for (size_t i = 0; i < set->frame_count; i++) {
        for (uint64_t done = 0; done < set->frame[i].size;) {
            uint64_t left = set->frame[i].size - done;
            size_t now = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);

            if (maker->wish->read(maker->wish->context, set->frame[i].offset + done, maker->memory,
                                  now, err) < 0 ||
                add_bytes(index, maker->memory, now, err) < 0)
                return -1;
            done += now;
        }
    }
    return 0;
}

static int finish_part(struct maker *maker, struct part *part, struct dr_err *err)
{
    const struct dr_scheme *scheme = &maker->scheme;
    struct dr_parity *parity = &part->parity;
    dr_autofree unsigned char *piece = malloc(DR_VOLUME_CHUNK);
    struct index index = {.part = part, .piece = piece};
    uint64_t own = scheme->chunks + parity->first;

    if (!piece)
        return dr_fail_memory(err);
    if (add_bytes(&index, maker->hashes + DR_PARITY_HASH * own, DR_PARITY_HASH * parity->count,
                  err) < 0 ||
        add_bytes(&index, maker->hashes, DR_PARITY_HASH * scheme->chunks, err) < 0 ||
        add_bytes(&index, maker->labels.data, maker->labels.size, err) < 0 ||
        add_frame(maker, &index, err) < 0 || (index.used > 0 && flush_piece(&index, err) < 0))
        return -1;
    if (dr_parity_sign(parity, maker->wish->key, err) < 0)
        return -1;
    return dr_parity_write_label(parity, part->file.fd, part->file.path, err);
}

static int finish(struct maker *maker, struct dr_parity_made *ret_made, struct dr_err *err)
{
    *ret_made = (struct dr_parity_made){.files = maker->count,
                                        .stripes = maker->scheme.stripes,
                                        .columns = maker->scheme.columns,
                                        .rows = maker->scheme.rows};
    for (unsigned i = 0; i < maker->count; i++) {
        if (finish_part(maker, &maker->parts[i], err) < 0)
            return -1;
        ret_made->bytes += dr_parity_file_size(&maker->parts[i].parity);
    }
    for (unsigned i = 0; i < maker->count; i++) {
        if (dr_file_commit(&maker->parts[i].file, err) < 0)
            return -1;
    }
    return 0;
}

int dr_parity_make(const struct dr_parity_wish *wish, const struct dr_log *log,
                   struct dr_parity_made *ret_made, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct maker maker = {
        .wish = wish, .labels = DR_BUF_INIT(DR_PARITY_LABELS_MAX)};
    int done;

    if (dr_scheme_make(&maker.scheme, wish->set->total, wish->percent, err) < 0)
        return -1;
    for (uint64_t i = 0; wish->labels && i < wish->set->count; i++) {
        if (dr_label_pack(&wish->labels[i], &maker.labels, err) < 0)
            return dr_err_wrap(err, "copy the labels of all volumes");
    }
    if (begin(&maker, err) < 0)
        return -1;
    dr_progress_start(&maker.progress, log, "parity", wish->set->total);
    done = make_blocks(&maker, err);
    dr_progress_end(&maker.progress);
    return done < 0 ? -1 : finish(&maker, ret_made, err);
}
