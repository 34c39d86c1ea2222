/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/volume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/stop.h"

#define WHAT "the volume"
#define PIECE ((size_t)64 << 10)

void dr_volume_release(struct dr_volume *volume)
{
    dr_volume_set_release(&volume->set);
    dr_label_release(&volume->label);
}

/* ---- labels */

static json_t *write_label(const struct dr_volume *volume, struct dr_err *err)
{
    char table[DR_DIGEST_TEXT];
    char frame[DR_DIGEST_TEXT];
    json_auto_t *json =
        json_pack("{s:s, s:I, s:s, s:s}", "format", DR_VOLUME_FORMAT, "volume",
                  (json_int_t)volume->number, "table", dr_digest_text(&volume->table, table),
                  "frame", dr_digest_text(&volume->frame, frame));

    if (!json) {
        dr_fail_memory(err);
        return NULL;
    }
    return dr_volume_set_write(&volume->set, json, err) < 0 ? NULL : json_incref(json);
}

static int parse(void *context, const json_t *json, struct dr_err *err)
{
    struct dr_volume *volume = context;

    if (dr_volume_set_read(&volume->set, json, err) < 0 ||
        dr_json_get_uint64(json, "volume", &volume->number, err) < 0 ||
        dr_label_get_digest(json, "table", &volume->table, err) < 0 ||
        dr_label_get_digest(json, "frame", &volume->frame, err) < 0)
        return -1;
    if (volume->number == 0 || volume->number > volume->set.count)
        return dr_fail(err, DR_ERR_FORMAT, "it is volume %llu of %llu",
                       (unsigned long long)volume->number, (unsigned long long)volume->set.count);
    volume->offset = dr_slice_offset(&volume->set, volume->number);
    volume->size = dr_slice_size(&volume->set, volume->number);
    return 0;
}

int dr_volume_open_label(struct dr_label *label, const struct dr_bundle_trust *trust,
                         struct dr_volume *ret_volume, struct dr_err *err)
{
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;

    volume.label = *label;
    *label = (struct dr_label)DR_LABEL_INIT;
    if (dr_label_open(&volume.label, trust, DR_VOLUME_FORMAT, parse, &volume, err) < 0)
        return -1;
    *ret_volume = volume;
    volume = (struct dr_volume)DR_VOLUME_INIT;
    return 0;
}

int dr_volume_read(int fd, const struct dr_bundle_trust *trust, struct dr_volume *ret_volume,
                   struct dr_err *err)
{
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    dr_auto_label struct dr_label label = DR_LABEL_INIT;

    if (dr_label_read(fd, &label, err) < 0 || dr_volume_open_label(&label, trust, &volume, err) < 0)
        return -1;
    if (volume.label.begin != dr_volume_label_at(&volume))
        return dr_fail(err, DR_ERR_VERIFY, "it has %s bytes than its label says",
                       volume.label.begin < dr_volume_label_at(&volume) ? "fewer" : "more");
    *ret_volume = volume;
    volume = (struct dr_volume)DR_VOLUME_INIT;
    return 0;
}

/* ---- writing */

/* The hashes of the chunks from `first` on, as many as PIECE has room for. */
static int hash_chunks(const struct dr_volume *volume, uint64_t first, int fd, const char *what,
                       char *chunk, char *ret_hashes, size_t *ret_size,
                       struct dr_progress *progress, struct dr_err *err)
{
    uint64_t count = dr_volume_chunks(volume->size);

    *ret_size = 0;
    for (uint64_t i = first; i < count && *ret_size < PIECE; i++) {
        uint64_t left = volume->size - i * DR_VOLUME_CHUNK;
        size_t size = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);
        struct dr_digest digest;

        if (dr_stop_check(err, "a volume was finished") < 0 ||
            dr_file_pread(fd, chunk, size, i * DR_VOLUME_CHUNK, what, err) < 0)
            return -1;
        dr_digest_of(chunk, size, &digest);
        memcpy(ret_hashes + *ret_size, digest.bytes, 32);
        *ret_size += 32;
        if (progress)
            dr_progress_add(progress, size);
    }
    return 0;
}

static int write_table(struct dr_volume *volume, int fd, const char *what,
                       struct dr_progress *progress, struct dr_err *err)
{
    uint64_t count = dr_volume_chunks(volume->size);
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    dr_autofree char *chunk = malloc(DR_VOLUME_CHUNK);
    char hashes[PIECE];
    size_t size;

