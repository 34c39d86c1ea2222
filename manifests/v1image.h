/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_V1IMAGE_H
#define DROVER_MANIFESTS_V1IMAGE_H

/*
 * The description of one image of Docker's old kind, where every layer was an image of its own: the text
 * "v1Compatibility" in the history of a schema 1 manifest. What is read of it and what is made of it is what
 * dockerd 20.10 does (moby, image/v1/imagev1.go and the structs V1Image and container.Config), byte for byte.
 *
 *     struct dr_v1_image image;
 *     dr_v1_image_read(text, size, &image, &history, err);     for every entry
 *     dr_v1_config(text, size, history.data, layers, &before, &after, err);     for the newest
 *
 * Callers bound the texts; errors are DR_ERR_FORMAT, where docker fails too (and for NUL characters, lone surrogates
 * and keys that come twice, where docker guesses).
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

#define DR_V1_ID 65

struct dr_v1_image {
    char id[DR_V1_ID];     /* 64 lower-case hex digits */
    char parent[DR_V1_ID]; /* "" for the base; else anything that fits */
    bool throwaway;        /* it has no layer */
    bool has_version;      /* docker_version is there */
};

/* Reads an entry, checks the types of all fields that docker knows, and appends the entry's item of the config's
 * "history" to `history`. */
int dr_v1_image_read(const char *text, size_t size, struct dr_v1_image *ret_image,
                     struct dr_buf *history, struct dr_err *err);

/* The config of the image, without the diff IDs of its layers: they are put, as strings with commas between them,
 * between `before` and `after`. `history` is the text of the array. */
int dr_v1_config(const char *text, size_t size, const char *history, size_t layer_count,
                 struct dr_buf *before, struct dr_buf *after, struct dr_err *err);

#endif
