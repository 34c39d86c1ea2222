/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_TRUST_H
#define DROVER_BUNDLE_FILE_TRUST_H

/*
 * Whom the receiver believes and what he demands, and the one place where a bundle's signatures are checked. What is
 * demanded of an authentic bundle's age, channel and serial is checked by bundle/file/policy.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/slots.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

struct dr_state;

/* Zero means: nothing demanded, but for the threshold, which is at least 1. */
struct dr_bundle_trust {
    const struct dr_key *const *keys;
    size_t key_count;
    const struct dr_key *const *revoked; /* they count for nothing; known by name only */
    size_t revoked_count;
    uint64_t threshold; /* so many different keys must have signed */

    int64_t now;             /* seconds since the epoch */
    uint64_t max_clock_skew; /* seconds that this clock may differ from the builder's */
    bool ignore_clock;   /* it is not believed: neither creation nor expiry nor age are checked */
    uint64_t max_age;    /* seconds since the creation; 0: any */
    const char *channel; /* NULL: any */
    uint64_t min_serial;
    struct dr_state *state;   /* against older bundles; NULL: serials are not compared */
    const struct dr_log *log; /* for what is allowed but should be known; may be NULL */
    const char *const
        *media; /* folders where volumes may be too, or a file in such (bundle/file/volumes.h) */
    size_t media_count;

    bool unverified; /* look without keys: nothing may be done with what comes out but show it */
};

/* Looks for signatures over `data` by different trusted keys. DR_ERR_VERIFY: there are fewer than the threshold, or a
 * trusted key signed twice or under another key's name. */
int dr_trust_check(const struct dr_bundle_trust *trust, const void *data, size_t size,
                   const struct dr_slots *slots, struct dr_signers *ret_signers,
                   struct dr_err *err);

#endif