    if (!hash)
        return -1;
    if (!chunk)
        return dr_fail_memory(err);
    for (uint64_t i = 0; i < count; i += size / 32) {
        if (hash_chunks(volume, i, fd, what, chunk, hashes, &size, progress, err) < 0 ||
            dr_file_pwrite(fd, hashes, size, dr_volume_table_at(volume) + 32 * i, what, err) < 0)
            return -1;
        dr_hash_add(hash, hashes, size);
    }
    dr_hash_end(hash, &volume->table);
    return 0;
}

/* One extent of `frame`, hashed and, where `to` is a file and not -1, written to `at` there. */
static int copy_extent(int from, uint64_t offset, uint64_t size, int to, uint64_t at,
                       struct dr_hash *hash, const char *what, struct dr_err *err)
{
    char piece[PIECE];

    for (uint64_t done = 0; done < size;) {
        size_t now = size - done < sizeof piece ? (size_t)(size - done) : sizeof piece;

        if (dr_file_pread(from, piece, now, offset + done, what, err) < 0 ||
            (to >= 0 && dr_file_pwrite(to, piece, now, at + done, what, err) < 0))
            return -1;
        dr_hash_add(hash, piece, now);
        done += now;
    }
    return 0;
}

static int write_frame(struct dr_volume *volume, int fd, int frame, const char *what,
                       struct dr_err *err)
{
    const struct dr_volume_set *set = &volume->set;
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    uint64_t at = dr_volume_frame_at(volume);

    if (!hash)
        return -1;
    for (size_t i = 0; i < set->frame_count; i++) {
        if (copy_extent(frame, set->frame[i].offset, set->frame[i].size, fd, at, hash, what, err) <
            0)
            return -1;
        at += set->frame[i].size;
    }
    dr_hash_end(hash, &volume->frame);
    return 0;
}

int dr_volume_seal(const struct dr_volume_set *set, uint64_t number, int fd, int frame,
                   const struct dr_key *key, const char *what, struct dr_progress *progress,
                   struct dr_err *err)
{
    struct dr_volume volume = {.set = *set,
                               .number = number,
                               .offset = dr_slice_offset(set, number),
                               .size = dr_slice_size(set, number)};
    dr_auto_label struct dr_label label = DR_LABEL_INIT;
    json_auto_t *json = NULL;

    if (write_table(&volume, fd, what, progress, err) < 0 ||
        write_frame(&volume, fd, frame, what, err) < 0)
        return -1;
    json = write_label(&volume, err);
    if (!json || dr_label_make(json, key, &label, err) < 0 ||
        dr_label_write(&label, fd, dr_volume_label_at(&volume), what, err) < 0)
        return -1;
    if (ftruncate(fd, (off_t)(dr_volume_label_at(&volume) + dr_label_room(&label))) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "cut '%s' to its size", what);
    return 0;
}

/* ---- reading */

/* Of a large volume it has megabytes, and nobody needs all of it at once. */
int dr_volume_check_table(const struct dr_volume *volume, int fd, struct dr_err *err)
{
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    struct dr_digest digest;

    if (!hash || copy_extent(fd, dr_volume_table_at(volume), 32 * dr_volume_chunks(volume->size),
                             -1, 0, hash, WHAT, err) < 0)
        return -1;
    dr_hash_end(hash, &digest);
    return dr_digest_equal(&digest, &volume->table)
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "its table of hashes is damaged");
}

unsigned char *dr_volume_table(const struct dr_volume *volume, int fd, struct dr_err *err)
{
    size_t size = 32 * (size_t)dr_volume_chunks(volume->size);
    dr_autofree unsigned char *table = malloc(size);
    struct dr_digest digest;

    if (!table) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_file_pread(fd, table, size, dr_volume_table_at(volume), WHAT, err) < 0)
        return NULL;
    dr_digest_of(table, size, &digest);
    if (!dr_digest_equal(&digest, &volume->table)) {
        dr_fail(err, DR_ERR_VERIFY, "its table of hashes is damaged");
        return NULL;
    }
    return dr_steal(table);
}

int dr_volume_frame(const struct dr_volume *volume, int fd, int to, struct dr_err *err)
{
    const struct dr_volume_set *set = &volume->set;
    dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
    uint64_t at = dr_volume_frame_at(volume);
    struct dr_digest digest;

    if (!hash)
        return -1;
    if (to >= 0 && (ftruncate(to, 0) < 0 || ftruncate(to, (off_t)set->total) < 0))
        return dr_fail_errno(err, DR_ERR_INTERNAL, "size a file in memory");
    for (size_t i = 0; i < set->frame_count; i++) {
        if (copy_extent(fd, at, set->frame[i].size, to, set->frame[i].offset, hash, WHAT, err) < 0)
            return -1;
        at += set->frame[i].size;
    }
    dr_hash_end(hash, &digest);
    return dr_digest_equal(&digest, &volume->frame)
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "its copy of the bundle's list is damaged");
}

