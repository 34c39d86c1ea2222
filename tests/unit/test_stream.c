/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
/* A bundle that is read once and forwards: it is good exactly when the file is, and what is lost of it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/check.h"
#include "tests/unit/stream_kit.h"

static void cut_out(struct stream_bytes *bytes, size_t at, size_t size)
{
    memmove(bytes->data + at, bytes->data + at + size, bytes->size - at - size);
    bytes->size -= size;
}

static void a_good_bundle_is_good(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    stream_load(kit, &bytes);
    check_ok(stream_check(kit, &bytes, &err), &err);
    kit_insert(kit, END, DR_NAME_README, "read me", 7);
    kit_insert(kit, END + 1, "drover-x86_64", "a program", 9);
    kit_pack(kit, kit->other_key);
    stream_load(kit, &bytes);
    check_ok(stream_check(kit, &bytes, &err), &err);
}

static void no_byte_may_change(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    stream_load(kit, &bytes);
    for (size_t at = 0; at < bytes.size; at += at % 512 < 160 ? 3 : 41) {
        bytes.data[at] ^= 1;
        if (stream_check(kit, &bytes, &err) == 0)
            fail_msg("byte %zu may be another", at);
        bytes.data[at] ^= 1;
    }
}

static void no_end_may_be_missing(void **state)
{
    stream_check_cuts(*state);
}

/* Well signed, and not one of an image's. */
static void no_blob_may_be_too_many(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    for (size_t at = FIRST_SMALL; at <= END; at++) {
        kit_add_blob(kit, at, "stranger");
        kit_pack(kit, NULL);
        stream_load(kit, &bytes);
        assert_int_equal(stream_check(kit, &bytes, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
        kit_remove(kit, at);
    }
}

static void another_key_is_refused(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    struct dr_key *own = kit->key;

    stream_load(kit, &bytes);
    kit->key = kit->other_key;
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY, "is not by the given key");
    kit->key = own;
}

static void a_damaged_layer_costs_itself_alone(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    stream_load(kit, &bytes);
    bytes.data[stream_place(kit, &bytes, FIRST_LAYER + 1)] ^= 1;
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY,
                "1 layer (5 B) did not arrive");
}

static void missing_bytes_cost_no_more_than_two_layers(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    /* Of the padding: the layer itself is whole, the next one's header was taken for padding. */
    stream_load(kit, &bytes);
    cut_out(&bytes, stream_place(kit, &bytes, FIRST_LAYER) + 100, 300);
    assert_int_equal(stream_check(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    /* Of the content and what follows. */
    stream_load(kit, &bytes);
    cut_out(&bytes, stream_place(kit, &bytes, FIRST_LAYER) + 3, 600);
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY,
                "2 layers (15 B) did not arrive");
    /* A whole member. */
    stream_load(kit, &bytes);
    cut_out(&bytes, stream_place(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK, 1024);
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY,
                "1 layer (5 B) did not arrive");
}

static void bytes_too_many_are_not_overlooked(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    size_t at;

    stream_load(kit, &bytes);
    at = stream_place(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK;
    memmove(bytes.data + at + 77, bytes.data + at, bytes.size - at);
    bytes.size += 77;
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY, "bytes that do not belong");
}

static void what_is_not_a_bundle_is_told(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes = {.data = "hello", .size = 5};
    struct dr_err err = DR_ERR_INIT;

    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY, "ends too early");
    memset(bytes.data, 'x', sizeof bytes.data);
    bytes.size = 60000;
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY, "is this a drover bundle?");
}

/* A good signature over a list whose manifests come too late or never. */
static void what_images_need_must_stand_before_the_layers(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    kit_swap(kit, FIRST_SMALL, FIRST_LAYER);
    kit_pack(kit, NULL);
    stream_load(kit, &bytes);
    assert_int_equal(stream_check(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    kit_swap(kit, FIRST_SMALL, FIRST_LAYER);
    kit_remove(kit, FIRST_SMALL);
    kit_pack(kit, NULL);
    stream_load(kit, &bytes);
    assert_int_equal(stream_check(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
}

static void the_beginning_of_a_file_is_enough_up_to_its_first_layer(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct stat whole;
    bool enough = true;
    size_t count;

    assert_int_equal(stat(kit->path, &whole), 0);
    for (off_t size = whole.st_size; size >= 0; size -= DR_BLOCK) {
        struct dr_err err = DR_ERR_INIT;
        dr_auto_bundle struct dr_bundle *bundle = NULL;

        assert_int_equal(truncate(kit->path, size), 0);
        bundle = dr_bundle_open_begin(kit->path, &trust, &err);
        assert_true(enough || !bundle); /* never again, once it was too little */
        if (!bundle)
            assert_int_equal(err.code, DR_ERR_VERIFY);
        if (bundle)
            assert_non_null(dr_bundle_images(bundle, &count)[1].content.layers);
        enough = bundle;
    }
    assert_false(enough);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_bundle_is_good, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_byte_may_change, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_end_may_be_missing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_blob_may_be_too_many, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(another_key_is_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_layer_costs_itself_alone, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(missing_bytes_cost_no_more_than_two_layers, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(bytes_too_many_are_not_overlooked, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_bundle_is_told, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_images_need_must_stand_before_the_layers, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(the_beginning_of_a_file_is_enough_up_to_its_first_layer,
                                        kit_setup, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
