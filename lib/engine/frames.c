/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/frames.h"

#include <string.h>

static int keep(struct dr_frames *frames, const char *data, size_t size, struct dr_err *err)
{
    const struct dr_buf *output = frames->output;
    size_t room = output->max - output->size;

    return dr_buf_add(frames->output, data, size < room ? size : room, err);
}

/* Takes bytes of the current head; how many. */
static size_t take_head(struct dr_frames *frames, const char *data, size_t size, struct dr_err *err)
{
    const unsigned char *head = frames->head;
    size_t missing = sizeof frames->head - frames->head_size;
    size_t taken = size < missing ? size : missing;

    memcpy(frames->head + frames->head_size, data, taken);
    frames->head_size += taken;
    if (frames->head_size < sizeof frames->head)
        return taken;
    frames->head_size = 0;
    frames->left = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 |
                   (uint32_t)head[7];
    if (head[0] > 3 || head[1] || head[2] || head[3]) {
        dr_fail(err, DR_ERR_FORMAT, "the engine's stream of a container's output is garbled");
        return 0;
    }
    return taken;
}

int dr_frames_sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct dr_frames *frames = context;
    const char *bytes = data;

    if (frames->plain)
        return keep(frames, bytes, size, err);
    while (size > 0) {
        size_t taken;

        if (frames->left == 0) {
            taken = take_head(frames, bytes, size, err);
            if (taken == 0)
                return -1;
        } else {
            taken = size < frames->left ? size : frames->left;
            if (keep(frames, bytes, taken, err) < 0)
                return -1;
            frames->left -= (uint32_t)taken;
        }
        bytes += taken;
        size -= taken;
    }
    return 0;
}
