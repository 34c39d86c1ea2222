/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FRAME_H
#define DROVER_BUNDLE_FRAME_H

/*
 * Everything of a bundle that is no layer, at its places in a file in memory with holes where the layers go: the list,
 * signatures, headers, manifests and configs, the programs that are carried along. From there it is copied to wherever
 * the bundle is written: a file, volumes, a pipe.
 */

#include <stddef.h>
#include <stdint.h>

#include "bundle/fetched.h"
#include "bundle/file/writer.h"
#include "bundle/pieces.h"
#include "bundle/tools.h"
#include "lib/err.h"
#include "lib/key.h"

/* What it is made of; borrowed. */
struct dr_frame {
    const struct dr_writer *writer; /* planned */
    const struct dr_fetched *fetched;
    size_t count;
    const struct dr_tools *tools;
    const struct dr_key *key; /* NULL: it is not signed */
};

/* A descriptor of such a file; -1 on failure. */
int dr_frame_make(const struct dr_frame *frame, struct dr_err *err);

/* Copies all of `file` but the layers, with the zeros behind each of these; the bundle has `total` bytes. */
int dr_frame_copy(int file, const struct dr_bundle_blob *blobs, size_t count, uint64_t total,
                  const struct dr_pieces *to, struct dr_err *err);

#endif
