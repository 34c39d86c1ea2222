/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SMALL_H
#define DROVER_BUNDLE_SMALL_H

/* Everything of a bundle that is no layer, written to its places. */

#include <stddef.h>

#include "bundle/fetched.h"
#include "bundle/file/writer.h"
#include "lib/err.h"
#include "lib/key.h"

/* The frame, manifests and configs, and the signature (`key` NULL: none). `what` names the file in errors. */
int dr_small_write(const struct dr_writer *writer, const struct dr_fetched *fetched, size_t count,
                   const struct dr_key *key, int fd, const char *what, struct dr_err *err);

#endif
