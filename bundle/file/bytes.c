/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/bytes.h"

#include "lib/file.h"

/* Is `offset` in the frame? `ret_size`: so many bytes from there on are as well, or are not. */
static bool is_frame(const struct dr_volume_set *set, uint64_t offset, uint64_t *ret_size)
{
    size_t low = 0;
    size_t high = set->frame_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->frame[middle].offset + set->frame[middle].size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->frame_count) {
        *ret_size = set->total - offset;
        return false;
    }
    if (offset < set->frame[low].offset) {
        *ret_size = set->frame[low].offset - offset;
        return false;
    }
    *ret_size = set->frame[low].offset + set->frame[low].size - offset;
    return true;
}

int dr_bytes_read(const struct dr_bytes *bytes, void *ret_data, size_t size, uint64_t offset,
                  struct dr_err *err)
{
    char *to = ret_data;

    if (!bytes->volumes)
        return dr_file_pread(bytes->file, ret_data, size, offset, "the bundle", err);
    while (size > 0) {
        uint64_t piece;
        bool frame = is_frame(dr_volumes_set(bytes->volumes), offset, &piece);

        piece = piece < size ? piece : size;
        if ((frame ? dr_file_pread(bytes->file, to, (size_t)piece, offset, "the bundle", err)
                   : dr_volumes_read(bytes->volumes, to, (size_t)piece, offset, err)) < 0)
            return -1;
        to += piece;
        offset += piece;
        size -= (size_t)piece;
    }
    return 0;
}

int dr_bytes_place(const struct dr_bytes *bytes, uint64_t offset, int *ret_fd, uint64_t *ret_at,
                   uint64_t *ret_size, struct dr_err *err)
{
    uint64_t most = UINT64_MAX;

    *ret_fd = bytes->file;
    *ret_at = offset;
    *ret_size = UINT64_MAX;
    if (bytes->volumes && !is_frame(dr_volumes_set(bytes->volumes), offset, &most) &&
        dr_volumes_place(bytes->volumes, offset, ret_fd, ret_at, ret_size, err) < 0)
        return -1;
    *ret_size = *ret_size < most ? *ret_size : most;
    return 0;
}
