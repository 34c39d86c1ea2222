/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/trust.h"

#include <string.h>

#include "lib/buf.h"

/* What is checked, for all signatures the same. */
struct check {
    const struct dr_bundle_trust *trust;
    const void *data;
    size_t size;
    const struct dr_slots *slots;
};

static const struct dr_key *find_signer(const struct check *check, size_t slot,
                                        const struct dr_key *const *keys, size_t count)
{
    const struct dr_signature *signature = &check->slots->items[slot];

    for (size_t i = 0; i < count; i++) {
        if (dr_key_verify(keys[i], check->data, check->size, signature->bytes, signature->size,
                          NULL) == 0)
            return keys[i];
    }
    return NULL;
}

static int add_id(struct dr_buf *ids, const struct dr_digest *id, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];

    return dr_buf_printf(ids, err, "%s%.16s", ids->size ? ", " : "", dr_digest_hex(id, hex));
}

static int fail_untrusted(const struct check *check, struct dr_err *err)
{
    const struct dr_bundle_trust *trust = check->trust;
    dr_auto_buf struct dr_buf ids = DR_BUF_INIT(65536);
    struct dr_digest id;
    char hex[DR_DIGEST_TEXT];

    for (size_t i = 0; i < check->slots->filled; i++) {
        const struct dr_key *revoked = find_signer(check, i, trust->revoked, trust->revoked_count);

        if (revoked)
            return dr_key_id(revoked, &id, err) < 0
                       ? -1
                       : dr_fail(err, DR_ERR_VERIFY,
                                 "it is signed with key %.16s, which is revoked: do not use it",
                                 dr_digest_hex(&id, hex));
    }
    for (size_t i = 0; i < trust->key_count; i++) {
        if (dr_key_id(trust->keys[i], &id, err) < 0 || add_id(&ids, &id, err) < 0)
            return -1;
    }
    return dr_fail(err, DR_ERR_VERIFY,
                   "the signature is not by %s (%s): the bundle was signed with another one, or "
                   "was changed on its way",
                   trust->key_count == 1 ? "the given key" : "any of the trusted keys", ids.data);
}

static int fail_too_few(const struct check *check, const struct dr_signers *signers,
                        struct dr_err *err)
{
    const struct dr_slots *slots = check->slots;
    dr_auto_buf struct dr_buf ids = DR_BUF_INIT(4096);

    if (slots->filled == 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "it is not signed: %s unfilled; 'drover sign' makes a signature and 'drover "
                       "attach' fills it in",
                       slots->count == 1 ? "its signature slot is" : "its signature slots are");
    if (signers->count == 0)
        return fail_untrusted(check, err);
    for (size_t i = 0; i < signers->count; i++) {
        if (add_id(&ids, &signers->ids[i], err) < 0)
            return -1;
    }
    return dr_fail(err, DR_ERR_VERIFY,
                   "%zu of the trusted keys signed it (%s), and %llu different ones must",
                   signers->count, ids.data, (unsigned long long)check->trust->threshold);
}

/* Counts `key` for the signature in that slot. A second one of the same key, or one under a name that is not the
 * key's, is nothing that drover makes. */
static int count_signer(const struct check *check, size_t slot, const struct dr_key *key,
                        struct dr_signers *signers, struct dr_err *err)
{
    const char *name = check->slots->items[slot].key_id;
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;

    if (dr_key_id(key, &id, err) < 0)
        return -1;
    dr_digest_hex(&id, hex);
    if (*name && strncmp(name, hex, DR_KEY_ID_SHORT) != 0)
        return dr_fail(err, DR_ERR_VERIFY,
                       "its signature number %zu bears the name of key %s and is by %.16s",
                       slot + 1, name, hex);
    for (size_t i = 0; i < signers->count; i++) {
        if (dr_digest_equal(&signers->ids[i], &id))
            return dr_fail(err, DR_ERR_VERIFY, "it has two signatures by the key %.16s", hex);
    }
    signers->ids[signers->count++] = id;
    return 0;
}

int dr_trust_check(const struct dr_bundle_trust *trust, const void *data, size_t size,
                   const struct dr_slots *slots, struct dr_signers *ret_signers, struct dr_err *err)
{
    const struct check check = {.trust = trust, .data = data, .size = size, .slots = slots};
    struct dr_signers signers = {.count = 0};

    if (trust->key_count == 0)
        return dr_fail(err, DR_ERR_REFUSED, "there is no public key to check the bundle with");
    for (size_t i = 0; i < slots->filled; i++) {
        const struct dr_key *key = find_signer(&check, i, trust->keys, trust->key_count);

        if (key && count_signer(&check, i, key, &signers, err) < 0)
            return -1;
    }
    if (signers.count == 0 || signers.count < trust->threshold)
        return fail_too_few(&check, &signers, err);
    *ret_signers = signers;
    return 0;
}
