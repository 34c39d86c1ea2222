/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_BYTES_H
#define DROVER_BUNDLE_FILE_BYTES_H

/* The bytes of a bundle, whatever it is in: one file, or volumes. */

#include <stddef.h>
#include <stdint.h>

#include "bundle/file/volumes.h"
#include "lib/err.h"

/* `volumes` NULL: all of it is in `file`; else `file` is the frame, and only layers and programs are read from the
 * volumes. Borrowed. */
struct dr_bytes {
    int file;
    const struct dr_volumes *volumes;
};

/* Exactly `size` bytes at `offset`. */
int dr_bytes_read(const struct dr_bytes *bytes, void *ret_data, size_t size, uint64_t offset,
                  struct dr_err *err);

/* Where that byte is, and how many from there on stand behind it in one file. */
int dr_bytes_place(const struct dr_bytes *bytes, uint64_t offset, int *ret_fd, uint64_t *ret_at,
                   uint64_t *ret_size, struct dr_err *err);

#endif
