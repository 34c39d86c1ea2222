/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PIPE_H
#define DROVER_BUNDLE_PIPE_H

/*
 * `drover bundle -o -`: the bundle into a pipe or a one-way line, while it is fetched. Everything that is no layer is
 * written to a frame first (bundle/frame.h); then the layers are fetched one after the other and sent between its
 * pieces. Nothing is kept, nothing is read back, and a run that fails has to be begun
 * anew: the receiver keeps what came whole (bundle/file/stream.h).
 */

#include "bundle/layers.h"
#include "lib/err.h"
#include "lib/log.h"

/* Sends `frame`, a bundle of `total` bytes, to `to` with the layers in their places; `layers` says from where they are fetched (its pieces are
 * not used). DR_ERR_VERIFY: a registry served something else than it should and a part of that was sent, so that the
 * receiver will find that layer bad. */
int dr_pipe_send(int to, int frame, const struct dr_layers *layers, uint64_t total,
                 const struct dr_log *log, struct dr_err *err);

/* Sends a bundle that is complete. */
int dr_pipe_send_file(int to, const char *path, const struct dr_log *log, struct dr_err *err);

#endif
