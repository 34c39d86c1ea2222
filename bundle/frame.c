/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/frame.h"

#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define WHAT "the bundle"
#define CHUNK ((size_t)64 << 10)

static const struct dr_buf *find(const struct dr_frame *frame, const struct dr_digest *digest)
{
    for (size_t i = 0; i < frame->count; i++) {
        const struct dr_buf *bytes = dr_fetched_find(&frame->fetched[i], digest);

        if (bytes)
            return bytes;
    }
    return NULL;
}

static int write_small(const struct dr_frame *frame, int fd, struct dr_err *err)
{
    const struct dr_writer *writer = frame->writer;

    for (size_t i = 0; i < writer->blob_count; i++) {
        const struct dr_bundle_blob *blob = &writer->blobs[i];
        const struct dr_buf *bytes = blob->layer ? NULL : find(frame, &blob->digest);

        if (bytes && dr_file_pwrite(fd, bytes->data, bytes->size, blob->offset, WHAT, err) < 0)
            return -1;
    }
    return 0;
}

int dr_frame_make(const struct dr_frame *frame, struct dr_err *err)
{
    const struct dr_writer *writer = frame->writer;
    dr_autoclose int fd = dr_file_in_memory(dr_layout_total(&writer->layout), err);

    if (fd < 0 || dr_writer_frame(writer, fd, err) < 0 || write_small(frame, fd, err) < 0 ||
        dr_writer_sign(writer, fd, frame->key, err) < 0 ||
        dr_tools_write(frame->tools, writer, fd, WHAT, err) < 0)
        return -1;
    return dr_steal_fd(&fd);
}

static int copy(int file, uint64_t from, uint64_t to, const struct dr_pieces *pieces,
                struct dr_err *err)
{
    char chunk[CHUNK];

    while (from < to) {
        size_t size = to - from < sizeof chunk ? (size_t)(to - from) : sizeof chunk;

        if (dr_file_pread(file, chunk, size, from, WHAT, err) < 0 ||
            dr_pieces_write(pieces, chunk, size, from, err) < 0)
            return -1;
        from += size;
    }
    return 0;
}

int dr_frame_copy(int file, const struct dr_bundle_blob *blobs, size_t count, uint64_t total,
                  const struct dr_pieces *to, struct dr_err *err)
{
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        if (!blobs[i].layer)
            continue;
        if (copy(file, end, blobs[i].offset, to, err) < 0)
            return -1;
        end = blobs[i].offset + blobs[i].size;
    }
    return copy(file, end, total, to, err);
}
