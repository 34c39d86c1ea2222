/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_LOAD_SEND_H
#define DROVER_MIRROR_LOAD_SEND_H

/*
 * The bundle, which is a docker archive too, goes through the engine's load call as it is: nothing is unpacked here, and
 * what is sent is read from the same open file that was verified. Only after dr_bundle_hash_layers(); what the engine
 * made of it is for the caller to compare (mirror/load/identity.h), since nothing else tells that it was all.
 */

#include "bundle/file/reader.h"
#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/log.h"

int dr_load_send(struct dr_engine *engine, const struct dr_bundle *bundle, const struct dr_log *log,
                 struct dr_err *err);

/* The same out of a stream of dr_bundle_open_stream(), which is verified while it goes through (mirror/load/relay.h);
 * `engine` NULL: it is only verified. `ret_sent` bytes went to the engine. DR_ERR_VERIFY: the engine has nothing of it. */
int dr_load_send_stream(struct dr_engine *engine, struct dr_bundle *bundle,
                        const struct dr_log *log, uint64_t *ret_sent, struct dr_err *err);

#endif
