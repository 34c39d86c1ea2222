/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/key.h"

static int give(void *context, bool confirm, char *ret, size_t size, struct dr_err *err)
{
    (void)confirm, (void)err;
    assert_true(strlen(context) < size);
    memcpy(ret, context, strlen(context) + 1);
    return 0;
}

static int save_private(const struct dr_key *key, const char *passphrase, const char *path,
                        struct dr_err *err)
{
    dr_auto_buf struct dr_buf pem = DR_BUF_INIT(65536);

    if (dr_key_private_pem(key, passphrase, &pem, err) < 0)
        return -1;
    return dr_file_save(path, 0600, pem.data, pem.size, err);
}

typedef struct dr_key *maker(struct dr_err *err);

static void check_signing(maker *make)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_key struct dr_key *key = make(&err);
    dr_auto_key struct dr_key *other = make(&err);
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;

    assert_non_null(key);
    check_ok(dr_key_sign(key, "text", 4, signature, &size, &err), &err);
    check_ok(dr_key_verify(key, "text", 4, signature, size, &err), &err);
    check_fails(dr_key_verify(key, "texT", 4, signature, size, &err), &err, DR_ERR_VERIFY, "match");
    check_fails(dr_key_verify(other, "text", 4, signature, size, &err), &err, DR_ERR_VERIFY,
                "match");
    check_fails(dr_key_verify(key, "text", 4, signature, size - 1, &err), &err, DR_ERR_VERIFY, "");
    check_fails(dr_key_verify(key, "text", 4, signature, 0, &err), &err, DR_ERR_VERIFY, "");
    for (size_t i = 0; i < size; i++) {
        signature[i] ^= 1;
        assert_int_equal(dr_key_verify(key, "text", 4, signature, size, &err), -1);
        signature[i] ^= 1;
    }
    /* Not one byte behind it. */
    signature[size] = 0;
    assert_int_equal(dr_key_verify(key, "text", 4, signature, size + 1, &err), -1);
}

static void what_is_signed_verifies_and_nothing_else_does(void **state)
{
    (void)state;
    check_signing(dr_key_new);
    check_signing(dr_key_new_ed25519);
}

static void the_algorithm_is_the_keys(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    dr_auto_key struct dr_key *ecdsa = dr_key_new(&err);
    dr_auto_key struct dr_key *ed25519 = dr_key_new_ed25519(&err);
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;

    (void)state;
    assert_string_equal(dr_key_kind(ecdsa), "ECDSA P-256");
    assert_string_equal(dr_key_kind(ed25519), "Ed25519");
    check_ok(dr_key_sign(ed25519, "text", 4, signature, &size, &err), &err);
    assert_int_equal(size, 64);
    check_fails(dr_key_verify(ecdsa, "text", 4, signature, size, &err), &err, DR_ERR_VERIFY, "");
    check_ok(dr_key_sign(ecdsa, "text", 4, signature, &size, &err), &err);
    assert_in_range(size, 64, 72);
    check_fails(dr_key_verify(ed25519, "text", 4, signature, size, &err), &err, DR_ERR_VERIFY, "");
}

/* Cut, empty, with zeros for its numbers, with a number in more bytes than it needs. */
static void a_signature_that_is_no_der_is_bad(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {{"", 0},
                {"0", 1},
                {"\x30\x06\x02\x01\x00\x02\x01\x00", 8},
                {"\x30\x06\x02\x01\x01\x02\x01\x00", 8},
                {"\x30\x07\x02\x02\x00\x01\x02\x01\x01", 9},
                {"\x30\x80\x02\x01\x01\x02\x01\x01\x00\x00", 10},
                {"\x30\x84\xff\xff\xff\xff\x02\x01\x01", 9}};
    struct dr_err err = DR_ERR_INIT;
    dr_auto_key struct dr_key *key = dr_key_new(&err);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_fails(
            dr_key_verify(key, "text", 4, (const unsigned char *)rows[i].bytes, rows[i].size, &err),
            &err, DR_ERR_VERIFY, "");
}

