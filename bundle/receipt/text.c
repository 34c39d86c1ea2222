/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/receipt/text.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/receipt/body.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

#define VERSIONS "drover-receipt/"
#define SEAL "\nsignature "

/* Columns of the signature's base64: `openssl base64 -d` takes no longer lines. */
#define COLUMNS 64

bool dr_receipt_is_text(const char *begin, size_t size)
{
    return size >= strlen(VERSIONS) && memcmp(begin, VERSIONS, strlen(VERSIONS)) == 0;
}

/* ---- whose word it is */

static const char *kind_word(bool ed25519)
{
    return ed25519 ? "ed25519" : "ecdsa";
}

static int write_seal(const struct dr_receipt_seal *seal, struct dr_buf *to, struct dr_err *err)
{
    dr_autofree char *text = dr_text_base64(seal->signature, seal->size, false, err);
    char hex[DR_DIGEST_TEXT];

    if (!text || dr_buf_printf(to, err, "signature %s %s\n", kind_word(seal->ed25519),
                               dr_digest_hex(&seal->key_id, hex)) < 0)
        return -1;
    for (const char *rest = text; *rest; rest += strnlen(rest, COLUMNS)) {
        if (dr_buf_printf(to, err, "%.*s\n", COLUMNS, rest) < 0)
            return -1;
    }
    return 0;
}

int dr_receipt_sealed(const struct dr_receipt *receipt, struct dr_buf *ret_text, struct dr_err *err)
{
    return dr_receipt_body(receipt, ret_text, err) < 0 ? -1
                                                       : write_seal(&receipt->seal, ret_text, err);
}

int dr_receipt_sign(const struct dr_receipt *receipt, const struct dr_key *key,
                    struct dr_buf *ret_text, struct dr_err *err)
{
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_receipt_seal seal = {.ed25519 = dr_key_is_ed25519(key)};

    if (dr_receipt_body(receipt, &body, err) < 0 || dr_key_id(key, &seal.key_id, err) < 0 ||
        dr_key_sign(key, body.data, body.size, seal.signature, &seal.size, err) < 0 ||
        write_seal(&seal, &body, err) < 0)
        return -1;
    return dr_buf_add(ret_text, body.data, body.size, err);
}

/* "ecdsa <hex>\n<base64>\n[<base64>\n]" */
static int read_seal(char *text, struct dr_receipt_seal *seal, struct dr_err *err)
{
    unsigned char compact[DR_SIGNATURE_COMPACT];
    dr_auto_buf struct dr_buf base64 = DR_BUF_INIT(2 * COLUMNS);
    char *kind = strsep(&text, " ");
    char *hex = strsep(&text, "\n");
    const char *line;

    seal->ed25519 = strcmp(kind, kind_word(true)) == 0;
    if (!hex || strlen(hex) != 64 || dr_digest_parse_hex(hex, &seal->key_id) < 0)
        return dr_fail(err, DR_ERR_VERIFY, "its signature does not say whose it is");
    while ((line = strsep(&text, "\n"))) {
        if (dr_buf_add_text(&base64, line, NULL) < 0)
            return dr_fail(err, DR_ERR_VERIFY, "its signature is longer than any");
    }
    if (dr_text_unbase64(base64.data ? base64.data : "", seal->signature, sizeof seal->signature,
                         &seal->size) < 0)
        return dr_fail(err, DR_ERR_VERIFY, "its signature is cut off, or no base64");
    if (seal->ed25519 ? seal->size != DR_SIGNATURE_COMPACT
                      : dr_signature_compact(seal->signature, seal->size, compact, NULL) < 0)
        return dr_fail(err, DR_ERR_VERIFY, "its signature is cut off, or of another kind");
    return 0;
}

