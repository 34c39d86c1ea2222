/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_TRUST_H
#define DROVER_BUNDLE_FILE_TRUST_H

/* Whom the receiver believes, and the one place where a bundle's signature is checked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/key.h"

struct dr_bundle_trust {
    const struct dr_key *const *keys; /* a good signature of any one of them is enough */
    size_t key_count;
    int64_t now;     /* seconds since the epoch, for the expiry */
    bool unverified; /* look without keys: nothing may be done with what comes out but show it */
};

/* A bundle carries its signature and up to seven co-signatures. */
#define DR_SIGNATURES_MAX 8

struct dr_signature {
    unsigned char bytes[DR_SIGNATURE_MAX];
    size_t size;
};

/* Looks for a signature over `data` by a trusted key; `ret_key_id` is that key's. None: DR_ERR_VERIFY. */
int dr_trust_check(const struct dr_bundle_trust *trust, const void *data, size_t size,
                   const struct dr_signature *signatures, size_t signature_count,
                   struct dr_digest *ret_key_id, struct dr_err *err);

#endif
