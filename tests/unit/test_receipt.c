/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_receipt */
/* Receipts: what one says of a bundle, and that nothing else than what was signed is ever accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bundle/receipt/text.h"
#include "lib/cleanup.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"

#define SERVER "docker.io/rancher/server"

/* A receipt of the kit's bundle, of which the registry has lost a layer. */
static void make(const struct kit *kit, struct dr_receipt *receipt)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, &err);
    struct dr_descriptor lost;

    assert_non_null(bundle);
    check_ok(dr_receipt_make(bundle, receipt, &err), &err);
    receipt->registry = dr_receipt_keep(receipt, "registry.site:5000/infra", &err);
    receipt->time = KIT_TIME;
    kit_digest("base layer", &lost);
    dr_receipt_set_layer(receipt, SERVER, &lost.digest, DR_RECEIPT_MISSING);
}

static void sign(const struct kit *kit, const struct dr_key *key, struct dr_buf *text)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    struct dr_err err = DR_ERR_INIT;

    make(kit, &receipt);
    check_ok(dr_receipt_sign(&receipt, key, text, &err), &err);
}

static int parse(const char *text, size_t size, const struct dr_key *key, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    return dr_receipt_parse(text, size, key ? &key : NULL, key ? 1 : 0, &receipt, err);
}

static void it_says_what_is_there_of_each_repository(void **state)
{
    const struct kit *kit = *state;
    const struct dr_key *key = kit->other_key;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    struct dr_receipt_cursor cursor = DR_RECEIPT_CURSOR_INIT;
    struct dr_receipt_totals totals;
    struct dr_err err = DR_ERR_INIT;

    sign(kit, key, &text);
    check_ok(dr_receipt_parse(text.data, text.size, &key, 1, &receipt, &err), &err);
    assert_true(receipt.seal.verified && !receipt.hashed);
    assert_string_equal(receipt.registry, "registry.site:5000/infra");
    assert_string_equal(receipt.release, "v1.0.2");
    assert_int_equal(receipt.serial, KIT_TIME);
    assert_int_equal(receipt.repository_count, 2);
    assert_string_equal(receipt.repositories[0].name, "docker.io/rancher/agent");
    assert_string_equal(receipt.repositories[1].name, SERVER);
    assert_int_equal(receipt.repositories[0].layer_count, 2);
    assert_int_equal(receipt.repositories[1].layer_count, 3); /* one that is there twice, once */
    dr_receipt_count(&receipt, &totals);
    assert_int_equal(totals.images_there, 2);
    assert_int_equal(totals.layers, 5);
    assert_int_equal(totals.layers_there, 4);
    assert_int_equal(totals.bytes - totals.bytes_there, strlen("base layer"));
    assert_non_null(strstr(text.data, "\nthere 2 of 2 images, 4 of 5 layers, 38 of 48 bytes\n"));
    for (size_t i = 0; i < 7; i++)
        assert_non_null(dr_receipt_next(&receipt, &cursor));
    assert_null(dr_receipt_next(&receipt, &cursor));
}

static void every_truncation_is_refused(void **state)
{
    const struct kit *kit = *state;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);

    sign(kit, kit->other_key, &text);
    for (size_t size = 0; size < text.size; size++) {
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(parse(text.data, size, kit->other_key, &err), -1);
        assert_true(err.code != DR_OK && *err.text);
        assert_int_equal(parse(text.data, size, NULL, &err), -1);
    }
    assert_int_equal(parse(text.data, text.size, NULL, NULL), 0);
}

static void every_flipped_byte_is_refused(void **state)
{
    const struct kit *kit = *state;

    for (size_t kind = 0; kind < 2; kind++) {
        dr_auto_key struct dr_key *key = kind ? dr_key_new_ed25519(NULL) : dr_key_new(NULL);
        dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);

        sign(kit, key, &text);
        assert_int_equal(parse(text.data, text.size, key, NULL), 0);
        for (size_t i = 0; i < 3 * text.size; i++) {
            struct dr_err err = DR_ERR_INIT;
            char *at = &text.data[i / 3];
            char was = *at;

            *at = (char)(was ^ (1 << (2 * (i % 3))));
            assert_int_equal(parse(text.data, text.size, key, &err), -1);
            assert_true(err.code != DR_OK && err.code != DR_ERR_INTERNAL);
            *at = was;
        }
    }
}

static void only_keys_that_are_believed_count(void **state)
{
    const struct kit *kit = *state;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    struct dr_err err = DR_ERR_INIT;

    sign(kit, kit->other_key, &text);
    check_fails(parse(text.data, text.size, kit->key, &err), &err, DR_ERR_VERIFY,
                "none of those that are believed here");
    assert_non_null(memmem(text.data, text.size, "there 2", 7));
    memcpy(strstr(text.data, "there 2"), "there 1", 7);
    check_fails(parse(text.data, text.size, kit->other_key, &err), &err, DR_ERR_VERIFY,
                "or is a forgery");
    check_fails(parse(text.data, text.size, NULL, &err), &err, DR_ERR_VERIFY, "in the one form");
}

