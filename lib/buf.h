/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_BUF_H
#define DROVER_LIB_BUF_H

/*
 * A growing byte buffer with a mandatory ceiling: what comes from outside is bounded before memory
 * is taken.
 *
 *     dr_auto_buf struct dr_buf body = DR_BUF_INIT(4u << 20);
 *     if (dr_buf_add(&body, data, size, err) < 0) ...
 *
 * `data` is always followed by a NUL that `size` does not count (NULL while nothing was ever
 * added).
 */

#include <stddef.h>

#include "lib/err.h"

struct dr_buf {
    char *data;
    size_t size;
    size_t room;
    size_t max;
};

#define DR_BUF_INIT(ceiling)                                                                       \
    {                                                                                              \
        .max = (ceiling)                                                                           \
    }

/* Appends; DR_ERR_FORMAT when the ceiling would be passed (nothing is added then). */
int dr_buf_add(struct dr_buf *buf, const void *data, size_t size, struct dr_err *err);
int dr_buf_add_text(struct dr_buf *buf, const char *text, struct dr_err *err);
int dr_buf_printf(struct dr_buf *buf, struct dr_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes it empty and keeps the memory. */
void dr_buf_clear(struct dr_buf *buf);

/* Frees the memory; the buffer can be used again. */
void dr_buf_release(struct dr_buf *buf);

/* The content as owned text (never NULL but out of memory); the buffer is empty afterwards. */
char *dr_buf_steal(struct dr_buf *buf, struct dr_err *err);

#define dr_auto_buf __attribute__((cleanup(dr_buf_release)))

#endif
