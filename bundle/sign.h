/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SIGN_H
#define DROVER_BUNDLE_SIGN_H

/*
 * Signatures that are made apart from the bundle, by people or devices that never hold it for long:
 *
 *     dr_sign()     a file with the signature of one key: what `openssl dgst -sha256 -sign` (ECDSA) or `openssl pkeyutl
 *                   -sign -rawin` (Ed25519) make of the bundle's SHA256SUMS
 *     dr_attach()   fills such a file, whoever made it, into a free slot of the bundle, in place
 *
 * Nobody should sign what he has not looked at: dr_sign() reads the whole bundle first, as `drover verify` does but
 * for the signatures, and says what it holds.
 *
 * dr_attach() writes what the head of the file is going to be to BUNDLE.attach first, and removes that when the bundle
 * itself is on the disk. A run that was cut off in between is completed by the next one.
 */

#include <stdbool.h>

#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

struct dr_sign_options {
    const char *bundle;
    const char *key;
    dr_passphrase_fn *ask;
    void *ask_context;
    const char *output; /* NULL: BUNDLE.<first 16 digits of the key's id>.sig */
};

/* Prints what is signed and where the signature is. DR_ERR_VERIFY: the bundle is not what it should be;
 * DR_ERR_REFUSED: the output exists. */
int dr_sign(const struct dr_sign_options *options, const struct dr_log *log, struct dr_err *err);

struct dr_attach_options {
    const char *bundle;
    const char *signature; /* file with its bytes as they are, DER or the 64 of Ed25519 */
    const char *
        pubkey; /* the signer's; NULL: not checked, possible for the first slot only, which has no name */
};

/* A signature that is in the bundle already is success. DR_ERR_VERIFY: it is not by that key over this bundle;
 * DR_ERR_REFUSED: no slot is free; DR_ERR_USAGE: the key is needed; DR_ERR_FORMAT: not a signature at all. */
int dr_attach(const struct dr_attach_options *options, const struct dr_log *log,
              struct dr_err *err);

#endif