/* Signs a body as the far side's key would, whatever it says. */
static void check_signed(const struct kit *kit, const char *old, const char *new, const char *says)
{
    const struct dr_key *key = kit->other_key;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_RECEIPT_MAX);
    unsigned char signature[DR_SIGNATURE_MAX];
    dr_autofree char *base64 = NULL;
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest id;
    char hex[DR_DIGEST_TEXT];
    const char *place;
    size_t size;

    sign(kit, key, &text);
    place = strstr(text.data, old);
    assert_non_null(place);
    dr_buf_printf(&body, NULL, "%.*s%s%.*s", (int)(place - text.data), text.data, new,
                  (int)(strstr(text.data, "signature ") - place - strlen(old)),
                  place + strlen(old));
    check_ok(dr_key_sign(key, body.data, body.size, signature, &size, &err), &err);
    check_ok(dr_key_id(key, &id, &err), &err);
    base64 = dr_text_base64(signature, size, false, NULL);
    dr_buf_printf(&body, NULL, "signature ecdsa %s\n%.64s\n%s\n", dr_digest_hex(&id, hex), base64,
                  base64 + 64);
    check_fails(parse(body.data, body.size, key, &err), &err, DR_ERR_VERIFY, says);
}

static void what_is_signed_must_be_a_receipt_all_the_same(void **state)
{
    const struct kit *kit = *state;

    check_signed(kit, "registry registry", "registry a b registry", "no name of a registry");
    check_signed(kit, "\nregistry ", "\nRegistry ", "line 2: 'registry ...' is expected here");
    check_signed(kit, "time 2016-05", "time 2016-15", "line 3: that is no time");
    check_signed(kit, "look asked", "look askew", "one form");
    check_signed(kit, "bundle sha256:", "bundle sha1:", "line 5: that is no digest");
    check_signed(kit, "serial ", "serial -", "is no number");
    check_signed(kit, "channel default\n", "", "'channel ...' is expected");
    check_signed(kit, "release v1.0.2\n", "release \n", "is expected");
    check_signed(kit, "repository docker.io/rancher/agent", "repository docker.io/rancher/zgent",
                 "no image of its repository");
    check_signed(kit, "image docker.io/rancher/agent:v1.0.1", "image rancher/agent:v1.0.1",
                 "no image of its repository");
    check_signed(kit, "\nlayer sha256:", "\nlayer sha257:", "that is no layer");
    check_signed(kit, " missing\n", " mislaid\n", "that is no layer");
    check_signed(kit, " missing\n", " missing gzip\n", "that is no layer");
    check_signed(kit, " missing\n", " missing \n", "that is no layer");
    check_signed(kit, " missing\n", " missing\nmore\n", "has no place in a receipt");
    check_signed(kit, "repository " SERVER "\n", "", "no image of its repository");
    check_signed(kit, "there 2 of 2", "there 1 of 2", "one form");
    check_signed(kit, "\nthere ", "\nthere  ", "one form");
    check_signed(kit, "created 2016", "created \t2016", "no text");
}

static void other_documents_and_versions_are_told(void **state)
{
    struct dr_err err = DR_ERR_INIT;

    (void)state;
    check_fails(parse("", 0, NULL, &err), &err, DR_ERR_FORMAT, "it is no receipt");
    check_fails(parse("{}", 2, NULL, &err), &err, DR_ERR_FORMAT, "it is no receipt");
    check_fails(parse("drover-receipt/2\n", 17, NULL, &err), &err, DR_ERR_REFUSED,
                "a newer one is needed");
    check_fails(parse("drover-receipt/1\r\n", 18, NULL, &err), &err, DR_ERR_VERIFY, "CR LF");
    check_fails(parse("drover-receipt/1", DR_RECEIPT_MAX + 1, NULL, &err), &err, DR_ERR_FORMAT,
                "larger than a receipt can be");
}

static void the_worst_state_stays(void **state)
{
    const struct kit *kit = *state;
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    make(kit, &receipt);
    dr_receipt_set_image(&receipt, SERVER ":v1.0.2", DR_RECEIPT_DAMAGED);
    dr_receipt_set_image(&receipt, SERVER ":v1.0.2", DR_RECEIPT_MISSING);
    dr_receipt_set_image(&receipt, SERVER ":v9", DR_RECEIPT_MISSING);
    assert_int_equal(receipt.repositories[1].images[0].state, DR_RECEIPT_DAMAGED);
    assert_int_equal(receipt.repositories[0].images[0].state, DR_RECEIPT_THERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_what_is_there_of_each_repository, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(every_truncation_is_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(every_flipped_byte_is_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(only_keys_that_are_believed_count, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_signed_must_be_a_receipt_all_the_same, kit_setup,
                                        kit_teardown),
        cmocka_unit_test(other_documents_and_versions_are_told),
        cmocka_unit_test_setup_teardown(the_worst_state_stays, kit_setup, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
