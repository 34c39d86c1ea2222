/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
/* Volumes: what one says of itself, and that no byte of one can change unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/volume.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/unit/check.h"

#define LIMIT ((uint64_t)200000)

/* A "bundle": two small members, two layers with a small one between them, one behind. */
static const struct {
    const char *name;
    uint64_t size;
    bool layer;
} members[] = {
    {"list", 700, false},          {"document", 512, false}, {"layer-1", 300001, true},
    {"between", 1, false},         {"layer-2", 70000, true}, {"empty layer", 0, true},
    {"READ-ME-FIRST", 100, false},
};
#define MEMBERS (sizeof members / sizeof *members)

struct state {
    struct dr_key *key;
    struct dr_key *other_key;
    struct dr_layout layout;
    struct dr_volume_set set;
    int bundle;
    int volumes[8];
};

static int memory_file(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void make_bundle(struct state *state)
{
    bool left_out[MEMBERS];
    struct dr_err err = DR_ERR_INIT;
    uint64_t total;

    for (size_t i = 0; i < MEMBERS; i++) {
        check_ok(dr_layout_add(&state->layout, members[i].name, members[i].size, NULL, &err), &err);
        left_out[i] = members[i].layer;
    }
    total = dr_layout_total(&state->layout);
    state->bundle = memory_file();
    for (uint64_t at = 0; at < total; at += 4) {
        uint32_t value = (uint32_t)(at * 2654435761u);

        check_ok(dr_file_pwrite(state->bundle, &value, total - at < 4 ? total - at : 4, at, "test",
                                &err),
                 &err);
    }
    check_ok(dr_volume_set_frame(&state->set, &state->layout, left_out, &err), &err);
    dr_digest_of("list", 4, &state->set.sums);
    state->set.created = strdup("2016-05-26T18:13:38Z");
    state->set.channel = strdup("default");
    state->set.release = strdup("v1.0.2");
    state->set.serial = 7;
}

static void copy(int from, uint64_t offset, uint64_t size, int to)
{
    char byte[4096];

    for (uint64_t done = 0; done < size;) {
        size_t now = size - done < sizeof byte ? size - done : sizeof byte;

        assert_int_equal(dr_file_pread(from, byte, now, offset + done, "test", NULL), 0);
        assert_int_equal(dr_file_pwrite(to, byte, now, done, "test", NULL), 0);
        done += now;
    }
}

static int set_up(void **context)
{
    struct state *state = calloc(1, sizeof *state);
    struct dr_err err = DR_ERR_INIT;

    *context = state;
    state->key = dr_key_new(&err);
    state->other_key = dr_key_new_ed25519(&err);
    make_bundle(state);
    check_ok(dr_volume_split(&state->set, LIMIT, &err), &err);
    for (uint64_t i = 1; i <= state->set.count; i++) {
        int fd = state->volumes[i - 1] = memory_file();

        copy(state->bundle, dr_slice_offset(&state->set, i), dr_slice_size(&state->set, i), fd);
        check_ok(dr_volume_seal(&state->set, i, fd, state->bundle, state->key, "test", NULL, &err),
                 &err);
    }
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    for (size_t i = 0; i < sizeof state->volumes / sizeof *state->volumes; i++) {
        if (state->volumes[i] > 0)
            close(state->volumes[i]);
    }
    close(state->bundle);
    dr_volume_set_release(&state->set);
    dr_layout_release(&state->layout);
    dr_key_free(state->key);
    dr_key_free(state->other_key);
    free(state);
    return 0;
}

static int read_volume(const struct dr_key *key, int fd, struct dr_volume *ret_volume,
                       struct dr_err *err)
{
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .threshold = 1};

    return dr_volume_read(fd, &trust, ret_volume, err);
}

static void every_volume_tells_its_place_and_holds_its_slice(void **context)
{
    const struct state *state = *context;
    uint64_t end = 0;

    assert_int_equal(state->set.count, 3);
    for (uint64_t i = 1; i <= state->set.count; i++) {
        dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
        struct dr_err err = DR_ERR_INIT;
        int fd = state->volumes[i - 1];
        struct stat info;

        check_ok(read_volume(state->key, fd, &volume, &err), &err);
        assert_int_equal(volume.number, i);
        assert_int_equal(volume.offset, end);
        assert_string_equal(volume.set.release, "v1.0.2");
        assert_int_equal(fstat(fd, &info), 0);
        assert_true((uint64_t)info.st_size <= LIMIT);
        assert_true(dr_label_is_there(fd));
        check_ok(dr_volume_check(&volume, fd, NULL, NULL, NULL, &err), &err);
        end += volume.size;
    }
    assert_int_equal(end, state->set.total);
}

