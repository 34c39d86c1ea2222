/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_CLIENT_H
#define DROVER_LIB_ENGINE_CLIENT_H

/*
 * For lib/engine's own files: one request to the engine. `doing` is the sentence that begins every error
 * ("start container 'rancher'"). Paths are written after /v1.NN and hold escaped names
 * (dr_engine_path()).
 */

#include <jansson.h>

#include "lib/engine/engine.h"
#include "lib/http/http.h"

/* The engine's documents: an inspect is some 10 KB, a list of a thousand containers some MB. */
#define DR_ENGINE_DOCUMENT_MAX (32u << 20)

struct dr_engine_call {
    const char *method; /* NULL: GET */
    const char *path;
    const char *const *headers; /* besides Content-Type of `body`; NULL: none */
    const json_t *body;         /* sent as JSON; NULL: none */
    dr_http_source_fn *source;  /* instead of `body`: a tar of `source_size` bytes */
    uint64_t source_size;
    dr_http_sink_fn *sink; /* takes the body of a 2xx answer */
    void *context;         /* for source and sink */
    bool endless;          /* the engine may be silent for as long as it likes */
    bool stoppable;        /* may be broken off when a stop is wanted */
};

/* Sends it and reads the answer. 2xx and 304 are success: 0, the status in `ret_status` (may be NULL). */
int dr_engine_do(struct dr_engine *engine, const struct dr_engine_call *call, const char *doing,
                 struct dr_http_response *ret_response, struct dr_err *err);

/* GET of a JSON document. New reference, NULL on failure. */
json_t *dr_engine_get(struct dr_engine *engine, const char *path, const char *doing,
                      struct dr_err *err);

/* Without an interesting answer: the change happened, or had happened before. */
int dr_engine_change(struct dr_engine *engine, const char *method, const char *path,
                     const json_t *body, const char *doing, struct dr_err *err);

/* "<before><name, percent-encoded><after>", owned. */
char *dr_engine_path(const char *before, const char *name, const char *after, struct dr_err *err);

#endif
