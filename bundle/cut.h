/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_CUT_H
#define DROVER_BUNDLE_CUT_H

/*
 * `drover split`: a bundle that exists already, in one file or in volumes of another size, is cut into volumes. So one
 * that several people signed can be split too. The slices one behind the other are the bundle as it is, with all of its
 * signatures; only the labels are signed here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

struct dr_cut_options {
    const char *bundle;
    const char *output;                   /* what the volumes' names begin with */
    uint64_t size;                        /* of a volume, at most */
    bool replace;                         /* volumes that are there */
    bool json;                            /* the result */
    const char *key;                      /* file with the private key that signs the labels */
    const struct dr_key *const *believed; /* who else may have signed the bundle */
    size_t believed_count;
    dr_passphrase_fn *ask;
    void *ask_context;
};

/* Every byte is checked while it is copied. DR_ERR_VERIFY, DR_ERR_USAGE (the size), DR_ERR_REFUSED, DR_ERR_IO. */
int dr_cut_run(const struct dr_cut_options *options, const struct dr_log *log, struct dr_err *err);

#endif
