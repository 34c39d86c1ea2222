/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/key.h"

#include <limits.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define KEY_FILE_MAX 65536

struct dr_key {
    EVP_PKEY *pkey;
};

static void cleanup_bio(BIO **bio)
{
    BIO_free(*bio);
}

static void cleanup_pkey_context(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void cleanup_ecdsa(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

static void cleanup_digest_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* The newest reason of OpenSSL's error queue, which is emptied. */
static int fail_openssl(struct dr_err *err, enum dr_code code, const char *doing)
{
    unsigned long number = ERR_peek_last_error();
    const char *reason = number ? ERR_reason_error_string(number) : NULL;

    ERR_clear_error();
    return dr_fail(err, code, "%s: %s", doing, reason ? reason : "OpenSSL gives no reason");
}

static struct dr_key *wrap(EVP_PKEY *pkey, struct dr_err *err)
{
    struct dr_key *key = calloc(1, sizeof *key);

    if (!key) {
        EVP_PKEY_free(pkey);
        dr_fail_memory(err);
        return NULL;
    }
    key->pkey = pkey;
    return key;
}

static int choose_curve(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
           EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_NAMED_CURVE) == 1;
}

static struct dr_key *generate(int type, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_pkey_context))) EVP_PKEY_CTX *context =
        EVP_PKEY_CTX_new_id(type, NULL);
    EVP_PKEY *pkey = NULL;

    if (!context || EVP_PKEY_keygen_init(context) != 1 ||
        (type == EVP_PKEY_EC && !choose_curve(context)) || EVP_PKEY_keygen(context, &pkey) != 1) {
        fail_openssl(err, DR_ERR_INTERNAL, "make a key");
        return NULL;
    }
    return wrap(pkey, err);
}

struct dr_key *dr_key_new(struct dr_err *err)
{
    return generate(EVP_PKEY_EC, err);
}

struct dr_key *dr_key_new_ed25519(struct dr_err *err)
{
    return generate(EVP_PKEY_ED25519, err);
}

void dr_key_free(struct dr_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

struct asker {
    dr_passphrase_fn *ask;
    void *context;
    struct dr_err *err;
    bool failed;
    bool answered;
};

static int on_passphrase(char *text, int size, int writing, void *context)
{
    struct asker *asker = context;

    if (!asker->ask) {
        dr_fail(asker->err, DR_ERR_AUTH,
                "the key is encrypted; give its passphrase by prompt, --passphrase-file or "
                "DROVER_PASSPHRASE");
        asker->failed = true;
        return -1;
    }
    if (asker->ask(asker->context, writing != 0, text, (size_t)size, asker->err) < 0) {
        asker->failed = true;
        return -1;
    }
    asker->answered = true;
    return (int)strlen(text);
}

/* By the name of the curve: other curves have 256 bits too. */
static bool is_p256(const EVP_PKEY *pkey)
{
    char group[32];

    return EVP_PKEY_base_id(pkey) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static bool is_ed25519(const EVP_PKEY *pkey)
{
    return EVP_PKEY_base_id(pkey) == EVP_PKEY_ED25519;
}

static struct dr_key *accept_key(EVP_PKEY *pkey, const char *path, struct dr_err *err)
{
    if (!is_p256(pkey) && !is_ed25519(pkey)) {
        EVP_PKEY_free(pkey);
        dr_fail(err, DR_ERR_FORMAT,
                "'%s' is neither an ECDSA P-256 nor an Ed25519 key; 'drover key new' makes one",
                path);
        return NULL;
    }
    return wrap(pkey, err);
}

static int refuse_readable_by_others(const char *path, struct dr_err *err)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open the key '%s'", path);
    if (S_ISREG(info.st_mode) && (info.st_mode & 077))
        return dr_fail(err, DR_ERR_REFUSED,
                       "the private key '%s' can be read by others; 'chmod 600' it, and make a new "
                       "one if somebody may have copied it",
                       path);
    return 0;
}

struct dr_key *dr_key_read_private(const char *path, dr_passphrase_fn *ask, void *context,
                                   struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(KEY_FILE_MAX);
    __attribute__((cleanup(cleanup_bio))) BIO *bio = NULL;
    struct asker asker = {.ask = ask, .context = context, .err = err};
    EVP_PKEY *pkey;

    if (refuse_readable_by_others(path, err) < 0 || dr_file_read(path, &pem, err) < 0)
        return NULL;
    bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &asker) : NULL;
    OPENSSL_cleanse(pem.data, pem.size);
    if (pkey)
        return accept_key(pkey, path, err);
    if (asker.failed) {
        ERR_clear_error();
        dr_err_wrap(err, "read the private key '%s'", path);
        return NULL;
    }
    if (asker.answered)
        fail_openssl(err, DR_ERR_AUTH, "wrong passphrase");
    else
        fail_openssl(err, DR_ERR_FORMAT, "not a private key in PEM");
    dr_err_wrap(err, "read the private key '%s'", path);
    return NULL;
}

