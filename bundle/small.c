/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/small.h"

#include "lib/file.h"

static const struct dr_buf *find(const struct dr_fetched *fetched, size_t count,
                                 const struct dr_digest *digest)
{
    for (size_t i = 0; i < count; i++) {
        const struct dr_buf *bytes = dr_fetched_find(&fetched[i], digest);

        if (bytes)
            return bytes;
    }
    return NULL;
}

int dr_small_write(const struct dr_writer *writer, const struct dr_fetched *fetched, size_t count,
                   const struct dr_key *key, int fd, const char *what, struct dr_err *err)
{
    if (dr_writer_frame(writer, fd, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->blob_count; i++) {
        const struct dr_bundle_blob *blob = &writer->blobs[i];
        const struct dr_buf *bytes = blob->layer ? NULL : find(fetched, count, &blob->digest);

        if (bytes && dr_file_pwrite(fd, bytes->data, bytes->size, blob->offset, what, err) < 0)
            return -1;
    }
    return dr_writer_sign(writer, fd, key, err);
}
