/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
/* A bundle that is read once and forwards: it is good exactly when the file is, and what is lost of it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bundle/file/stream.h"
#include "lib/cleanup.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"

struct bytes {
    char data[65536];
    size_t size;
};

static void load(const struct kit *kit, struct bytes *ret)
{
    dr_auto_buf struct dr_buf file = DR_BUF_INIT(sizeof ret->data);

    assert_int_equal(dr_file_read(kit->path, &file, NULL), 0);
    memcpy(ret->data, file.data, file.size);
    ret->size = file.size;
}

static void cut_out(struct bytes *bytes, size_t at, size_t size)
{
    memmove(bytes->data + at, bytes->data + at + size, bytes->size - at - size);
    bytes->size -= size;
}

/* What `drover verify -` does with these bytes. */
static int read_all(const struct kit *kit, const struct bytes *bytes, struct dr_err *err)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    int ends[2];
    int done;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes->data, bytes->size), (ssize_t)bytes->size);
    close(ends[1]);
    bundle = dr_bundle_open_stream(ends[0], &trust, err);
    done = bundle ? dr_stream_check(bundle, NULL, NULL, err) : -1;
    close(ends[0]);
    return done;
}

/* Where the content of the listed member begins. */
static size_t place_of(const struct kit *kit, const struct bytes *bytes, size_t member)
{
    const char *name = kit->members[member].name;
    char *found = memmem(bytes->data + 4096, bytes->size - 4096, name, strlen(name) + 1);

    assert_non_null(found);
    return (size_t)(found - bytes->data) + DR_BLOCK;
}

static void a_good_bundle_is_good(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    load(kit, &bytes);
    check_ok(read_all(kit, &bytes, &err), &err);
    kit_insert(kit, END, DR_NAME_README, "read me", 7);
    kit_insert(kit, END + 1, "drover-x86_64", "a program", 9);
    kit_pack(kit, kit->other_key);
    load(kit, &bytes);
    check_ok(read_all(kit, &bytes, &err), &err);
}

static void no_byte_may_change(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    load(kit, &bytes);
    for (size_t at = 0; at < bytes.size; at += at % 512 < 160 ? 3 : 41) {
        bytes.data[at] ^= 1;
        if (read_all(kit, &bytes, &err) == 0)
            fail_msg("byte %zu may be another", at);
        bytes.data[at] ^= 1;
    }
}

static void no_end_may_be_missing(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    size_t whole;

    load(kit, &bytes);
    whole = bytes.size;
    for (bytes.size = 0; bytes.size < whole; bytes.size += 256) {
        if (read_all(kit, &bytes, &err) == 0)
            fail_msg("it may end at byte %zu", bytes.size);
        assert_int_equal(err.code, DR_ERR_VERIFY);
    }
    bytes.size = whole;
    bytes.data[bytes.size++] = 0;
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "behind its end");
}

static void another_key_is_refused(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    struct dr_key *own = kit->key;

    load(kit, &bytes);
    kit->key = kit->other_key;
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "is not by the given key");
    kit->key = own;
}

static void a_damaged_layer_costs_itself_alone(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    load(kit, &bytes);
    bytes.data[place_of(kit, &bytes, FIRST_LAYER + 1)] ^= 1;
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "1 layer (5 B) did not arrive");
}

static void missing_bytes_cost_no_more_than_two_layers(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    /* Of the padding: the layer itself is whole, the next one's header was taken for padding. */
    load(kit, &bytes);
    cut_out(&bytes, place_of(kit, &bytes, FIRST_LAYER) + 100, 300);
    assert_int_equal(read_all(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    /* Of the content and what follows. */
    load(kit, &bytes);
    cut_out(&bytes, place_of(kit, &bytes, FIRST_LAYER) + 3, 600);
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "2 layers (15 B) did not arrive");
    /* A whole member. */
    load(kit, &bytes);
    cut_out(&bytes, place_of(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK, 1024);
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "1 layer (5 B) did not arrive");
}

static void bytes_too_many_are_not_overlooked(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    size_t at;

    load(kit, &bytes);
    at = place_of(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK;
    memmove(bytes.data + at + 77, bytes.data + at, bytes.size - at);
    bytes.size += 77;
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "bytes that do not belong");
}

static void what_is_not_a_bundle_is_told(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes = {.data = "hello", .size = 5};
    struct dr_err err = DR_ERR_INIT;

    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "ends too early");
    memset(bytes.data, 'x', sizeof bytes.data);
    bytes.size = 60000;
    check_fails(read_all(kit, &bytes, &err), &err, DR_ERR_VERIFY, "is this a drover bundle?");
}

/* A good signature over a list whose manifests come too late or never. */
static void what_images_need_must_stand_before_the_layers(void **state)
{
    struct kit *kit = *state;
    struct bytes bytes;
    struct dr_err err = DR_ERR_INIT;

    kit_swap(kit, FIRST_SMALL, FIRST_LAYER);
    kit_pack(kit, NULL);
    load(kit, &bytes);
    assert_int_equal(read_all(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    kit_swap(kit, FIRST_SMALL, FIRST_LAYER);
    kit_remove(kit, FIRST_SMALL);
    kit_pack(kit, NULL);
    load(kit, &bytes);
    assert_int_equal(read_all(kit, &bytes, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_bundle_is_good, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_byte_may_change, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(no_end_may_be_missing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(another_key_is_refused, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_layer_costs_itself_alone, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(missing_bytes_cost_no_more_than_two_layers, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(bytes_too_many_are_not_overlooked, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_bundle_is_told, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(what_images_need_must_stand_before_the_layers, kit_setup,
                                        kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
