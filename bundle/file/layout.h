/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_LAYOUT_H
#define DROVER_BUNDLE_FILE_LAYOUT_H

/*
 * Where everything lies in a bundle: pure arithmetic on (name, size), done by the writer before the first byte of
 * a layer and by the reader while it walks along the list. A member is a header of 512 bytes, its content, and zeros
 * up to the next multiple of 512; behind the last one stand 1024 zero bytes, and then the file ends.
 */

#include <stddef.h>
#include <stdint.h>

#include "bundle/file/header.h"
#include "lib/err.h"
#include "lib/hash.h"

struct dr_member {
    char name[DR_MEMBER_NAME];
    struct dr_digest digest; /* as listed in SHA256SUMS; zero for the list and its signatures */
    uint64_t size;
    uint64_t offset; /* of the content; the header lies DR_BLOCK before */
};

struct dr_layout {
    struct dr_member *members; /* in file order; owned */
    size_t count;
    size_t room;
    uint64_t end; /* where the next header would be */
};

#define DR_LAYOUT_INIT                                                                             \
    {                                                                                              \
        .members = NULL                                                                            \
    }

/* The two zero blocks. */
#define DR_TRAILER (2 * DR_BLOCK)

/* Appends a member; `digest` NULL: zero. DR_ERR_FORMAT when the file would pass 2^62 bytes. */
int dr_layout_add(struct dr_layout *layout, const char *name, uint64_t size,
                  const struct dr_digest *digest, struct dr_err *err);

/* Of the whole file. */
static inline uint64_t dr_layout_total(const struct dr_layout *layout)
{
    return layout->end + DR_TRAILER;
}

void dr_layout_release(struct dr_layout *layout);
#define dr_auto_layout __attribute__((cleanup(dr_layout_release)))

#endif
