/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_HASH_H
#define DROVER_LIB_HASH_H

/*
 * SHA-256, streamed (OpenSSL's EVP does the work), and the digest that comes out of it.
 *
 *     dr_auto_hash struct dr_hash *hash = dr_hash_new(err);
 *     dr_hash_add(hash, data, size);        as often as needed
 *     dr_hash_end(hash, &digest);           ready for the next message afterwards
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/* An OCI digest (image-spec, descriptor.md "Digests"). sha256 is the only algorithm that drover
 * takes. */
struct dr_digest {
    unsigned char bytes[32];
};

/* "sha256:" + 64 hex + NUL */
#define DR_DIGEST_TEXT 72

struct dr_hash;

struct dr_hash *dr_hash_new(struct dr_err *err);
void dr_hash_free(struct dr_hash *hash);
void dr_hash_add(struct dr_hash *hash, const void *data, size_t size);
void dr_hash_end(struct dr_hash *hash, struct dr_digest *ret_digest);

static inline void dr_cleanup_hash(struct dr_hash **hash)
{
    dr_hash_free(*hash);
}
#define dr_auto_hash __attribute__((cleanup(dr_cleanup_hash)))

/* The digest of one piece of memory. */
void dr_digest_of(const void *data, size_t size, struct dr_digest *ret_digest);

/* Parses "sha256:<64 lower-case hex>" and nothing else; DR_ERR_FORMAT otherwise. */
int dr_digest_parse(const char *text, struct dr_digest *ret_digest, struct dr_err *err);

/* Parses 64 lower-case hex digits at `hex` (no terminator needed); -1 when they are not. */
int dr_digest_parse_hex(const char *hex, struct dr_digest *ret_digest);

/* Writes "sha256:<hex>" and returns `ret`. */
const char *dr_digest_text(const struct dr_digest *digest, char ret[DR_DIGEST_TEXT]);

/* Writes the 64 hex digits alone and returns `ret`. */
const char *dr_digest_hex(const struct dr_digest *digest, char ret[DR_DIGEST_TEXT]);

bool dr_digest_equal(const struct dr_digest *a, const struct dr_digest *b);

/* As memcmp(): for sorting and searching. */
int dr_digest_compare(const struct dr_digest *a, const struct dr_digest *b);

#endif
