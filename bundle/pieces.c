/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/pieces.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

int dr_pieces_init(struct dr_pieces *pieces, uint64_t count, uint64_t slice, struct dr_err *err)
{
    pieces->items = calloc((size_t)count, sizeof *pieces->items);
    if (!pieces->items)
        return dr_fail_memory(err);
    for (uint64_t i = 0; i < count; i++)
        pieces->items[i].fd = -1;
    pieces->count = count;
    pieces->slice = slice;
    return 0;
}

int dr_pieces_set(struct dr_pieces *pieces, uint64_t index, int fd, const char *path,
                  const char *draft, struct dr_err *err)
{
    struct dr_piece *piece = &pieces->items[index];

    piece->fd = fd;
    piece->path = dr_text_copy(path, err);
    piece->draft = piece->path ? dr_text_copy(draft, err) : NULL;
    return piece->draft ? 0 : -1;
}

/* The piece that has that byte, where it is in there, and how many of `size` bytes are in the same one. */
static const struct dr_piece *find(const struct dr_pieces *pieces, uint64_t offset, size_t size,
                                   uint64_t *ret_at, size_t *ret_size)
{
    uint64_t index = offset / pieces->slice;
    uint64_t left;

    if (index >= pieces->count)
        index = pieces->count - 1;
    *ret_at = offset - index * pieces->slice;
    left = index + 1 == pieces->count ? UINT64_MAX : pieces->slice - *ret_at;
    *ret_size = size < left ? size : (size_t)left;
    return &pieces->items[index];
}

enum dr_cover dr_pieces_cover(const struct dr_pieces *pieces, uint64_t offset, uint64_t size)
{
    bool some = false;
    bool all = true;

    for (uint64_t i = 0; i < pieces->count; i++) {
        uint64_t begin = i * pieces->slice;
        bool apart = begin >= offset + size || offset >= begin + pieces->slice;

        if (apart && size > 0)
            continue;
        some = some || pieces->items[i].fd >= 0;
        all = all && pieces->items[i].fd >= 0;
    }
    return all ? DR_COVER_ALL : some ? DR_COVER_SOME : DR_COVER_NONE;
}

int dr_pieces_write(const struct dr_pieces *pieces, const void *data, size_t size, uint64_t offset,
                    struct dr_err *err)
{
    const char *from = data;

    while (size > 0) {
        uint64_t at;
        size_t now;
        const struct dr_piece *piece = find(pieces, offset, size, &at, &now);

        if (piece->fd >= 0 && dr_file_pwrite(piece->fd, from, now, at, piece->draft, err) < 0)
            return -1;
        from += now;
        offset += now;
        size -= now;
    }
    return 0;
}

int dr_pieces_read(const struct dr_pieces *pieces, void *ret_data, size_t size, uint64_t offset,
                   struct dr_err *err)
{
    char *to = ret_data;

    while (size > 0) {
        uint64_t at;
        size_t now;
        const struct dr_piece *piece = find(pieces, offset, size, &at, &now);

        if (dr_file_pread(piece->fd, to, now, at, piece->draft ? piece->draft : "the bundle", err) <
            0)
            return -1;
        to += now;
        offset += now;
        size -= now;
    }
    return 0;
}

/* Of the bundle, in that piece. */
static uint64_t share(const struct dr_pieces *pieces, uint64_t index, uint64_t total)
{
    uint64_t begin = index * pieces->slice;

    return total - begin < pieces->slice ? total - begin : pieces->slice;
}

static int check_room(const struct dr_pieces *pieces, uint64_t total, uint64_t behind,
                      const char *what, struct dr_err *err)
{
    uint64_t need = 0;
    uint64_t there = 0;
    int any = -1;

    for (uint64_t i = 0; i < pieces->count; i++) {
        struct stat info;

        if (pieces->items[i].fd < 0)
            continue;
        any = pieces->items[i].fd;
        if (fstat(any, &info) < 0)
            return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", pieces->items[i].draft);
        there += (uint64_t)info.st_blocks * 512;
        need += share(pieces, i, total) + behind;
    }
    return dr_file_check_room(any, need, there, what, err);
}

int dr_pieces_reserve(const struct dr_pieces *pieces, uint64_t total, uint64_t behind,
                      const char *what, struct dr_err *err)
{
    if (check_room(pieces, total, behind, what, err) < 0)
        return -1;
    for (uint64_t i = 0; i < pieces->count; i++) {
        const struct dr_piece *piece = &pieces->items[i];

        if (piece->fd >= 0 &&
            dr_file_reserve(piece->fd, share(pieces, i, total) + behind, piece->path, err) < 0)
            return -1;
    }
    return 0;
}

int dr_pieces_flush(const struct dr_pieces *pieces, struct dr_err *err)
{
    for (uint64_t i = 0; i < pieces->count; i++) {
        const struct dr_piece *piece = &pieces->items[i];

        if (piece->fd >= 0 && fsync(piece->fd) < 0)
            return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", piece->draft);
    }
    return 0;
}

static void drop(struct dr_piece *piece)
{
    if (piece->fd >= 0)
        close(dr_steal_fd(&piece->fd));
    free(dr_steal(piece->path));
    free(dr_steal(piece->draft));
}

int dr_pieces_cut(struct dr_pieces *pieces, uint64_t total, struct dr_err *err)
{
    const struct dr_piece *last;

    while (pieces->count > 1 && (pieces->count - 1) * pieces->slice >= total) {
        struct dr_piece *piece = &pieces->items[--pieces->count];

        if (piece->draft)
            unlink(piece->draft);
        drop(piece);
    }
    last = &pieces->items[pieces->count - 1];
    if (last->fd >= 0 && ftruncate(last->fd, (off_t)share(pieces, pieces->count - 1, total)) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "shorten '%s'", last->draft);
    return 0;
}

void dr_pieces_release(struct dr_pieces *pieces)
{
    for (uint64_t i = 0; i < pieces->count; i++)
        drop(&pieces->items[i]);
    free(pieces->items);
    *pieces = (struct dr_pieces)DR_PIECES_INIT;
}
