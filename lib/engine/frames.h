/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_FRAMES_H
#define DROVER_LIB_ENGINE_FRAMES_H

/*
 * What a container writes, as the engine streams it (Engine API, ContainerAttach "Stream format"): frames of one
 * byte for the stream, three zero bytes, four bytes of size, most significant first, and the data. A container with a
 * terminal is streamed without frames. Both outputs are put together in the order in which they come.
 *
 *     struct dr_frames frames = {.output = &buf, .plain = tty};
 *     ... .sink = dr_frames_sink, .context = &frames
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct dr_frames {
    struct dr_buf *output; /* what goes beyond its ceiling is dropped */
    bool plain;            /* a terminal: no frames */
    unsigned char head[8];
    size_t head_size;
    uint32_t left; /* of the current frame's data */
};

/* A dr_http_sink_fn; bytes that are no frame are DR_ERR_FORMAT. */
int dr_frames_sink(void *frames, const void *data, size_t size, struct dr_err *err);

#endif
