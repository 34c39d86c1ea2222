/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_parity */
/* Parity: whatever is damaged of a small set of volumes comes back bit for bit, or is said to be lost. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle/file/volume.h"
#include "bundle/parity/make.h"
#include "bundle/parity/parity.h"
#include "bundle/parity/repair.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/unit/check.h"

#define FILES_MAX 8
#define CHUNK ((uint64_t)65536)
/* 20 chunks in volumes of up to 8, with parity of 40 %. */
#define LAYER_1 ((uint64_t)700001)
#define LAYER_2 ((uint64_t)550000)
#define LIMIT ((uint64_t)560000)

struct item {
    char path[128];
    unsigned char *bytes; /* as they must be */
    uint64_t size;
};

struct state {
    char folder[64];
    struct dr_key *key;
    struct dr_key *other_key;
    struct dr_layout layout;
    struct dr_volume_set set;
    unsigned char *bundle;
    struct item files
        [FILES_MAX]; /* volumes, then parity files; of a bundle that is not split, it and one */
    size_t count;
    FILE *report;
    char *text;
    size_t text_size;
};

/* ---- the set */

static int read_bundle(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    const struct state *state = context;

    (void)err;
    assert_true(offset + size <= state->set.total);
    memcpy(ret_data, state->bundle + offset, size);
    return 0;
}

static void make_bundle(struct state *state)
{
    static const uint64_t sizes[] = {700, 512, LAYER_1, 1, LAYER_2, 100};
    static const bool left_out[] = {false, false, true, false, true, false};
    struct dr_err err = DR_ERR_INIT;
    uint32_t value = 1;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_ok(dr_layout_add(&state->layout, "member", sizes[i], NULL, &err), &err);
    check_ok(dr_volume_set_frame(&state->set, &state->layout, left_out, &err), &err);
    dr_digest_of("list", 4, &state->set.sums);
    state->set.created = strdup("2016-05-26T18:13:38Z");
    state->set.channel = strdup("default");
    state->set.release = strdup("v1.0.2");
    state->set.serial = 7;
    state->bundle = malloc(state->set.total);
    for (uint64_t i = 0; i < state->set.total; i++) {
        value = value * 1664525 + 1013904223;
        state->bundle[i] = (unsigned char)(value >> 24);
    }
}

static void keep(struct state *state, const char *path)
{
    struct item *item = &state->files[state->count++];
    struct stat info;
    struct dr_err err = DR_ERR_INIT;
    dr_autoclose int fd = open(path, O_RDONLY);

    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    snprintf(item->path, sizeof item->path, "%s", path);
    item->size = (uint64_t)info.st_size;
    item->bytes = malloc(item->size);
    check_ok(dr_file_pread(fd, item->bytes, item->size, 0, path, &err), &err);
}

static void make_volume(struct state *state, uint64_t number, struct dr_label *ret_label)
{
    dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
    const struct dr_key *key = state->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .threshold = 1};
    struct dr_err err = DR_ERR_INIT;
    char path[128];
    char frame[128];
    dr_autoclose int fd = -1;
    dr_autoclose int from = -1;

    snprintf(path, sizeof path, "%s/b.%03u", state->folder, (unsigned)number);
    snprintf(frame, sizeof frame, "%s/whole", state->folder);
    fd = open(path, O_RDWR | O_CREAT, 0644);
    from = open(frame, O_RDONLY);
    check_ok(dr_file_pwrite(fd, state->bundle + dr_slice_offset(&state->set, number),
                            dr_slice_size(&state->set, number), 0, path, &err),
             &err);
    check_ok(dr_volume_seal(&state->set, number, fd, from, state->key, path, NULL, &err), &err);
    check_ok(dr_volume_read(fd, &trust, &volume, &err), &err);
    *ret_label = volume.label;
    volume.label.text = NULL;
    keep(state, path);
}

static void make_parity(struct state *state, const struct dr_label *labels, unsigned percent)
{
    char output[128];
    const struct dr_parity_wish wish = {.output = output,
                                        .percent = percent,
                                        .limit = labels ? LIMIT : 0,
                                        .set = &state->set,
                                        .labels = labels,
                                        .read = read_bundle,
                                        .context = state,
                                        .key = state->key};
    const struct dr_log log = {.verbosity = -1, .form = DR_LOG_NONE};
    struct dr_parity_made made;
    struct dr_err err = DR_ERR_INIT;

    snprintf(output, sizeof output, "%s/b", state->folder);
    check_ok(dr_parity_make(&wish, &log, &made, &err), &err);
    for (unsigned i = 0; i < made.files; i++) {
        dr_autofree char *path = dr_parity_path(output, labels ? i + 1 : 0, &err);

        keep(state, path);
    }
}

