/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_PROTECT_H
#define DROVER_BUNDLE_PARITY_PROTECT_H

/* Parity for a bundle that is there (`drover parity`, and the end of `drover bundle --parity`). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bundle/file/trust.h"
#include "bundle/file/volume_set.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

struct dr_protect_options {
    const char *path; /* the bundle, or one of its volumes, or a folder with them */
    const struct dr_bundle_trust *trust; /* who may have signed it */
    const struct dr_key *key;            /* signs the parity */
    unsigned percent;
    uint64_t
        limit; /* bytes that a file beside volumes may have; 0: as many as the largest of them */
    bool replace;
};

/* "10%", or "10". DR_ERR_USAGE: it is none of 1 to DR_SCHEME_PERCENT_MAX. */
int dr_protect_read_percent(const char *text, unsigned *ret_percent, struct dr_err *err);

/* How many bytes of parity there would be, at most: how long labels become is known when they are signed. `limit` 0:
 * the bundle is not split, and it does not matter where `set` is cut. DR_ERR_FORMAT: the bundle is too large;
 * DR_ERR_USAGE: `limit` is too small. */
int dr_protect_measure(const struct dr_volume_set *set, unsigned percent, uint64_t limit,
                       uint64_t *ret_bytes, struct dr_err *err);

/* Verifies the bundle, every byte, and makes OUTPUT.parity, or OUTPUT.p01 ... where it is volumes: parity of something
 * damaged would be worth nothing. Tells on `out` what was made. DR_ERR_REFUSED: a volume is not there. */
int dr_protect(const struct dr_protect_options *options, FILE *out, const struct dr_log *log,
               struct dr_err *err);

/* The same for a bundle that was made and signed by `key` a moment ago (path: what it is called without .001, where
 * `limit` is not 0). It is complete, and stays so whatever happens here. `percent` 0: nothing is done. */
int dr_protect_new(const struct dr_protect_options *options, FILE *out, const struct dr_log *log,
                   struct dr_err *err);

#endif