/* The signature of `body` must be by one of the keys. */
static int check_seal(struct dr_receipt_seal *seal, const char *body, size_t size,
                      const struct dr_key *const *keys, size_t key_count, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];

    for (size_t i = 0; i < key_count; i++) {
        struct dr_digest id;

        if (dr_key_id(keys[i], &id, err) < 0)
            return -1;
        if (!dr_digest_equal(&id, &seal->key_id))
            continue;
        if (dr_key_is_ed25519(keys[i]) != seal->ed25519)
            return dr_fail(err, DR_ERR_VERIFY, "it says a wrong kind of its key");
        if (dr_key_verify(keys[i], body, size, seal->signature, seal->size, err) < 0)
            return dr_err_wrap(err, "it was changed after it was signed, or is a forgery");
        seal->verified = true;
        return 0;
    }
    return dr_fail(err, DR_ERR_VERIFY,
                   "it is signed by the key %.16s, which is none of those that are believed here; "
                   "--pubkey FILE names the public half of the far side's receipt key",
                   dr_digest_hex(&seal->key_id, hex));
}

/* ---- all of it */

static int compare_again(const struct dr_receipt *receipt, const char *text, size_t size,
                         struct dr_err *err)
{
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(DR_RECEIPT_MAX);

    if (dr_receipt_sealed(receipt, &again, err) < 0)
        return -1;
    return again.size == size && memcmp(again.data, text, size) == 0
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "it is not in the one form that a receipt has");
}

static int check_version(const char *text, size_t size, struct dr_err *err)
{
    const char *end = memchr(text, '\n', size);
    size_t length = end ? (size_t)(end - text) : size;

    if (!dr_receipt_is_text(text, size))
        return dr_fail(err, DR_ERR_FORMAT, "it is no receipt of drover%s",
                       size >= 2 && (memcmp(text, "01", 2) == 0 || memcmp(text, "# ", 2) == 0)
                           ? "; if it is the code of one, 'drover receipt read' makes it of that"
                           : "");
    if (memchr(text, '\r', size))
        return dr_fail(err, DR_ERR_VERIFY,
                       "its ends of lines were changed on the way (CR LF); 'tr -d \"\\r\"' makes "
                       "them what they were");
    if (length != strlen(DR_RECEIPT_FORMAT) || memcmp(text, DR_RECEIPT_FORMAT, length) != 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "it is a '%.*s', and this drover knows " DR_RECEIPT_FORMAT
                       "; a newer one is needed",
                       length < 40 ? (int)length : 40, text);
    return 0;
}

static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n')
            return false;
    }
    return true;
}

static int parse(const char *text, size_t size, const struct dr_key *const *keys, size_t key_count,
                 struct dr_receipt *receipt, struct dr_err *err)
{
    const char *seal = memmem(text, size, SEAL, strlen(SEAL));
    size_t body_size = seal ? (size_t)(seal - text) + 1 : 0;
    dr_autofree char *body = NULL;
    dr_autofree char *rest = NULL;

    if (!seal)
        return dr_fail(err, DR_ERR_VERIFY, "it ends before its signature: it is cut off");
    if (!is_plain(text, size))
        return dr_fail(err, DR_ERR_VERIFY, "it has bytes in it that are no text");
    seal += strlen(SEAL);
    body = dr_text_format(err, "%.*s", (int)body_size, text);
    rest = dr_text_format(err, "%.*s", (int)(text + size - seal), seal);
    if (!body || !rest || read_seal(rest, &receipt->seal, err) < 0 ||
        (key_count > 0 && check_seal(&receipt->seal, text, body_size, keys, key_count, err) < 0) ||
        dr_receipt_body_read(body, receipt, err) < 0 || compare_again(receipt, text, size, err) < 0)
        return -1;
    dr_digest_of(text, size, &receipt->digest);
    return 0;
}

int dr_receipt_parse(const char *text, size_t size, const struct dr_key *const *keys,
                     size_t key_count, struct dr_receipt *ret_receipt, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    if (size > DR_RECEIPT_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "it is larger than a receipt can be (%u bytes)",
                       DR_RECEIPT_MAX);
    if (check_version(text, size, err) < 0 || parse(text, size, keys, key_count, &receipt, err) < 0)
        return -1;
    *ret_receipt = receipt;
    receipt = (struct dr_receipt)DR_RECEIPT_INIT;
    return 0;
}

int dr_receipt_read(const char *path, const struct dr_key *const *keys, size_t key_count,
                    struct dr_receipt *ret_receipt, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);

    if (dr_file_read(path, &text, err) < 0)
        return -1;
    return dr_receipt_parse(text.data ? text.data : "", text.size, keys, key_count, ret_receipt,
                            err);
}
