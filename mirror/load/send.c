/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/send.h"

#include "lib/engine/image.h"

struct stream {
    const struct dr_bundle *bundle;
    uint64_t offset;
    struct dr_progress progress;
};

static long source(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct stream *stream = context;
    long got = dr_bundle_file_read(stream->bundle, stream->offset, ret_data, size, err);

    if (got > 0) {
        stream->offset += (uint64_t)got;
        dr_progress_add(&stream->progress, (uint64_t)got);
    }
    return got;
}

int dr_load_send(struct dr_engine *engine, const struct dr_bundle *bundle, const struct dr_log *log,
                 struct dr_err *err)
{
    uint64_t size = dr_bundle_file_size(bundle);
    struct stream stream = {.bundle = bundle};
    int done;

    dr_progress_start(&stream.progress, log, "load", size);
    done = dr_image_load(engine, source, &stream, size, err);
    dr_progress_end(&stream.progress);
    return done;
}
