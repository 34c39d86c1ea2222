/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_mirror_load */
/* What goes on to an engine of a bundle out of a pipe: all of it when it is good, and else never an archive that could be
 * used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mirror/load/relay.h"
#include "tests/unit/check.h"
#include "tests/unit/stream_kit.h"

/* Takes the archive in portions of that size, and counts what came. */
static int take(const struct kit *kit, const struct stream_bytes *bytes, size_t portion,
                struct stream_bytes *ret, struct dr_err *err)
{
    static const struct dr_log log = {.verbosity = -1, .form = DR_LOG_NONE};
    dr_autoclose int pipe = -1;
    dr_auto_bundle struct dr_bundle *bundle = stream_open(kit, bytes, &pipe, err);
    dr_auto_relay struct dr_relay relay = {.piece = NULL};
    struct dr_progress progress;
    long got;
    int done;

    ret->size = 0;
    if (!bundle)
        return -1;
    dr_progress_start(&progress, &log, "load", 0);
    check_ok(dr_relay_init(&relay, bundle, &progress, NULL, err), err);
    while ((got = dr_relay_read(&relay, ret->data + ret->size, portion, NULL)) > 0)
        ret->size += (size_t)got;
    assert_int_equal(dr_relay_failed(&relay), got < 0);
    done = dr_relay_end(&relay, err);
    assert_int_equal(done, got);
    assert_true(done < 0 || ret->size == relay.total);
    return done;
}

static void a_good_bundle_goes_through_as_it_is_up_to_its_layers(void **state)
{
    static const size_t portions[] = {1, 100, 512, 4096, 60000};
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct stream_bytes archive;
    struct dr_err err = DR_ERR_INIT;
    size_t end;

    kit_insert(kit, END, DR_NAME_README, "read me", 7);
    kit_pack(kit, NULL);
    stream_load(kit, &bytes);
    end = stream_place(kit, &bytes, END) - DR_BLOCK;
    for (size_t i = 0; i < sizeof portions / sizeof *portions; i++) {
        check_ok(take(kit, &bytes, portions[i], &archive, &err), &err);
        assert_int_equal(archive.size, end + DR_TRAILER);
        assert_memory_equal(archive.data, bytes.data, end);
        for (size_t at = end; at < archive.size; at++)
            assert_int_equal(archive.data[at], 0);
    }
}

/* Nothing of the last layer: what comes out is no archive. */
static void wherever_it_is_cut_the_last_layer_is_kept_back(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct stream_bytes archive;
    struct dr_err err = DR_ERR_INIT;
    size_t whole;
    size_t last;

    stream_load(kit, &bytes);
    whole = bytes.size;
    last = stream_place(kit, &bytes, END - 1) - DR_BLOCK;
    for (bytes.size = 0; bytes.size < whole; bytes.size += 512 - (bytes.size % 1024 ? 1 : 0)) {
        assert_int_equal(take(kit, &bytes, 1000, &archive, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
        assert_true(archive.size <= last);
    }
    bytes.size = whole;
    bytes.data[bytes.size++] = 0;
    check_fails(take(kit, &bytes, 1000, &archive, &err), &err, DR_ERR_VERIFY, "behind its end");
    assert_int_equal(archive.size, last);
}

static void a_layer_that_is_not_good_is_not_given_out(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct stream_bytes archive;
    struct dr_err err = DR_ERR_INIT;

    stream_load(kit, &bytes);
    for (size_t layer = FIRST_LAYER; layer < END; layer++) {
        size_t place = stream_place(kit, &bytes, layer);

        bytes.data[place + 1] ^= 1;
        check_fails(take(kit, &bytes, 1000, &archive, &err), &err, DR_ERR_VERIFY, "1 layer (");
        assert_int_equal(archive.size, place - DR_BLOCK);
        bytes.data[place + 1] ^= 1;
    }
    /* All that is lost is told, also what comes after the first. */
    for (size_t layer = FIRST_LAYER + 1; layer < END; layer++)
        bytes.data[stream_place(kit, &bytes, layer)] ^= 1;
    check_fails(take(kit, &bytes, 1000, &archive, &err), &err, DR_ERR_VERIFY, "3 layers (");
    assert_int_equal(archive.size, stream_place(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK);
}

static void a_layer_that_is_missing_is_not_made_up(void **state)
{
    struct kit *kit = *state;
    struct stream_bytes bytes;
    struct stream_bytes archive;
    struct dr_err err = DR_ERR_INIT;
    size_t place;

    stream_load(kit, &bytes);
    place = stream_place(kit, &bytes, FIRST_LAYER + 1) - DR_BLOCK;
    memmove(bytes.data + place, bytes.data + place + 1024, bytes.size - place - 1024);
    bytes.size -= 1024;
    check_fails(take(kit, &bytes, 1000, &archive, &err), &err, DR_ERR_VERIFY,
                "1 layer (5 B) did not arrive");
    assert_int_equal(archive.size, place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_bundle_goes_through_as_it_is_up_to_its_layers,
                                        kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(wherever_it_is_cut_the_last_layer_is_kept_back, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(a_layer_that_is_not_good_is_not_given_out, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(a_layer_that_is_missing_is_not_made_up, kit_setup,
                                        kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
