/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_KEY_H
#define DROVER_LIB_KEY_H

/*
 * Signing keys in PEM (PKCS#8 private, SubjectPublicKeyInfo public), so that the stock `openssl`
 * command makes, reads and verifies them. Two kinds: ECDSA on P-256 with SHA-256, whose signatures
 * are DER of 70 to 72 bytes and which every openssl since 1.0 verifies (`openssl dgst -sha256
 * -verify`), and Ed25519 (RFC 8032), whose signatures are 64 bytes of the message itself and which
 * `openssl pkeyutl -verify -rawin` verifies from 3.0 on. The algorithm belongs to the key, never to
 * the data. A key's id is the SHA-256 of its DER SubjectPublicKeyInfo; its first 16 hex digits are
 * shown to people.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"

/* Largest signature that drover accepts; P-256 needs at most 72, Ed25519 64. */
#define DR_SIGNATURE_MAX 512

struct dr_key;

/* Called when a private key is encrypted (`confirm` false) or about to be (`confirm` true: ask
 * twice). Writes at most `size` - 1 bytes and a NUL; -1 and `err` when there is no passphrase to be
 * had. */
typedef int dr_passphrase_fn(void *context, bool confirm, char *ret, size_t size,
                             struct dr_err *err);

/* A fresh private key: ECDSA P-256, or Ed25519. NULL on failure. */
struct dr_key *dr_key_new(struct dr_err *err);
struct dr_key *dr_key_new_ed25519(struct dr_err *err);

/* Reads a PEM file with a private or a public key. Other kinds of key than the two are
 * DR_ERR_FORMAT. dr_key_read_private() refuses (DR_ERR_REFUSED) a file that others may read. */
struct dr_key *dr_key_read_private(const char *path, dr_passphrase_fn *ask, void *context,
                                   struct dr_err *err);
struct dr_key *dr_key_read_public(const char *path, struct dr_err *err);

void dr_key_free(struct dr_key *key);
static inline void dr_cleanup_key(struct dr_key **key)
{
    dr_key_free(*key);
}
#define dr_auto_key __attribute__((cleanup(dr_cleanup_key)))

/* PEM text appended to `ret_pem`. With a passphrase (not NULL) the private key is encrypted (PBES2,
 * scrypt where OpenSSL has it, AES-256). */
int dr_key_private_pem(const struct dr_key *key, const char *passphrase, struct dr_buf *ret_pem,
                       struct dr_err *err);
int dr_key_public_pem(const struct dr_key *key, struct dr_buf *ret_pem, struct dr_err *err);

/* "ECDSA P-256" or "Ed25519". Static. */
const char *dr_key_kind(const struct dr_key *key);

bool dr_key_is_ed25519(const struct dr_key *key);

int dr_key_id(const struct dr_key *key, struct dr_digest *ret_id, struct dr_err *err);

/* `ret_signature` has room for DR_SIGNATURE_MAX bytes. */
int dr_key_sign(const struct dr_key *key, const void *data, size_t size,
                unsigned char *ret_signature, size_t *ret_size, struct dr_err *err);

/* 0 only when the signature is good; DR_ERR_VERIFY otherwise. Fails closed on any error. */
int dr_key_verify(const struct dr_key *key, const void *data, size_t size,
                  const unsigned char *signature, size_t signature_size, struct dr_err *err);

/* An ECDSA signature takes 64 bytes where its two numbers stand as they are (r, s), for what people type; DER is made of
 * them again, the same bytes as before. DR_ERR_VERIFY: it is no signature of P-256. `ret_signature` has room for
 * DR_SIGNATURE_MAX bytes. */
#define DR_SIGNATURE_COMPACT 64
int dr_signature_compact(const unsigned char *signature, size_t size,
                         unsigned char ret_compact[DR_SIGNATURE_COMPACT], struct dr_err *err);
int dr_signature_expand(const unsigned char compact[DR_SIGNATURE_COMPACT],
                        unsigned char *ret_signature, size_t *ret_size, struct dr_err *err);

#endif
