/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_receipt */
/* The code of a receipt: the same text comes out of it and the bundle, and nothing that nobody has signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bundle/receipt/code.h"
#include "bundle/receipt/text.h"
#include "lib/typed.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"

struct made {
    struct dr_bundle *bundle;
    const struct dr_key *key; /* of the far side */
    struct dr_buf text;
    struct dr_buf code;
};

static void lose(struct dr_receipt *receipt, const char *repository, const char *layer,
                 enum dr_receipt_state state)
{
    struct dr_descriptor lost;

    kit_digest(layer, &lost);
    dr_receipt_set_layer(receipt, repository, &lost.digest, state);
}

/* A receipt of the kit's bundle, and its code. */
static void make(const struct kit *kit, const struct dr_key *key, bool gaps, struct made *ret)
{
    const struct dr_key *site = kit->key;
    const struct dr_bundle_trust trust = {.keys = &site, .key_count = 1, .now = KIT_TIME};
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_receipt struct dr_receipt read = DR_RECEIPT_INIT;
    struct dr_err err = DR_ERR_INIT;

    *ret = (struct made){
        .key = key, .text = DR_BUF_INIT(DR_RECEIPT_MAX), .code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX)};
    ret->bundle = dr_bundle_open(kit->path, &trust, &err);
    assert_non_null(ret->bundle);
    check_ok(dr_receipt_make(ret->bundle, &receipt, &err), &err);
    receipt.registry = dr_receipt_keep(&receipt, "registry.site:5000/infra", &err);
    receipt.time = KIT_TIME;
    receipt.hashed = gaps;
    if (gaps) {
        lose(&receipt, "docker.io/rancher/server", "empty", DR_RECEIPT_MISSING);
        lose(&receipt, "docker.io/rancher/agent", "base layer", DR_RECEIPT_DAMAGED);
        dr_receipt_set_image(&receipt, "docker.io/rancher/server:v1.0.2", DR_RECEIPT_MISSING);
    }
    check_ok(dr_receipt_sign(&receipt, key, &ret->text, &err), &err);
    check_ok(dr_receipt_parse(ret->text.data, ret->text.size, &key, 1, &read, &err), &err);
    check_ok(dr_receipt_code_write(&read, &ret->code, &err), &err);
}

static void release(struct made *made)
{
    dr_bundle_free(made->bundle);
    dr_buf_release(&made->text);
    dr_buf_release(&made->code);
}

static int read_code(const struct made *made, const void *code, size_t size, struct dr_buf *text,
                     struct dr_err *err)
{
    return dr_receipt_code_read(code, size, made->bundle, &made->key, 1, text, err);
}

static void check_back(const struct kit *kit, const struct dr_key *key, bool gaps)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_err err = DR_ERR_INIT;
    struct made made;

    make(kit, key, gaps, &made);
    assert_in_range(made.code.size, 90, 120);
    check_ok(read_code(&made, made.code.data, made.code.size, &text, &err), &err);
    assert_int_equal(text.size, made.text.size);
    assert_memory_equal(text.data, made.text.data, text.size);
    release(&made);
}

static void the_very_text_comes_back(void **state)
{
    const struct kit *kit = *state;
    dr_auto_key struct dr_key *other = dr_key_new_ed25519(NULL);

    check_back(kit, kit->other_key, false);
    check_back(kit, other, false);
    check_back(kit, other, true);
    /* r and s with zeros at their beginning are as long in a code as others. */
    for (size_t i = 0; i < 300; i++)
        check_back(kit, kit->other_key, true);
}

static void every_flipped_bit_and_every_truncation_is_refused(void **state)
{
    const struct kit *kit = *state;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_err err = DR_ERR_INIT;
    struct made made;

    make(kit, kit->other_key, true, &made);
    for (size_t i = 0; i < 8 * made.code.size; i++) {
        made.code.data[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(read_code(&made, made.code.data, made.code.size, &text, &err), -1);
        assert_true(err.code != DR_ERR_INTERNAL);
        made.code.data[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t size = 0; size < made.code.size; size++)
        check_fails(read_code(&made, made.code.data, size, &text, &err), &err, DR_ERR_FORMAT,
                    "lines at its end are missing");
    assert_int_equal(dr_buf_add(&made.code, "", 1, &err), 0);
    check_fails(read_code(&made, made.code.data, made.code.size, &text, &err), &err, DR_ERR_FORMAT,
                "behind its end");
    assert_int_equal(text.size, 0);
    release(&made);
}

static void another_bundle_and_another_key_are_named(void **state)
{
    struct kit *kit = *state;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_err err = DR_ERR_INIT;
    struct made made;

    make(kit, kit->other_key, false, &made);
    made.key = kit->key;
    check_fails(read_code(&made, made.code.data, made.code.size, &text, &err), &err, DR_ERR_VERIFY,
                "no key that is believed here");
    made.code.data[6] ^= 1;
    check_fails(read_code(&made, made.code.data, made.code.size, &text, &err), &err, DR_ERR_REFUSED,
                "it is of the bundle whose SHA256SUMS has the digest sha256:");
    made.code.data[0] = 2;
    check_fails(read_code(&made, made.code.data, made.code.size, &text, &err), &err, DR_ERR_REFUSED,
                "a newer one is needed");
    release(&made);
}

/* What the first version wrote must be read by every later one, and have the same code. */
static void a_receipt_of_old_is_read_and_has_its_code(void **state)
{
    dr_auto_key struct dr_key *key = dr_key_read_public(TEST_DATA "/receipt/far.pub", NULL);
    dr_auto_buf struct dr_buf typed = DR_BUF_INIT(65536);
    dr_auto_buf struct dr_buf code = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);
    dr_auto_buf struct dr_buf again = DR_BUF_INIT(DR_RECEIPT_CODE_MAX);
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    const struct dr_key *const keys[] = {key};
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_ok(dr_receipt_read(TEST_DATA "/receipt/site.receipt", keys, 1, &receipt, &err), &err);
    assert_true(receipt.seal.verified);
    check_ok(dr_receipt_code_write(&receipt, &code, &err), &err);
    check_ok(dr_file_read(TEST_DATA "/receipt/site.code", &typed, &err), &err);
    check_ok(dr_typed_read(typed.data, typed.size, &again, &err), &err);
    assert_int_equal(again.size, code.size);
    assert_memory_equal(again.data, code.data, code.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_very_text_comes_back, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_truncation_is_refused,
                                        kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(another_bundle_and_another_key_are_named, kit_setup,
                                        kit_teardown),
        cmocka_unit_test(a_receipt_of_old_is_read_and_has_its_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