static struct state *begin(void)
{
    struct state *state = calloc(1, sizeof *state);
    struct dr_err err = DR_ERR_INIT;

    snprintf(state->folder, sizeof state->folder, "%s/drover-test.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(state->folder));
    state->key = dr_key_new(&err);
    state->other_key = dr_key_new_ed25519(&err);
    make_bundle(state);
    return state;
}

static int set_up_volumes(void **context)
{
    struct state *state = begin();
    struct dr_label labels[FILES_MAX];
    struct dr_err err = DR_ERR_INIT;
    char whole[128];

    *context = state;
    snprintf(whole, sizeof whole, "%s/whole", state->folder);
    check_ok(dr_file_save(whole, 0644, state->bundle, state->set.total, &err), &err);
    check_ok(dr_volume_split(&state->set, LIMIT, &err), &err);
    assert_int_equal(state->set.count, 3);
    for (uint64_t i = 0; i < state->set.count; i++)
        make_volume(state, i + 1, &labels[i]);
    make_parity(state, labels, 40);
    for (uint64_t i = 0; i < state->set.count; i++)
        dr_label_release(&labels[i]);
    unlink(whole);
    return 0;
}

static int set_up_bundle(void **context)
{
    struct state *state = begin();
    struct dr_err err = DR_ERR_INIT;
    char path[128];

    *context = state;
    snprintf(path, sizeof path, "%s/b", state->folder);
    check_ok(dr_file_save(path, 0644, state->bundle, state->set.total, &err), &err);
    state->set.count = 1;
    state->set.slice = dr_volume_chunks(state->set.total) * CHUNK;
    keep(state, path);
    make_parity(state, NULL, 10);
    return 0;
}

static void remove_folder(const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        unlink(path);
        free(names[i]);
    }
    free(names);
    rmdir(folder);
}

static int tear_down(void **context)
{
    struct state *state = *context;

    for (size_t i = 0; i < state->count; i++)
        free(state->files[i].bytes);
    remove_folder(state->folder);
    if (state->report)
        fclose(state->report);
    free(state->text);
    free(state->bundle);
    dr_volume_set_release(&state->set);
    dr_layout_release(&state->layout);
    dr_key_free(state->key);
    dr_key_free(state->other_key);
    free(state);
    return 0;
}

/* ---- damage and repair */

static int repair_with(struct state *state, const struct dr_key *key, const char *folder,
                       bool dry_run, struct dr_err *err)
{
    char path[128];
    const char *const paths[] = {path};
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .threshold = 1};
    const struct dr_log log = {.verbosity = -1, .form = DR_LOG_NONE};
    struct dr_repair_options options = {
        .find = {.paths = paths, .path_count = 1, .trust = &trust},
        .folder = folder,
        .dry_run = dry_run,
    };
    int done;

    snprintf(path, sizeof path, "%s/b", state->folder);
    if (state->report)
        fclose(state->report);
    free(state->text);
    state->text = NULL;
    options.out = state->report = open_memstream(&state->text, &state->text_size);
    done = dr_repair_run(&options, &log, err);
    fflush(state->report);
    return done;
}

static int repair(struct state *state, struct dr_err *err)
{
    return repair_with(state, state->key, NULL, false, err);
}

static bool is_right(const struct item *item)
{
    dr_autofree unsigned char *found = malloc(item->size);
    dr_autoclose int fd = open(item->path, O_RDONLY);
    struct stat info;

    return fd >= 0 && fstat(fd, &info) == 0 && (uint64_t)info.st_size == item->size &&
           pread(fd, found, item->size, 0) == (ssize_t)item->size &&
           memcmp(found, item->bytes, item->size) == 0;
}

static void check_all_right(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        if (!is_right(&state->files[i]))
            fail_msg("'%s' is not as it was\n%s", state->files[i].path, state->text);
    }
}

static void put_back(const struct item *item)
{
    struct dr_err err = DR_ERR_INIT;

    check_ok(dr_file_save(item->path, 0644, item->bytes, item->size, &err), &err);
}

/* Turns over all bits of a piece. */
static void damage(const struct item *item, uint64_t offset, uint64_t size)
{
    dr_autofree unsigned char *bytes = malloc(size);
    dr_autoclose int fd = open(item->path, O_RDWR);

    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)~item->bytes[offset + i];
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), size);
}

/* Damages that piece, and wants it back. */
static void check_restored(struct state *state, const struct item *item, uint64_t offset,
                           uint64_t size)
{
    struct dr_err err = DR_ERR_INIT;

    damage(item, offset, size);
    if (repair(state, &err) < 0)
        fail_msg("%s from %llu on: %s", item->path, (unsigned long long)offset, err.text);
    if (!is_right(item))
        fail_msg("%s is not restored from %llu on\n%s", item->path, (unsigned long long)offset,
                 state->text);
}