static void an_encrypted_key_needs_its_passphrase(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char path[] = "/tmp/drover-key-XXXXXX";
    char right[] = "right";
    char wrong[] = "wrong";
    dr_autoclose int fd = mkstemp(path);
    dr_auto_key struct dr_key *key = dr_key_new(&err);
    dr_auto_key struct dr_key *back = NULL;
    struct dr_digest a;
    struct dr_digest b;

    (void)state;
    assert_true(fd >= 0);
    check_ok(save_private(key, right, path, &err), &err);
    assert_null(dr_key_read_private(path, give, wrong, &err));
    assert_int_equal(err.code, DR_ERR_AUTH);
    assert_non_null(strstr(err.text, "passphrase"));
    assert_null(dr_key_read_private(path, NULL, NULL, &err));
    assert_int_equal(err.code, DR_ERR_AUTH);
    back = dr_key_read_private(path, give, right, &err);
    assert_non_null(back);
    check_ok(dr_key_id(key, &a, &err), &err);
    check_ok(dr_key_id(back, &b, &err), &err);
    assert_true(dr_digest_equal(&a, &b));
    unlink(path);
}

static void a_private_key_that_others_can_read_is_refused(void **state)
{
    struct dr_err err = DR_ERR_INIT;
    char path[] = "/tmp/drover-key-XXXXXX";
    dr_autoclose int fd = mkstemp(path);
    dr_auto_key struct dr_key *key = dr_key_new(&err);

    (void)state;
    assert_true(fd >= 0);
    check_ok(save_private(key, NULL, path, &err), &err);
    chmod(path, 0644);
    assert_null(dr_key_read_private(path, NULL, NULL, &err));
    assert_int_equal(err.code, DR_ERR_REFUSED);
    unlink(path);
}

static void other_kinds_of_key_are_refused_by_name(void **state)
{
    static const char *const makers[] = {
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "openssl genpkey -algorithm ED448",
        "openssl genpkey -algorithm X25519",
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
        "echo nonsense"};
    char path[] = "/tmp/drover-key-XXXXXX";
    dr_autoclose int fd = mkstemp(path);
    char command[300];

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        struct dr_err err = DR_ERR_INIT;

        snprintf(command, sizeof command, "%s 2>/dev/null >%s", makers[i], path);
        assert_int_equal(system(command), 0);
        assert_null(dr_key_read_private(path, NULL, NULL, &err));
        assert_int_equal(err.code, DR_ERR_FORMAT);
    }
    unlink(path);
}

static void check_with_openssl(maker *make, const char *check)
{
    struct dr_err err = DR_ERR_INIT;
    char folder[] = "/tmp/drover-key-XXXXXX";
    dr_auto_key struct dr_key *key = make(&err);
    dr_auto_buf struct dr_buf public = DR_BUF_INIT(65536);
    unsigned char signature[DR_SIGNATURE_MAX];
    char command[400];
    size_t size;

    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    check_ok(dr_key_public_pem(key, &public, &err), &err);
    check_ok(dr_file_save("pub", 0644, public.data, public.size, &err), &err);
    check_ok(dr_key_sign(key, "text", 4, signature, &size, &err), &err);
    check_ok(dr_file_save("sig", 0644, signature, size, &err), &err);
    check_ok(dr_file_save("data", 0644, "text", 4, &err), &err);
    assert_int_equal(system(check), 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void openssl_reads_our_keys_and_checks_our_signatures(void **state)
{
    (void)state;
    check_with_openssl(dr_key_new,
                       "openssl dgst -sha256 -verify pub -signature sig data >/dev/null");
    check_with_openssl(dr_key_new_ed25519, "openssl pkeyutl -verify -pubin -inkey pub -rawin "
                                           "-in data -sigfile sig >/dev/null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies_and_nothing_else_does),
        cmocka_unit_test(the_algorithm_is_the_keys),
        cmocka_unit_test(a_signature_that_is_no_der_is_bad),
        cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
        cmocka_unit_test(a_private_key_that_others_can_read_is_refused),
        cmocka_unit_test(other_kinds_of_key_are_refused_by_name),
        cmocka_unit_test(openssl_reads_our_keys_and_checks_our_signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
