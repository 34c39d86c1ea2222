/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_WHOLE_H
#define DROVER_BUNDLE_FILE_WHOLE_H

/*
 * The whole bundle that a delta stands for. A delta carries its SHA256SUMS, its signature and its bundle.json as members
 * of its own, so that `drover merge` makes exactly that bundle of the delta and the layers that it leaves out. Its
 * SHA256SUMS is also what a receiver takes note of: whoever has mirrored the delta has that bundle.
 */

#include <stddef.h>

#include "bundle/file/document.h"
#include "bundle/file/envelope.h"
#include "lib/buf.h"
#include "lib/err.h"

/* The member of that name, NULL: there is none. Borrowed. */
const struct dr_member *dr_whole_find(const struct dr_envelope *envelope, const char *name);

/* Appends the lines of a whole bundle's SHA256SUMS up to the last blob: its bundle.json has this text, and everything
 * else follows from the images. */
int dr_whole_list(const char *document, size_t size, const struct dr_bundle_image *images,
                  size_t count, struct dr_buf *ret_list, struct dr_err *err);

/* The three members are what the delta makes them: bundle.json differs from the delta's own in `bases`, `requires`
 * and `min_reader` only, which is what the whole needs, and SHA256SUMS lists it, all blobs of the images, and what else
 * the delta has. Whose the signature is, is not looked at: nothing depends on it before the whole is made. DR_ERR_VERIFY. */
int dr_whole_check(const struct dr_envelope *envelope, const struct dr_document *document,
                   struct dr_err *err);

#endif