static void a_good_set_is_left_alone(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    check_ok(repair(state, &err), &err);
    check_all_right(state);
    assert_non_null(strstr(state->text, "nothing is damaged"));
}

/* With DROVER_TEST_ALL every byte of what is around the chunks, and every sector; else some of each part. */
static void any_byte_comes_back(void **context)
{
    struct state *state = *context;
    bool all = getenv("DROVER_TEST_ALL") != NULL;

    for (size_t i = 0; i < state->count; i++) {
        const struct item *item = &state->files[i];
        uint64_t dense = item->size > 20000 ? item->size - 20000 : 0;

        for (uint64_t at = 0; at < item->size; at += !(at < 8000 || at > dense)
                                                         ? (all ? 997 : 39989)
                                                     : all ? 1
                                                           : 631)
            check_restored(state, item, at, 1);
    }
    check_all_right(state);
}

static void any_sector_comes_back(void **context)
{
    struct state *state = *context;
    uint64_t step = getenv("DROVER_TEST_ALL") ? 512 : 512 * 131;

    for (size_t i = 0; i < state->count; i++) {
        const struct item *item = &state->files[i];

        for (uint64_t at = 0; at < item->size; at += step)
            check_restored(state, item, at, item->size - at < 512 ? item->size - at : 512);
    }
    check_all_right(state);
}

static void any_volume_may_be_lost(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = 0; i < state->set.count; i++) {
        unlink(state->files[i].path);
        check_ok(repair(state, &err), &err);
        assert_non_null(strstr(state->text, "was missing, made again"));
        check_all_right(state);
    }
}

static void a_file_may_be_cut_or_have_something_behind_it(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = 0; i < state->count; i++) {
        assert_int_equal(truncate(state->files[i].path, (off_t)state->files[i].size - 3000), 0);
        check_ok(repair(state, &err), &err);
        check_all_right(state);
        assert_int_equal(truncate(state->files[i].path, (off_t)state->files[i].size + 3000), 0);
        check_ok(repair(state, &err), &err);
        check_all_right(state);
    }
}

static void the_label_and_a_chunk_of_every_volume_may_be_lost(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = 0; i < state->count; i++) {
        damage(&state->files[i], state->files[i].size - 700, 700);
        damage(&state->files[i], 70000 * (i + 1), 100);
    }
    check_ok(repair(state, &err), &err);
    check_all_right(state);
}

static void exactly_so_much_may_be_lost(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    /* One stripe of 20 chunks, 2 of parity. */
    damage(&state->files[0], 0, 1);
    damage(&state->files[0], state->set.total - 1, 1);
    check_ok(repair(state, &err), &err);
    check_all_right(state);
    damage(&state->files[0], 0, 1);
    damage(&state->files[0], 7 * CHUNK + 600, 1);
    damage(&state->files[0], 9 * CHUNK, 1);
    check_fails(repair(state, &err), &err, DR_ERR_VERIFY,
                "3 chunks (196.6 kB) of the bundle cannot be restored: up to 1 chunks too many are "
                "gone");
    assert_non_null(strstr(state->text, "bytes 458752 to 524287, not restored"));
    put_back(&state->files[0]);
    damage(&state->files[0], 0, 2 * CHUNK);
    damage(&state->files[1], state->files[1].size / 2, 1);
    check_fails(repair(state, &err), &err, DR_ERR_VERIFY, "2 chunks (131.1 kB) of the bundle");
    put_back(&state->files[0]);
    check_ok(repair(state, &err), &err);
    check_all_right(state);
}

static void a_dry_run_writes_nothing(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    damage(&state->files[0], 100000, 1);
    check_ok(repair_with(state, state->key, NULL, true, &err), &err);
    assert_non_null(strstr(state->text, "bytes 99840 to 100351: "));
    assert_non_null(strstr(state->text, "damaged, can be restored"));
    assert_false(is_right(&state->files[0]));
    check_ok(repair(state, &err), &err);
    check_all_right(state);
}

static void nobody_elses_parity_is_believed(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    damage(&state->files[0], 100000, 1);
    check_fails(repair_with(state, state->other_key, NULL, false, &err), &err, DR_ERR_VERIFY,
                "the label");
    assert_false(is_right(&state->files[0]));
}

static void copies_complete_each_other(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;
    struct item copy = state->files[0];

    snprintf(copy.path, sizeof copy.path, "%s/copy", state->folder);
    put_back(&copy);
    for (size_t i = state->set.count; i < state->count; i++)
        unlink(state->files[i].path);
    damage(&state->files[0], 10, 70000);
    damage(&copy, 3 * CHUNK, 100);
    check_ok(repair(state, &err), &err);
    assert_true(is_right(&state->files[0]));
    assert_true(is_right(&copy));
}