static void the_frame_is_the_bundle_without_its_layers(void **context)
{
    const struct state *state = *context;
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    dr_autoclose int frame = memory_file();
    struct dr_err err = DR_ERR_INIT;
    uint64_t total = dr_layout_total(&state->layout);
    size_t member = 0;

    check_ok(read_volume(state->key, state->volumes[2], &volume, &err), &err);
    check_ok(dr_volume_frame(&volume, state->volumes[2], frame, &err), &err);
    for (uint64_t at = 0; at < total; at++) {
        const struct dr_member *now = &state->layout.members[member];
        unsigned char found;
        unsigned char right;
        bool inside;

        if (member + 1 < MEMBERS && at == now->offset + now->size + dr_padding(now->size))
            now = &state->layout.members[++member];
        inside = members[member].layer && at >= now->offset &&
                 at < now->offset + now->size + dr_padding(now->size);
        assert_int_equal(dr_file_pread(frame, &found, 1, at, "test", NULL), 0);
        assert_int_equal(dr_file_pread(state->bundle, &right, 1, at, "test", NULL), 0);
        assert_int_equal(found, inside ? 0 : right);
    }
}

static void only_a_believed_key_labels_a_volume(void **context)
{
    const struct state *state = *context;
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(read_volume(state->other_key, state->volumes[0], &volume, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
}

/* Does anything of what there is to check say that the volume is as it was made? */
static bool is_good(const struct state *state, int fd)
{
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    dr_autoclose int frame = memory_file();

    return read_volume(state->key, fd, &volume, NULL) == 0 &&
           dr_volume_frame(&volume, fd, frame, NULL) == 0 &&
           dr_volume_check(&volume, fd, NULL, NULL, NULL, NULL) == 0;
}

static void no_byte_changes_unseen(void **context)
{
    const struct state *state = *context;
    int fd = state->volumes[2];
    struct stat info;

    assert_int_equal(fstat(fd, &info), 0);
    assert_true(is_good(state, fd));
    for (off_t at = 0; at<info.st_size; at += at> info.st_size - 2500 ? 7 : 997) {
        unsigned char byte;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_false(is_good(state, fd));
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_true(is_good(state, fd));
}

static void a_cut_volume_is_none(void **context)
{
    const struct state *state = *context;
    int fd = state->volumes[0];
    struct stat info;

    assert_int_equal(fstat(fd, &info), 0);
    for (off_t size = info.st_size - 1; size > 0; size -= 3001) {
        dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(ftruncate(fd, size), 0);
        assert_int_equal(read_volume(state->key, fd, &volume, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
    }
}

static int note_chunk(void *context, uint64_t chunk, struct dr_err *err)
{
    uint64_t *last = context;

    (void)err;
    *last = *last * 100 + chunk + 1;
    return 0;
}

static void damage_is_known_to_the_chunk(void **context)
{
    const struct state *state = *context;
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    struct dr_err err = DR_ERR_INIT;
    int fd = state->volumes[0];
    uint64_t chunks = 0;

    assert_int_equal(pwrite(fd, "x", 1, 3), 1);
    assert_int_equal(pwrite(fd, "x", 1, 65536), 1);
    check_ok(read_volume(state->key, fd, &volume, &err), &err);
    check_ok(dr_volume_check(&volume, fd, note_chunk, &chunks, NULL, &err), &err);
    assert_int_equal(chunks, 102);
    assert_int_equal(dr_volume_check(&volume, fd, NULL, NULL, NULL, &err), -1);
    assert_non_null(
        strstr(err.text, "volume 1 of 3 is damaged: first within its bytes 0 to 65536"));
}

static void volumes_are_neither_too_small_nor_too_many(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;
    uint64_t total = state->set.total;

    assert_int_equal(dr_volume_split(&state->set, 66000, &err), -1);
    assert_int_equal(err.code, DR_ERR_USAGE);
    state->set.total = UINT64_C(1) << 40;
    assert_int_equal(dr_volume_split(&state->set, LIMIT, &err), -1);
    assert_non_null(strstr(err.text, "make them larger"));
    state->set.total = total;
    check_ok(dr_volume_split(&state->set, UINT64_C(1) << 40, &err), &err);
    assert_int_equal(state->set.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_volume_tells_its_place_and_holds_its_slice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_frame_is_the_bundle_without_its_layers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_a_believed_key_labels_a_volume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_byte_changes_unseen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_volume_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_known_to_the_chunk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(volumes_are_neither_too_small_nor_too_many, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
