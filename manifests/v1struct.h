/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_V1STRUCT_H
#define DROVER_MANIFESTS_V1STRUCT_H

/*
 * What Go's encoding/json does with dockerd 20.10's struct V1Image when it reads an object into it and writes it
 * again: known fields only, in the order of the struct, empty ones written unless they are marked omitempty. Part of
 * manifests/v1image.h. Types that do not fit are DR_ERR_FORMAT, as in docker.
 */

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/rawjson.h"

int dr_v1_add_struct(struct dr_buf *to, const struct dr_raw_object *image, struct dr_err *err);

/* A time.Time as a JSON string: RFC 3339 with no more digits than needed; without data the zero time. */
int dr_v1_add_time(struct dr_buf *to, const struct dr_raw *raw, struct dr_err *err);

#endif
