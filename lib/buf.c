/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static int reserve(struct dr_buf *buf, size_t more, struct dr_err *err)
{
    size_t want;
    size_t room;
    char *data;

    if (more > buf->max - buf->size)
        return dr_fail(err, DR_ERR_FORMAT, "more than the allowed %zu bytes", buf->max);
    want = buf->size + more + 1;
    if (want <= buf->room)
        return 0;
    room = buf->room < 128 ? 256 : buf->room * 2;
    if (room < want)
        room = want;
    if (room > buf->max + 1)
        room = buf->max + 1;
    data = realloc(buf->data, room);
    if (!data)
        return dr_fail_memory(err);
    buf->data = data;
    buf->room = room;
    return 0;
}

int dr_buf_add(struct dr_buf *buf, const void *data, size_t size, struct dr_err *err)
{
    if (reserve(buf, size, err) < 0)
        return -1;
    if (size)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return 0;
}

int dr_buf_add_text(struct dr_buf *buf, const char *text, struct dr_err *err)
{
    return dr_buf_add(buf, text, strlen(text), err);
}

int dr_buf_printf(struct dr_buf *buf, struct dr_err *err, const char *format, ...)
{
    dr_autofree char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        text = NULL;
        return dr_fail_memory(err);
    }
    return dr_buf_add(buf, text, (size_t)length, err);
}

void dr_buf_clear(struct dr_buf *buf)
{
    buf->size = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void dr_buf_release(struct dr_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->size = buf->room = 0;
}

char *dr_buf_steal(struct dr_buf *buf, struct dr_err *err)
{
    char *data;

    if (reserve(buf, 0, err) < 0)
        return NULL;
    buf->data[buf->size] = '\0';
    data = buf->data;
    buf->data = NULL;
    buf->size = buf->room = 0;
    return data;
}
