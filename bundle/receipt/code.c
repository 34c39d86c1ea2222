/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/receipt/code.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/receipt/body.h"
#include "bundle/receipt/text.h"
#include "lib/text.h"

/* The first byte: what it is, and two flags. */
#define VERSION 1u
#define VERSION_MASK 0x0fu
#define HASHED 0x10u
#define ED25519 0x20u

#define TIME_BYTES 5
#define NAME_BYTES 8 /* so much of the bundle's digest names it */
#define REGISTRY_MAX 255
#define STATES 4 /* a run is its length times this, plus the state; 0 ends them */

/* ---- writing */

static int add_byte(struct dr_buf *to, unsigned value, struct dr_err *err)
{
    unsigned char byte = (unsigned char)value;

    return dr_buf_add(to, &byte, 1, err);
}

static int write_head(const struct dr_receipt *receipt, struct dr_buf *to, struct dr_err *err)
{
    size_t length = strlen(receipt->registry);

    if (length > REGISTRY_MAX || receipt->time < 0 || receipt->time >> (8 * TIME_BYTES))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the name of its registry is too long, or its time too far away, for a code");
    if (add_byte(to,
                 VERSION | (receipt->hashed ? HASHED : 0) | (receipt->seal.ed25519 ? ED25519 : 0),
                 err) < 0)
        return -1;
    for (int i = TIME_BYTES - 1; i >= 0; i--) {
        if (add_byte(to, (unsigned)(receipt->time >> (8 * i)) & 0xff, err) < 0)
            return -1;
    }
    return dr_buf_add(to, receipt->sums.bytes, NAME_BYTES, err) < 0 ||
                   add_byte(to, (unsigned)length, err) < 0
               ? -1
               : dr_buf_add(to, receipt->registry, length, err);
}

/* Seven bits a byte, lowest first; the highest bit says that more follow. */
static int write_number(uint64_t value, struct dr_buf *to, struct dr_err *err)
{
    for (; value > 0x7f; value >>= 7) {
        if (add_byte(to, (unsigned)(value & 0x7f) | 0x80, err) < 0)
            return -1;
    }
    return add_byte(to, (unsigned)value, err);
}

/* Lines of one state that follow each other are one number. */
static int write_states(const struct dr_receipt *receipt, struct dr_buf *to, struct dr_err *err)
{
    struct dr_receipt_cursor cursor = DR_RECEIPT_CURSOR_INIT;
    const enum dr_receipt_state *state = dr_receipt_next(receipt, &cursor);

    while (state) {
        enum dr_receipt_state run = *state;
        uint64_t length = 0;

        for (; state && *state == run; state = dr_receipt_next(receipt, &cursor))
            length++;
        if (write_number(length * STATES + (uint64_t)run, to, err) < 0)
            return -1;
    }
    return add_byte(to, 0, err);
}

static int write_signature(const struct dr_receipt_seal *seal, struct dr_buf *to,
                           struct dr_err *err)
{
    unsigned char compact[DR_SIGNATURE_COMPACT];
    unsigned char again[DR_SIGNATURE_MAX];
    size_t size;

    if (seal->ed25519)
        return dr_buf_add(to, seal->signature, DR_SIGNATURE_COMPACT, err);
    if (dr_signature_compact(seal->signature, seal->size, compact, err) < 0 ||
        dr_signature_expand(compact, again, &size, err) < 0)
        return -1;
    /* There are other spellings of DER than OpenSSL's; of those the receipt could not be made again. */
    if (size != seal->size || memcmp(again, seal->signature, size) != 0)
        return dr_fail(err, DR_ERR_VERIFY, "its signature is spelled in a way that has no code");
    return dr_buf_add(to, compact, sizeof compact, err);
}

int dr_receipt_code_write(const struct dr_receipt *receipt, struct dr_buf *ret_bytes,
                          struct dr_err *err)
{
    dr_auto_buf struct dr_buf code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);

    if (write_head(receipt, &code, err) < 0)
        return -1;
    if (write_states(receipt, &code, err) < 0 || write_signature(&receipt->seal, &code, err) < 0)
        return err && err->code == DR_ERR_FORMAT
                   ? dr_fail(err, DR_ERR_REFUSED,
                             "so much of it is missing, here and there, that nobody could type the "
                             "code; carry the receipt itself")
                   : -1;
    return dr_buf_add(ret_bytes, code.data, code.size, err);
}

/* ---- reading */

struct reader {
    const unsigned char *at;
    const unsigned char *end;
};

static int fail_short(struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT, "it ends too early: lines at its end are missing");
}

static int take(struct reader *reader, void *ret, size_t size, struct dr_err *err)
{
    if ((size_t)(reader->end - reader->at) < size)
        return fail_short(err);
    memcpy(ret, reader->at, size);
    reader->at += size;
    return 0;
}

static int read_number(struct reader *reader, uint64_t *ret, struct dr_err *err)
{
    unsigned char byte = 0x80;
    uint64_t value = 0;

    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        if (take(reader, &byte, 1, err) < 0)
            return -1;
        if (shift > 28)
            return dr_fail(err, DR_ERR_FORMAT, "it is no code of a receipt");
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    *ret = value;
    return 0;
}

