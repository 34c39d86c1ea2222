/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_IMAGE_H
#define DROVER_LIB_ENGINE_IMAGE_H

/*
 * Images of an engine. An image's Id is the SHA-256 of its config with the classic stores, and of its manifest or
 * index with containerd's; its RootFS.Layers are the diff ids with both.
 */

#include <jansson.h>

#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/http/http.h"
#include "lib/log.h"
#include "lib/reference.h"

/* By reference or id. New reference; DR_ERR_ABSENT when it is not there. */
json_t *dr_image_inspect(struct dr_engine *engine, const char *name, struct dr_err *err);

/* The same where absence is an answer: 0 and NULL. */
int dr_image_find(struct dr_engine *engine, const char *name, json_t **ret_image,
                  struct dr_err *err);

/* Pulls it and looks whether it is there afterwards. User and password may be NULL. `progress` (may be NULL) is
 * fed with what the engine tells of downloaded bytes. Can be broken off by a wanted stop: what came stays. */
int dr_image_pull(struct dr_engine *engine, const struct dr_reference *reference, const char *user,
                  const char *password, struct dr_progress *progress, struct dr_err *err);

/* Gives an image (an id, or another name) the name `reference`, which has a tag. */
int dr_image_tag(struct dr_engine *engine, const char *name, const struct dr_reference *reference,
                 struct dr_err *err);

/* Loads a docker archive of `size` bytes. What was in it is for the caller to look up. */
int dr_image_load(struct dr_engine *engine, dr_http_source_fn *source, void *context, uint64_t size,
                  struct dr_err *err);

#endif
