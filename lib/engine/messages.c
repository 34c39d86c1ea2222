/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/engine/messages.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

void dr_messages_release(struct dr_messages *messages)
{
    dr_buf_release(&messages->rest);
}

/* errorDetail first: "error" is on its way out since API 1.48. containerd's store tells of a layer that it could not
 * unpack among the talk, after it has said that the image is loaded. */
static const char *failure_of(const json_t *message)
{
    const json_t *detail = json_object_get(message, "errorDetail");
    const char *words = dr_json_string_or(detail, "message", NULL);
    const char *talk = dr_json_string_or(message, "stream", "");

    if (!words)
        words = dr_json_string_or(message, "error", detail ? "an error without a text" : NULL);
    return !words && dr_text_starts(talk, "Error unpacking") ? talk : words;
}

static int see(struct dr_messages *messages, const json_t *message, struct dr_err *err)
{
    const char *words = failure_of(message);

    if (words && !*messages->failure)
        snprintf(messages->failure, sizeof messages->failure, "%.*s", (int)strcspn(words, "\r\n"),
                 words);
    return messages->each ? messages->each(messages->context, message, err) : 0;
}

static size_t skip_space(const struct dr_buf *buf, size_t at)
{
    return at + strspn(buf->data + at, " \t\r\n");
}

/* Takes one object off the front; 1: done, 0: its end has not come yet. */
static int take(struct dr_messages *messages, size_t *at, struct dr_err *err)
{
    struct dr_buf *rest = &messages->rest;
    json_error_t why;
    json_auto_t *message = NULL;

    *at = skip_space(rest, *at);
    if (*at == rest->size)
        return 0;
    if (rest->data[*at] != '{')
        return dr_fail(err, DR_ERR_FORMAT, "the engine's progress is not a stream of JSON objects");
    message = json_loadb(rest->data + *at, rest->size - *at, JSON_DISABLE_EOF_CHECK, &why);
    if (!message) {
        if (json_error_code(&why) == json_error_premature_end_of_input)
            return 0;
        return dr_fail(err, DR_ERR_FORMAT, "the engine's progress is not JSON: %s", why.text);
    }
    *at += (size_t)why.position;
    return see(messages, message, err) < 0 ? -1 : 1;
}

int dr_messages_sink(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct dr_messages *messages = context;
    struct dr_buf *rest = &messages->rest;
    size_t at = 0;
    int taken;

    if (dr_buf_add(rest, data, size, err) < 0)
        return -1;
    while (rest->data && (taken = take(messages, &at, err)) != 0) {
        if (taken < 0)
            return -1;
    }
    if (rest->data) {
        memmove(rest->data, rest->data + at, rest->size - at + 1);
        rest->size -= at;
    }
    return 0;
}

int dr_messages_end(const struct dr_messages *messages, struct dr_err *err)
{
    if (*messages->failure)
        return dr_fail(err, DR_ERR_ENGINE, "%s", messages->failure);
    if (messages->rest.size > 0)
        return dr_fail(err, DR_ERR_NET, "the engine broke off in the middle of its answer");
    return 0;
}
