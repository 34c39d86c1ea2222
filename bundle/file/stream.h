/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_STREAM_H
#define DROVER_BUNDLE_FILE_STREAM_H

/*
 * Reads a bundle from a pipe or a one-way line: once, forwards, in little memory. What stands before the layers (list,
 * signatures, bundle.json, manifests, configs) is kept and checked as dr_bundle_open() does it, before a byte of a layer
 * is looked at; then each layer is handed out as it comes and compared with the signed list at its end.
 *
 *     bundle = dr_bundle_open_stream(STDIN_FILENO, trust, err);       images, manifests and configs are as in a file
 *     while ((more = dr_stream_next(bundle, &blob, err)) > 0) {
 *         dr_stream_read(bundle, data, size, err);                    as often as wanted, in all at most blob->size
 *         dr_stream_end(bundle, &good, err);                          reads the rest, compares
 *     }
 *     dr_stream_finish(bundle, log, err);                             everything else, and that this is the end
 *
 * A line without a way back loses things. A layer that arrives damaged is bad and the next one is read; where bytes are
 * missing, or too many, the next header that is one of the layers to come is looked for. What is between is lost. So what
 * arrived whole can be used, and the next sending has to bring the rest only. But tags may be written only after
 * dr_stream_finish() has said that nothing is missing.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/reader.h"
#include "bundle/file/trust.h"
#include "lib/err.h"
#include "lib/log.h"

/* NULL on failure. `pipe` is borrowed. Until dr_stream_finish() about->bytes and members are 0. */
struct dr_bundle *dr_bundle_open_stream(int pipe, const struct dr_bundle_trust *trust,
                                        struct dr_err *err);

/* A bundle in a file of which only images, manifests and configs are wanted: its beginning up to the first layer is enough,
 * and is signed for all the same. What of a whole file is behind that is not looked at where it is not as it should be. */
struct dr_bundle *dr_bundle_open_begin(const char *path, const struct dr_bundle_trust *trust,
                                       struct dr_err *err);

/* The next layer that arrives, in the order of the file. 1: there it is; 0: there is none; -1: the stream cannot be
 * read. */
int dr_stream_next(struct dr_bundle *bundle, const struct dr_bundle_blob **ret_blob,
                   struct dr_err *err);

/* The next bytes of that layer; `ret_data` NULL: they are only hashed. DR_ERR_VERIFY: the stream ended. */
int dr_stream_read(struct dr_bundle *bundle, void *ret_data, size_t size, struct dr_err *err);

/* The end of that layer. */
int dr_stream_end(struct dr_bundle *bundle, bool *ret_good, struct dr_err *err);

/* All layers, one after the other, then the end: what `drover verify -` does. `progress` may be NULL. */
int dr_stream_check(struct dr_bundle *bundle, struct dr_progress *progress,
                    const struct dr_log *log, struct dr_err *err);

/* After the last layer. DR_ERR_VERIFY: something was lost on the way (each layer of that is warned of by name, with the
 * image that needs it), or the end is not what it must be. */
int dr_stream_finish(struct dr_bundle *bundle, const struct dr_log *log, struct dr_err *err);

#endif