struct dr_key *dr_key_read_public(const char *path, struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(KEY_FILE_MAX);
    __attribute__((cleanup(cleanup_bio))) BIO *bio = NULL;
    EVP_PKEY *pkey;

    if (dr_file_read(path, &pem, err) < 0)
        return NULL;
    bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!pkey) {
        ERR_clear_error();
        dr_fail(err, DR_ERR_FORMAT, "'%s' holds no public key in PEM%s", path,
                strstr(pem.data, "PRIVATE KEY") ? "; it is a private key: 'drover key pub' prints "
                                                  "its public half"
                                                : "");
        return NULL;
    }
    return accept_key(pkey, path, err);
}

/* Takes the text out of `bio` into `ret_pem`. */
static int take_pem(BIO *bio, struct dr_buf *ret_pem, struct dr_err *err)
{
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);

    return dr_buf_add(ret_pem, text, (size_t)size, err);
}

int dr_key_private_pem(const struct dr_key *key, const char *passphrase, struct dr_buf *ret_pem,
                       struct dr_err *err)
{
    __attribute__((cleanup(cleanup_bio))) BIO *bio = BIO_new(BIO_s_secmem());
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
    dr_autofree char *secret = passphrase ? strdup(passphrase) : NULL;
    int ok;

    if (!bio || (passphrase && !secret))
        return dr_fail_memory(err);
    ok = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, cipher, secret,
                                       secret ? (int)strlen(secret) : 0, NULL, NULL);
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    if (ok != 1)
        return fail_openssl(err, DR_ERR_INTERNAL, "write the private key");
    return take_pem(bio, ret_pem, err);
}

int dr_key_public_pem(const struct dr_key *key, struct dr_buf *ret_pem, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_bio))) BIO *bio = BIO_new(BIO_s_mem());

    if (!bio || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
        return fail_openssl(err, DR_ERR_INTERNAL, "write the public key");
    return take_pem(bio, ret_pem, err);
}

int dr_key_id(const struct dr_key *key, struct dr_digest *ret_id, struct dr_err *err)
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key->pkey, &der);

    if (size <= 0)
        return fail_openssl(err, DR_ERR_INTERNAL, "encode the public key");
    dr_digest_of(der, (size_t)size, ret_id);
    OPENSSL_free(der);
    return 0;
}

bool dr_key_is_ed25519(const struct dr_key *key)
{
    return is_ed25519(key->pkey);
}

const char *dr_key_kind(const struct dr_key *key)
{
    return is_ed25519(key->pkey) ? "Ed25519" : "ECDSA P-256";
}

/* Ed25519 hashes by itself. */
static const EVP_MD *hash_of(const struct dr_key *key)
{
    return is_ed25519(key->pkey) ? NULL : EVP_sha256();
}

int dr_key_sign(const struct dr_key *key, const void *data, size_t size,
                unsigned char *ret_signature, size_t *ret_size, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_digest_context))) EVP_MD_CTX *context = EVP_MD_CTX_new();

    *ret_size = DR_SIGNATURE_MAX;
    if (!context || EVP_DigestSignInit(context, NULL, hash_of(key), NULL, key->pkey) != 1 ||
        EVP_DigestSign(context, ret_signature, ret_size, data, size) != 1)
        return fail_openssl(err, DR_ERR_INTERNAL, "sign");
    return 0;
}

int dr_key_verify(const struct dr_key *key, const void *data, size_t size,
                  const unsigned char *signature, size_t signature_size, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_digest_context))) EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context || EVP_DigestVerifyInit(context, NULL, hash_of(key), NULL, key->pkey) != 1)
        return fail_openssl(err, DR_ERR_INTERNAL, "prepare the check of a signature");
    if (EVP_DigestVerify(context, signature, signature_size, data, size) != 1) {
        ERR_clear_error();
        return dr_fail(err, DR_ERR_VERIFY, "the signature does not match");
    }
    return 0;
}

int dr_signature_compact(const unsigned char *signature, size_t size,
                         unsigned char ret_compact[DR_SIGNATURE_COMPACT], struct dr_err *err)
{
    const unsigned char *end = signature;
    __attribute__((cleanup(cleanup_ecdsa))) ECDSA_SIG *pair =
        size <= DR_SIGNATURE_MAX ? d2i_ECDSA_SIG(NULL, &end, (long)size) : NULL;
    int half = DR_SIGNATURE_COMPACT / 2;

    if (pair && end == signature + size && !BN_is_negative(ECDSA_SIG_get0_r(pair)) &&
        !BN_is_negative(ECDSA_SIG_get0_s(pair)) &&
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_compact, half) == half &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_compact + half, half) == half)
        return 0;
    ERR_clear_error();
    return dr_fail(err, DR_ERR_VERIFY, "it is no signature of ECDSA P-256");
}

int dr_signature_expand(const unsigned char compact[DR_SIGNATURE_COMPACT],
                        unsigned char *ret_signature, size_t *ret_size, struct dr_err *err)
{
    __attribute__((cleanup(cleanup_ecdsa))) ECDSA_SIG *pair = ECDSA_SIG_new();
    int half = DR_SIGNATURE_COMPACT / 2;
    BIGNUM *r = BN_bin2bn(compact, half, NULL);
    BIGNUM *s = BN_bin2bn(compact + half, half, NULL);
    int size;

    if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return dr_fail_memory(err);
    }
    size = i2d_ECDSA_SIG(pair, &ret_signature);
    if (size <= 0)
        return fail_openssl(err, DR_ERR_INTERNAL, "write a signature");
    *ret_size = (size_t)size;
    return 0;
}
