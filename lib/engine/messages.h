/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_MESSAGES_H
#define DROVER_LIB_ENGINE_MESSAGES_H

/*
 * The answer to a pull or a load: JSON objects one after another, with status 200 even when the thing fails
 * halfway, so only the end of the stream without an object that holds an error is success. Pieces come in any
 * size.
 */

#include <jansson.h>

#include "lib/buf.h"
#include "lib/err.h"

/* One object of them; -1 and `err` break off. */
typedef int dr_message_fn(void *context, const json_t *message, struct dr_err *err);

struct dr_messages {
    struct dr_buf rest; /* the beginning of an object whose end has not come yet */
    dr_message_fn *each;
    void *context;
    char failure[512]; /* the first error that was told; "": none */
};

#define DR_MESSAGES_INIT(function, argument)                                                       \
    {                                                                                              \
        .rest = DR_BUF_INIT(1u << 20), .each = (function), .context = (argument)                   \
    }

void dr_messages_release(struct dr_messages *messages);
#define dr_auto_messages __attribute__((cleanup(dr_messages_release)))

/* A dr_http_sink_fn. `each` (may be NULL) sees every object. Anything else than objects is DR_ERR_FORMAT. */
int dr_messages_sink(void *messages, const void *data, size_t size, struct dr_err *err);

/* After the last piece: 0 when all was well; DR_ERR_ENGINE with the engine's words, or DR_ERR_NET when the last
 * object was cut. */
int dr_messages_end(const struct dr_messages *messages, struct dr_err *err);

#endif