static int compare_part(int fd, uint64_t one, uint64_t other, uint64_t size, struct dr_err *err)
{
    char a[PIECE / 2];
    char b[PIECE / 2];

    for (uint64_t done = 0; done < size;) {
        size_t now = size - done < sizeof a ? (size_t)(size - done) : sizeof a;

        if (dr_file_pread(fd, a, now, one + done, WHAT, err) < 0 ||
            dr_file_pread(fd, b, now, other + done, WHAT, err) < 0)
            return -1;
        if (memcmp(a, b, now) != 0)
            return dr_fail(err, DR_ERR_VERIFY,
                           "what is between the layers is damaged, first within its bytes %llu to "
                           "%llu",
                           (unsigned long long)(one + done),
                           (unsigned long long)(one + done + now));
        done += now;
    }
    return 0;
}

int dr_volume_compare(const struct dr_volume *volume, int fd, struct dr_err *err)
{
    const struct dr_volume_set *set = &volume->set;
    uint64_t at = dr_volume_frame_at(volume);
    uint64_t end = volume->offset + volume->size;

    for (size_t i = 0; i < set->frame_count; i++) {
        const struct dr_extent *extent = &set->frame[i];
        uint64_t from = extent->offset > volume->offset ? extent->offset : volume->offset;
        uint64_t to = extent->offset + extent->size < end ? extent->offset + extent->size : end;

        if (from < to && compare_part(fd, from - volume->offset, at + (from - extent->offset),
                                      to - from, err) < 0)
            return -1;
        at += extent->size;
    }
    return 0;
}

/* A medium that cannot be read there is as bad as one that has other bytes. */
static int is_chunk_good(const struct dr_volume *volume, int fd, uint64_t chunk, char *data,
                         bool *ret_good, struct dr_err *err)
{
    unsigned char right[32];
    uint64_t left = volume->size - chunk * DR_VOLUME_CHUNK;
    size_t size = (size_t)(left < DR_VOLUME_CHUNK ? left : DR_VOLUME_CHUNK);
    struct dr_digest digest;

    if (dr_stop_check(err, "a volume was checked") < 0)
        return -1;
    *ret_good = false;
    if (dr_file_pread(fd, right, sizeof right, dr_volume_table_at(volume) + 32 * chunk, WHAT,
                      NULL) < 0 ||
        dr_file_pread(fd, data, size, chunk * DR_VOLUME_CHUNK, WHAT, NULL) < 0)
        return 0;
    dr_digest_of(data, size, &digest);
    *ret_good = memcmp(digest.bytes, right, sizeof right) == 0;
    return 0;
}

static int fail_chunk(const struct dr_volume *volume, uint64_t chunk, struct dr_err *err)
{
    uint64_t at = chunk * DR_VOLUME_CHUNK;

    return dr_fail(
        err, DR_ERR_VERIFY, "volume %llu of %llu is damaged: first within its bytes %llu to %llu",
        (unsigned long long)volume->number, (unsigned long long)volume->set.count,
        (unsigned long long)at,
        (unsigned long long)(volume->size - at < DR_VOLUME_CHUNK ? volume->size
                                                                 : at + DR_VOLUME_CHUNK));
}

int dr_volume_check(const struct dr_volume *volume, int fd,
                    int (*bad)(void *context, uint64_t chunk, struct dr_err *err), void *context,
                    struct dr_progress *progress, struct dr_err *err)
{
    return dr_volume_check_part(volume, fd, 0, volume->size, bad, context, progress, err);
}

int dr_volume_check_part(const struct dr_volume *volume, int fd, uint64_t begin, uint64_t end,
                         int (*bad)(void *context, uint64_t chunk, struct dr_err *err),
                         void *context, struct dr_progress *progress, struct dr_err *err)
{
    dr_autofree char *data = malloc(DR_VOLUME_CHUNK);

    if (!data)
        return dr_fail_memory(err);
    if (dr_volume_check_table(volume, fd, err) < 0)
        return -1;
    for (uint64_t i = begin / DR_VOLUME_CHUNK; i < dr_volume_chunks(end); i++) {
        bool good;

        if (is_chunk_good(volume, fd, i, data, &good, err) < 0)
            return -1;
        if (!good && (bad ? bad(context, i, err) : fail_chunk(volume, i, err)) < 0)
            return -1;
        if (progress)
            dr_progress_add(progress, DR_VOLUME_CHUNK);
    }
    return 0;
}