/* ---- a medium that does not give some of its sectors */

static struct {
    ino_t inode; /* 0: all is readable */
    uint64_t from;
    uint64_t to;
} unreadable;

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    struct stat info;

    if (unreadable.inode && fstat(fd, &info) == 0 && info.st_ino == unreadable.inode &&
        (uint64_t)offset < unreadable.to && (uint64_t)offset + size > unreadable.from) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, data, size, offset);
}

static void make_unreadable(const struct item *item, uint64_t from, uint64_t size)
{
    struct stat info;

    assert_int_equal(stat(item->path, &info), 0);
    unreadable.inode = info.st_ino;
    unreadable.from = from;
    unreadable.to = from + size;
}

static void what_cannot_be_read_is_restored(void **context)
{
    struct state *state = *context;
    struct item made = state->files[0];
    struct dr_err err = DR_ERR_INIT;
    char folder[80];

    snprintf(folder, sizeof folder, "%s.out", state->folder);
    snprintf(made.path, sizeof made.path, "%s/b", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    make_unreadable(&state->files[0], 66000, 1000);
    check_ok(repair_with(state, state->key, folder, false, &err), &err);
    assert_non_null(strstr(state->text, "bytes 65536 to 67071, unreadable"));
    assert_true(is_right(&made));
    remove_folder(folder);
    check_fails(repair(state, &err), &err, DR_ERR_PROOF, "does not read back as it was written");
    unreadable.inode = 0;
    check_all_right(state);
}

/* So too of what is around the chunks. */
static void ends_that_cannot_be_read_are_no_end(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = 0; i < state->count; i++) {
        make_unreadable(&state->files[i], state->files[i].size - 2000, 2000);
        check_ok(repair_with(state, state->key, NULL, true, &err), &err);
        assert_non_null(strstr(state->text, "damaged, can be restored"));
    }
    unreadable.inode = 0;
    check_all_right(state);
}

static void without_parity_the_map_is_shown(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = state->set.count; i < state->count; i++)
        unlink(state->files[i].path);
    damage(&state->files[0], 10, 1);
    unlink(state->files[2].path);
    check_fails(repair(state, &err), &err, DR_ERR_VERIFY, "there is no parity file here");
    assert_non_null(strstr(state->text, "kB, missing, cannot be made again"));
}

static void restored_copies_go_elsewhere(void **context)
{
    struct state *state = *context;
    struct dr_err err = DR_ERR_INIT;
    char folder[80];

    snprintf(folder, sizeof folder, "%s.out", state->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    damage(&state->files[0], 10, 70000);
    damage(&state->files[1], state->files[1].size - 600, 600);
    unlink(state->files[2].path);
    check_ok(repair_with(state, state->key, folder, false, &err), &err);
    assert_false(is_right(&state->files[0]));
    for (size_t i = 0; i < 3; i++) {
        struct item made = state->files[i];

        snprintf(made.path, sizeof made.path, "%s/b.%03zu", folder, i + 1);
        assert_true(is_right(&made));
    }
    remove_folder(folder);
}

int main(void)
{
#define WITH_VOLUMES(test) cmocka_unit_test_setup_teardown(test, set_up_volumes, tear_down)
#define WITH_BUNDLE(test) cmocka_unit_test_setup_teardown(test, set_up_bundle, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_VOLUMES(a_good_set_is_left_alone),
        WITH_BUNDLE(a_good_set_is_left_alone),
        WITH_VOLUMES(any_byte_comes_back),
        WITH_BUNDLE(any_byte_comes_back),
        WITH_VOLUMES(any_sector_comes_back),
        WITH_BUNDLE(any_sector_comes_back),
        WITH_VOLUMES(any_volume_may_be_lost),
        WITH_VOLUMES(a_file_may_be_cut_or_have_something_behind_it),
        WITH_BUNDLE(a_file_may_be_cut_or_have_something_behind_it),
        WITH_VOLUMES(the_label_and_a_chunk_of_every_volume_may_be_lost),
        WITH_BUNDLE(exactly_so_much_may_be_lost),
        WITH_BUNDLE(a_dry_run_writes_nothing),
        WITH_VOLUMES(a_dry_run_writes_nothing),
        WITH_BUNDLE(nobody_elses_parity_is_believed),
        WITH_VOLUMES(nobody_elses_parity_is_believed),
        WITH_BUNDLE(what_cannot_be_read_is_restored),
        WITH_VOLUMES(ends_that_cannot_be_read_are_no_end),
        WITH_VOLUMES(copies_complete_each_other),
        WITH_VOLUMES(without_parity_the_map_is_shown),
        WITH_VOLUMES(restored_copies_go_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
