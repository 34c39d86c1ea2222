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

#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/layout.h"
#include "bundle/file/sums.h"
#include "bundle/file/trust.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"

struct dr_envelope {
    int fd;
    uint64_t size;             /* of the file; of a stream, once its end was seen */
    struct dr_layout layout;   /* the listed members, in the order of the list */
    struct dr_member list;     /* SHA256SUMS itself */
    struct dr_slots slots;     /* its signatures, as they stand there */
    uint64_t slots_at;         /* where the first one's header is */
    struct dr_signers signers; /* whose signatures were good; none when trust->unverified */
    struct dr_sums sums;       /* the list's lines */

    /* Of a stream, which is read once and forwards: what came of its head is in `fd`, a file in memory. */
    int pipe;        /* -1: it is none */
    uint64_t filled; /* so much of it is in `fd` */
    bool cut;        /* it ended where there should have been more */
};

#define DR_ENVELOPE_INIT                                                                           \
    {                                                                                              \
        .fd = -1, .layout = DR_LAYOUT_INIT, .pipe = -1, .sums = DR_SUMS_INIT                       \
    }

int dr_envelope_open(struct dr_envelope *envelope, const char *path,
                     const struct dr_bundle_trust *trust, struct dr_err *err);
/* The same of a file of `size` bytes that is open already; takes it. */
int dr_envelope_open_file(struct dr_envelope *envelope, int fd, uint64_t size,
                          const struct dr_bundle_trust *trust, struct dr_err *err);
/* Begins to read a stream from `pipe` (borrowed): the list and the signatures, as dr_envelope_open() does; no listed
 * member is in the layout yet. */
int dr_envelope_open_stream(struct dr_envelope *envelope, int pipe,
                            const struct dr_bundle_trust *trust, struct dr_err *err);

/* Takes the next member of the list into the layout: of a stream, with its content, which may have `max` bytes. */
int dr_envelope_step(struct dr_envelope *envelope, size_t max, struct dr_err *err);

/* What must be behind the last member, and that nothing else is. Of a stream: up to its end. */
int dr_envelope_end(struct dr_envelope *envelope, struct dr_err *err);

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
