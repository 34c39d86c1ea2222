/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

struct dr_hash {
    EVP_MD_CTX *context;
};

struct dr_hash *dr_hash_new(struct dr_err *err)
{
    struct dr_hash *hash = calloc(1, sizeof *hash);

    if (hash)
        hash->context = EVP_MD_CTX_new();
    if (!hash || !hash->context || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
        dr_hash_free(hash);
        dr_fail_memory(err);
        return NULL;
    }
    return hash;
}

void dr_hash_free(struct dr_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

/* EVP's SHA-256 cannot fail on an initialised context; a failure would be a defect, and going on
 * with an unfinished hash would be worse than stopping. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

void dr_hash_add(struct dr_hash *hash, const void *data, size_t size)
{
    must(EVP_DigestUpdate(hash->context, data, size));
}

void dr_hash_end(struct dr_hash *hash, struct dr_digest *ret_digest)
{
    must(EVP_DigestFinal_ex(hash->context, ret_digest->bytes, NULL));
    must(EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL));
}

void dr_digest_of(const void *data, size_t size, struct dr_digest *ret_digest)
{
    must(EVP_Digest(data, size, ret_digest->bytes, NULL, EVP_sha256(), NULL));
}

int dr_digest_parse_hex(const char *hex, struct dr_digest *ret_digest)
{
    char text[65];

    if (strnlen(hex, 64) != 64)
        return -1;
    memcpy(text, hex, 64);
    text[64] = '\0';
    return dr_text_unhex(text, ret_digest->bytes, sizeof ret_digest->bytes);
}

int dr_digest_parse(const char *text, struct dr_digest *ret_digest, struct dr_err *err)
{
    static const char prefix[] = "sha256:";
    const char *hex = text + sizeof prefix - 1;

    if (!dr_text_starts(text, prefix) ||
        dr_text_unhex(hex, ret_digest->bytes, sizeof ret_digest->bytes) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%.80s' is not a sha256 digest", text);
    return 0;
}

const char *dr_digest_hex(const struct dr_digest *digest, char ret[DR_DIGEST_TEXT])
{
    dr_text_hex(digest->bytes, sizeof digest->bytes, ret);
    return ret;
}

const char *dr_digest_text(const struct dr_digest *digest, char ret[DR_DIGEST_TEXT])
{
    memcpy(ret, "sha256:", 7);
    dr_text_hex(digest->bytes, sizeof digest->bytes, ret + 7);
    return ret;
}

bool dr_digest_equal(const struct dr_digest *a, const struct dr_digest *b)
{
    return dr_digest_compare(a, b) == 0;
}

int dr_digest_compare(const struct dr_digest *a, const struct dr_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}
