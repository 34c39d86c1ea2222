/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_STORAGE_H
#define DROVER_LIB_ENGINE_STORAGE_H

/*
 * Volumes and networks of an engine: looked at, and volumes made. Nothing here removes one.
 */

#include <jansson.h>
#include <stdint.h>

#include "lib/engine/engine.h"
#include "lib/err.h"

/* New references; DR_ERR_ABSENT when there is none of that name. */
json_t *dr_volume_inspect(struct dr_engine *engine, const char *name, struct dr_err *err);
json_t *dr_network_inspect(struct dr_engine *engine, const char *name, struct dr_err *err);

/* Makes a volume on the engine's own disk; one that is there already is success. */
int dr_volume_create(struct dr_engine *engine, const char *name, struct dr_err *err);

/* Bytes in a volume: counted here when its folder can be walked, else asked of the engine (GET /system/df, API
 * 1.25). DR_ERR_ENGINE when neither works. */
int dr_volume_size(struct dr_engine *engine, const char *name, uint64_t *ret_bytes,
                   struct dr_err *err);

/* The folder that holds all of the engine's images and volumes (DockerRootDir); owned. */
char *dr_engine_folder(struct dr_engine *engine, struct dr_err *err);

#endif
