/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/load/send.h"

#include "lib/engine/image.h"
#include "mirror/load/relay.h"

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

static int send_stream(struct dr_engine *engine, struct dr_relay *relay, struct dr_err *err)
{
    /* What the engine says of an archive that was broken off is of no interest. */
    if (engine && dr_image_load(engine, dr_relay_read, relay, relay->total, err) < 0 &&
        !dr_relay_failed(relay))
        return dr_err_advise(err, err && err->code == DR_ERR_STOPPED
                                      ? "nothing was loaded; send the bundle again"
                                      : "when that is mended, send the bundle again");
    if (dr_relay_end(relay, err) < 0) {
        dr_err_wrap(err, "read the bundle from the stream");
        return dr_err_advise(err, "nothing was loaded, since an engine takes all of a bundle or "
                                  "nothing: send it again");
    }
    return 0;
}

int dr_load_send_stream(struct dr_engine *engine, struct dr_bundle *bundle,
                        const struct dr_log *log, uint64_t *ret_sent, struct dr_err *err)
{
    dr_auto_relay struct dr_relay relay = {.piece = NULL};
    struct dr_progress progress;
    int done;

    if (dr_relay_init(&relay, bundle, &progress, log, err) < 0)
        return -1;
    dr_progress_start(&progress, log, engine ? "load" : "verify",
                      dr_bundle_about(bundle)->layer_bytes);
    done = send_stream(engine, &relay, err);
    dr_progress_end(&progress);
    *ret_sent = relay.made;
    return done;
}
