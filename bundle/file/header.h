/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_HEADER_H
#define DROVER_BUNDLE_FILE_HEADER_H

/*
 * The 512 bytes in front of every member of a bundle. They are a function of (name, size) alone, so whoever
 * carries a bundle has no bit to play with: a reader never parses a header, it makes the right one and compares.
 * Only the size is looked up before, to know what to compare with.
 *
 * The bytes are those of libarchive's gnutar writer for a regular file with mode 0644 (programs: 0755) and uid,
 * gid and time 0, field by field in docs/bundle-format.md. They are part of the format, so they are laid out here
 * and do not change with a library; a test compares them with libarchive's.
 */

#include <stdint.h>

#include "lib/err.h"

#define DR_BLOCK 512

/* The longest name is a blob's: "blobs/sha256/" + 64 hex. Room for the NUL included. */
#define DR_MEMBER_NAME 80

/* `name` is shorter than DR_MEMBER_NAME, `size` below 2^63. */
void dr_header_make(const char *name, uint64_t size, unsigned char ret_block[DR_BLOCK]);

/* The size that a header claims, below 2^63; -1 when that field is no number. Says nothing about the rest. */
int dr_header_size(const unsigned char block[DR_BLOCK], uint64_t *ret_size);

/* How many zero bytes follow a member's content, up to the next block. */
static inline uint64_t dr_padding(uint64_t size)
{
    return (DR_BLOCK - size % DR_BLOCK) % DR_BLOCK;
}

#endif
