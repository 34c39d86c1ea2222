/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_ENVELOPE_H
#define DROVER_BUNDLE_FILE_ENVELOPE_H

/*
 * The outside of a bundle: the file, its signatures, its list, and the members in lock-step with the list. It knows
 * nothing of what the members mean (bundle/file/reader.h does). Steps (a) to (d) and (h) of the check: nothing but
 * one number per header is interpreted before the signature is good, and afterwards every header and every padding
 * byte is what it has to be, every member lies inside the file, and the file ends where it must. The content of
 * members is not hashed here.
 */

#include <stdint.h>

#include "bundle/file/layout.h"
#include "bundle/file/trust.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"

struct dr_envelope {
    int fd;
    uint64_t size;             /* of the file */
    struct dr_layout layout;   /* the listed members, in the order of the list */
    struct dr_member list;     /* SHA256SUMS itself */
    struct dr_slots slots;     /* its signatures, as they stand there */
    uint64_t slots_at;         /* where the first one's header is */
    struct dr_signers signers; /* whose signatures were good; none when trust->unverified */
};

#define DR_ENVELOPE_INIT                                                                           \
    {                                                                                              \
        .fd = -1, .layout = DR_LAYOUT_INIT                                                         \
    }

int dr_envelope_open(struct dr_envelope *envelope, const char *path,
                     const struct dr_bundle_trust *trust, struct dr_err *err);
void dr_envelope_release(struct dr_envelope *envelope);
#define dr_auto_envelope __attribute__((cleanup(dr_envelope_release)))

/* The bytes that are signed, appended to `ret_list`; they are still those that were checked. */
int dr_envelope_load_list(const struct dr_envelope *envelope, struct dr_buf *ret_list,
                          struct dr_err *err);

/* The whole member, appended to `ret_data` and compared with its hash in the list; `max` is the most that a member
 * of its kind may have. */
int dr_envelope_load(const struct dr_envelope *envelope, const struct dr_member *member, size_t max,
                     struct dr_buf *ret_data, struct dr_err *err);

#endif