static int check_bundle(const unsigned char *name, const struct dr_receipt *receipt,
                        struct dr_err *err)
{
    char wanted[2 * NAME_BYTES + 1];
    char is[DR_DIGEST_TEXT];

    if (memcmp(name, receipt->sums.bytes, NAME_BYTES) == 0)
        return 0;
    dr_text_hex(name, NAME_BYTES, wanted);
    return dr_fail(err, DR_ERR_REFUSED,
                   "it is of the bundle whose SHA256SUMS has the digest sha256:%s..., and this one "
                   "has %s; name that bundle",
                   wanted, dr_digest_text(&receipt->sums, is));
}

static int read_head(struct reader *reader, struct dr_receipt *receipt, struct dr_err *err)
{
    char registry[REGISTRY_MAX + 1] = "";
    unsigned char time[TIME_BYTES];
    unsigned char name[NAME_BYTES];
    unsigned char first = 0;
    unsigned char length = 0;

    if (take(reader, &first, 1, err) < 0)
        return -1;
    if ((first & VERSION_MASK) != VERSION || first & ~(VERSION_MASK | HASHED | ED25519))
        return dr_fail(err, DR_ERR_REFUSED,
                       "it is of another kind than this drover knows; a newer one is needed");
    if (take(reader, time, sizeof time, err) < 0 || take(reader, name, sizeof name, err) < 0 ||
        take(reader, &length, 1, err) < 0 || take(reader, registry, length, err) < 0 ||
        check_bundle(name, receipt, err) < 0)
        return -1;
    receipt->hashed = first & HASHED;
    receipt->seal.ed25519 = first & ED25519;
    for (size_t i = 0; i < sizeof time; i++)
        receipt->time = receipt->time << 8 | time[i];
    receipt->registry = dr_receipt_keep(receipt, registry, err);
    return receipt->registry ? 0 : -1;
}

static int read_states(struct reader *reader, struct dr_receipt *receipt, struct dr_err *err)
{
    struct dr_receipt_cursor cursor = DR_RECEIPT_CURSOR_INIT;
    uint64_t run = 0;

    for (;;) {
        if (read_number(reader, &run, err) < 0)
            return -1;
        if (run == 0)
            break;
        if (run < STATES)
            return dr_fail(err, DR_ERR_FORMAT, "it is no code of a receipt");
        for (uint64_t i = 0; i < run / STATES; i++) {
            enum dr_receipt_state *state = dr_receipt_next(receipt, &cursor);

            if (!state || run % STATES > DR_RECEIPT_DAMAGED)
                return dr_fail(err, DR_ERR_FORMAT, "it says more than the bundle has");
            *state = (enum dr_receipt_state)(run % STATES);
        }
    }
    return dr_receipt_next(receipt, &cursor)
               ? dr_fail(err, DR_ERR_FORMAT, "it does not tell of all that the bundle has")
               : 0;
}

static int read_signature(struct reader *reader, struct dr_receipt_seal *seal, struct dr_err *err)
{
    unsigned char compact[DR_SIGNATURE_COMPACT];

    if (take(reader, compact, sizeof compact, err) < 0)
        return -1;
    if (reader->at != reader->end)
        return dr_fail(err, DR_ERR_FORMAT, "something stands behind its end");
    if (!seal->ed25519)
        return dr_signature_expand(compact, seal->signature, &seal->size, err);
    memcpy(seal->signature, compact, sizeof compact);
    seal->size = sizeof compact;
    return 0;
}

/* A code does not say whose it is: any key that fits will do. */
static int find_signer(struct dr_receipt *receipt, const struct dr_key *const *keys,
                       size_t key_count, struct dr_err *err)
{
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_receipt_seal *seal = &receipt->seal;

    if (dr_receipt_body(receipt, &body, err) < 0)
        return -1;
    for (size_t i = 0; i < key_count; i++) {
        if (dr_key_is_ed25519(keys[i]) != seal->ed25519 ||
            dr_key_verify(keys[i], body.data, body.size, seal->signature, seal->size, NULL) < 0)
            continue;
        seal->verified = true;
        return dr_key_id(keys[i], &seal->key_id, err);
    }
    return dr_fail(err, DR_ERR_VERIFY,
                   "no key that is believed here has signed what it says of this bundle; --pubkey "
                   "FILE names the public half of the far side's receipt key");
}

int dr_receipt_code_fill(const void *bytes, size_t size, struct dr_receipt *receipt,
                         const struct dr_key *const *keys, size_t key_count,
                         struct dr_buf *ret_text, struct dr_err *err)
{
    struct reader reader = {.at = bytes, .end = (const unsigned char *)bytes + size};

    if (read_head(&reader, receipt, err) < 0 || read_states(&reader, receipt, err) < 0 ||
        read_signature(&reader, &receipt->seal, err) < 0 ||
        find_signer(receipt, keys, key_count, err) < 0)
        return -1;
    return dr_receipt_sealed(receipt, ret_text, err);
}

int dr_receipt_code_read(const void *bytes, size_t size, const struct dr_bundle *bundle,
                         const struct dr_key *const *keys, size_t key_count,
                         struct dr_buf *ret_text, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    return dr_receipt_make(bundle, &receipt, err) < 0
               ? -1
               : dr_receipt_code_fill(bytes, size, &receipt, keys, key_count, ret_text, err);
}
