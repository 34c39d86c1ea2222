/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_ERASURE_H
#define DROVER_BUNDLE_PARITY_ERASURE_H

/*
 * Reed-Solomon over GF(2^8) (isa-l does the work): `columns` pieces of data give `rows` pieces of parity, and any
 * `columns` of them all give the others. The matrix is the identity over a Cauchy matrix, so what is in row r of parity
 * does not depend on how many rows there are. All pieces are equally long.
 *
 * Places: data is in places 0 to columns - 1, parity behind it.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct dr_erasure;

/* Both at least 1, together at most 255. NULL on failure. */
struct dr_erasure *dr_erasure_new(unsigned columns, unsigned rows, struct dr_err *err);
void dr_erasure_free(struct dr_erasure *erasure);
static inline void dr_cleanup_erasure(struct dr_erasure **erasure)
{
    dr_erasure_free(*erasure);
}
#define dr_auto_erasure __attribute__((cleanup(dr_cleanup_erasure)))

void dr_erasure_encode(const struct dr_erasure *erasure, size_t size, unsigned char **data,
                       unsigned char **ret_parity);

/* Makes the `count` pieces in the places `wanted` out of `columns` others, which are in the places `have`. */
int dr_erasure_restore(const struct dr_erasure *erasure, size_t size, const uint8_t *have,
                       unsigned char **from, const uint8_t *wanted, unsigned count,
                       unsigned char **ret_pieces, struct dr_err *err);

#endif
