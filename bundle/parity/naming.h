/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_NAMING_H
#define DROVER_BUNDLE_PARITY_NAMING_H

/* What is where in a bundle, for people: out of its frame alone, whatever happened to the rest. */

#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/hash.h"

struct dr_named {
    const char *what; /* "layer", "manifest or config", "list and signatures", "end" */
    bool has_digest;
    struct dr_digest digest;
    uint64_t size;
    const struct dr_reference *image; /* the first that has this layer; NULL: none. Borrowed */
    size_t more;                      /* how many others have it */
};

/* NULL: nothing can be named. `frame` is a file of the bundle's size with everything but the layers' bytes, or -1. */
struct dr_bundle *dr_naming_open(int frame);

/* What has byte `*offset` of the bundle; moves `*offset` behind that. `bundle` may be NULL. */
void dr_naming_next(const struct dr_bundle *bundle, uint64_t *offset, struct dr_named *ret_named);

#endif
