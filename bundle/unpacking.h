/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_UNPACKING_H
#define DROVER_BUNDLE_UNPACKING_H

/*
 * The layers of converted images, unpacked while they are fetched: their diff IDs are wanted for the configs that are
 * made (manifests/schema1.h). Each blob is read once, in the pass that writes it to its place; nothing unpacked is
 * kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "manifests/diffid.h"
#include "manifests/schema1.h"

/* One blob. */
struct dr_unpacked {
    struct dr_digest blob;
    uint64_t size;
    struct dr_diffid *stream; /* while it comes */
    bool done;                /* all of it came; the rest is filled then */
    struct dr_digest diff_id;
    bool plain;
    struct dr_err why; /* it is no layer */
};

struct dr_unpacking {
    struct dr_unpacked *rows; /* owned */
    size_t count;
};

#define DR_UNPACKING_INIT                                                                          \
    {                                                                                              \
        .rows = NULL                                                                               \
    }

/* Adds the layers of an image, each blob once. */
int dr_unpacking_add(struct dr_unpacking *unpacking, const struct dr_schema1 *image,
                     struct dr_err *err);
void dr_unpacking_release(struct dr_unpacking *unpacking);

/* Borrowed, until the next is added; NULL where nobody wants the blob's diff ID. */
struct dr_unpacked *dr_unpacking_find(const struct dr_unpacking *unpacking,
                                      const struct dr_digest *blob);

/* The next bytes of the blob. Offset 0 begins anew. What is wrong with the layer is found in `why` later. */
int dr_unpacked_take(struct dr_unpacked *unpacked, uint64_t offset, const void *data, size_t size,
                     struct dr_err *err);

#endif
