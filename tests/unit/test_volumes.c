/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
/* A bundle in volumes: read from wherever they are, and what is missing, mixed up or damaged is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/damage.h"
#include "bundle/file/media.h"
#include "bundle/file/reader_parts.h"
#include "bundle/file/volumes.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"

#define LIMIT 90000
#define VOLUMES 4
#define PATH 4300

struct stack {
    struct kit *kit;
    struct dr_bundle_trust trust;
    char folder[PATH]; /* with the volumes */
    char other[PATH];
    char *layers[3];
};

/* Text without a pattern that a shift would hide. */
static char *make_layer(size_t size, uint32_t seed)
{
    char *text = malloc(size + 1);

    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (char)('a' + (seed >> 24) % 26);
    }
    text[size] = '\0';
    return text;
}

static void write_bundle(struct stack *stack)
{
    const char *server[] = {stack->layers[0], stack->layers[1], NULL};
    const char *agent[] = {stack->layers[0], stack->layers[2], NULL};

    kit_write_of(stack->kit, stack->kit->path, NULL, server, agent);
}

static void write_slice(const struct dr_bundle *bundle, const struct dr_volume_set *set,
                        uint64_t number, int fd)
{
    uint64_t size = dr_slice_size(set, number);
    dr_autofree char *data = malloc(size);

    assert_int_equal(dr_bundle_file_read(bundle, dr_slice_offset(set, number), data, size, NULL),
                     size);
    assert_int_equal(dr_file_pwrite(fd, data, size, 0, "test", NULL), 0);
}

static void describe(const struct dr_bundle *bundle, struct dr_volume_set *set)
{
    const struct dr_layout *layout = &bundle->envelope.layout;
    dr_autofree bool *left_out = calloc(layout->count, sizeof *left_out);
    struct dr_err err = DR_ERR_INIT;

    for (size_t i = 0; i < bundle->blob_count; i++)
        left_out[AT_BLOBS + i] = bundle->blobs[i].layer;
    check_ok(dr_volume_set_frame(set, layout, left_out, &err), &err);
    set->sums = bundle->document.about.sums;
    set->created = strdup(bundle->document.about.created);
    set->channel = strdup("default");
    set->release = strdup("v1.0.2");
    set->serial = KIT_TIME;
}

/* FOLDER/x.001 and on of the kit's bundle; returns how many. */
static uint64_t split(const struct stack *stack, const char *folder, uint64_t limit)
{
    dr_auto_volume_set struct dr_volume_set set = DR_VOLUME_SET_INIT;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(stack->kit->path, &stack->trust, &err);

    check_ok(bundle ? 0 : -1, &err);
    describe(bundle, &set);
    check_ok(dr_volume_split(&set, limit, &err), &err);
    for (uint64_t i = 1; i <= set.count; i++) {
        char path[PATH + 16];
        dr_autoclose int fd = -1;

        snprintf(path, sizeof path, "%s/x.%03d", folder, (int)i);
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        write_slice(bundle, &set, i, fd);
        check_ok(
            dr_volume_seal(&set, i, fd, bundle->envelope.fd, stack->kit->key, path, NULL, &err),
            &err);
    }
    return set.count;
}

static const char *path_of(const struct stack *stack, uint64_t number)
{
    static char path[PATH + 16];

    snprintf(path, sizeof path, "%s/x.%03d", stack->folder, (int)number);
    return path;
}

static int set_up(void **state)
{
    struct stack *stack = calloc(1, sizeof *stack);
    void *kit = NULL;

    if (kit_setup(&kit) < 0)
        return -1;
    stack->kit = kit;
    stack->trust = (struct dr_bundle_trust){.keys = (const struct dr_key *const *)&stack->kit->key,
                                            .key_count = 1,
                                            .threshold = 1,
                                            .now = KIT_TIME};
    for (size_t i = 0; i < 3; i++)
        stack->layers[i] = make_layer(70001 + 9000 * i, (uint32_t)i);
    write_bundle(stack);
    snprintf(stack->folder, sizeof stack->folder, "%s/volumes", stack->kit->folder);
    snprintf(stack->other, sizeof stack->other, "%s/other", stack->kit->folder);
    assert_int_equal(mkdir(stack->folder, 0700) | mkdir(stack->other, 0700), 0);
    assert_int_equal(split(stack, stack->folder, LIMIT), VOLUMES);
    *state = stack;
    return 0;
}

static int tear_down(void **state)
{
    struct stack *stack = *state;
    void *kit = stack->kit;
    dr_autofree char *command = NULL;

    assert_true(asprintf(&command, "rm -r '%s' '%s'", stack->folder, stack->other) > 0);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < 3; i++)
        free(stack->layers[i]);
    free(stack);
    return kit_teardown(&kit);
}

/* What verify does of volumes. */
static int verify(const struct stack *stack, const char *path, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(path, &stack->trust, err);

    if (!bundle || dr_bundle_hash_layers(bundle, NULL, err) < 0)
        return -1;
    for (uint64_t i = 1; i <= VOLUMES; i++) {
        struct dr_damage damage;

        check_ok(dr_damage_check_rest(dr_bundle_volumes(bundle), i, &damage, err), err);
        if (!dr_damage_is_none(&damage))
            return dr_fail(err, DR_ERR_VERIFY, "volume %d of 4: %s", (int)i, damage.why.text);
    }
    return 0;
}

/* Refused with that code, and the words are among what is said. */
static void refused(const struct stack *stack, const char *path, enum dr_code code,
                    const char *words)
{
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(verify(stack, path, &err), -1);
    if (!strstr(err.text, words))
        fail_msg("no '%s' in: %s", words, err.text);
    assert_int_equal(err.code, code);
}

static void together_they_are_the_bundle(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(stack->folder, &stack->trust, &err);
    dr_auto_buf struct dr_buf right = DR_BUF_INIT(1u << 20);
    dr_autofree char *found = malloc(1u << 20);

    check_ok(bundle ? 0 : -1, &err);
    check_ok(verify(stack, stack->folder, &err), &err);
    check_ok(dr_file_read(stack->kit->path, &right, &err), &err);
    assert_int_equal(dr_bundle_file_size(bundle), right.size);
    assert_int_equal(dr_bundle_file_read(bundle, 0, found, 1u << 20, &err), right.size);
    assert_memory_equal(found, right.data, right.size);
    for (uint64_t at = 0; at < right.size;) {
        uint64_t place;
        uint64_t size;
        int fd;

        check_ok(dr_bundle_file_place(bundle, at, &fd, &place, &size, &err), &err);
        assert_true(size > 0 && at + size <= right.size);
        check_ok(dr_file_pread(fd, found, size, place, "test", &err), &err);
        assert_memory_equal(found, right.data + at, size);
        at += size;
    }
}

static void names_order_and_folders_do_not_matter(void **state)
{
    struct stack *stack = *state;
    const char *media[] = {stack->other, stack->folder};
    struct dr_err err = DR_ERR_INIT;
    char to[PATH + 16];

    snprintf(to, sizeof to, "%s/a", stack->other);
    assert_int_equal(rename(path_of(stack, 3), to), 0);
    snprintf(to, sizeof to, "%s/x.004", stack->other);
    assert_int_equal(rename(path_of(stack, 1), to), 0);
    refused(stack, stack->folder, DR_ERR_REFUSED, "volumes 1 and 3 of 4 of Rancher v1.0.2");
    stack->trust.media = media;
    stack->trust.media_count = 2;
    check_ok(verify(stack, stack->folder, &err), &err);
    check_ok(verify(stack, to, &err), &err);
}

static void media_may_be_mounted_below_one_folder(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;

    for (uint64_t i = 1; i <= VOLUMES; i++) {
        char path[PATH + 64];

        snprintf(path, sizeof path, "%s/disc %d", stack->other, (int)i);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/disc %d/v", stack->other, (int)i);
        assert_int_equal(rename(path_of(stack, i), path), 0);
    }
    check_ok(verify(stack, stack->other, &err), &err);
    refused(stack, stack->kit->folder, DR_ERR_IO, "there is no volume"); /* not two below */
}

static void one_volume_tells_everything_but_layers(void **state)
{
    const struct stack *stack = *state;

    for (uint64_t i = 1; i <= VOLUMES; i++) {
        dr_auto_bundle struct dr_bundle *bundle = NULL;
        struct dr_err err = DR_ERR_INIT;
        char to[PATH + 16];
        size_t count;

        snprintf(to, sizeof to, "%s/one", stack->other);
        assert_int_equal(rename(path_of(stack, i), to), 0);
        bundle = dr_bundle_open(stack->other, &stack->trust, &err);
        check_ok(bundle ? 0 : -1, &err);
        assert_string_equal(dr_bundle_about(bundle)->release, "v1.0.2");
        dr_bundle_images(bundle, &count);
        assert_int_equal(count, 2);
        assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), -1);
        assert_int_equal(err.code, DR_ERR_REFUSED);
        assert_int_equal(rename(to, path_of(stack, i)), 0);
    }
}

static void any_that_is_missing_is_named(void **state)
{
    const struct stack *stack = *state;

    for (uint64_t i = 1; i <= VOLUMES; i++) {
        char words[64];
        char to[PATH + 16];

        snprintf(to, sizeof to, "%s/away", stack->other);
        assert_int_equal(rename(path_of(stack, i), to), 0);
        snprintf(words, sizeof words, "volume %d of 4 of Rancher v1.0.2 ", (int)i);
        refused(stack, stack->folder, DR_ERR_REFUSED, words);
        assert_int_equal(rename(to, path_of(stack, i)), 0);
    }
}

/* Another bundle's volumes are made from the same layers in another order. */
static void split_other(struct stack *stack)
{
    char *first = stack->layers[0];

    stack->layers[0] = stack->layers[1];
    stack->layers[1] = first;
    write_bundle(stack);
    split(stack, stack->other, LIMIT);
}

static void parts_of_two_bundles_are_told_apart(void **state)
{
    struct stack *stack = *state;
    char from[PATH + 16];

    split_other(stack);
    snprintf(from, sizeof from, "%s/x.002", stack->other);
    assert_int_equal(rename(from, path_of(stack, 2)), 0);
    refused(stack, stack->folder, DR_ERR_REFUSED, "volume 2 of 4 of Rancher v1.0.2");
    refused(stack, stack->folder, DR_ERR_REFUSED, "x.002' is of another bundle: volume 2 of 4 of");
    snprintf(from, sizeof from, "%s/x.003", stack->other);
    assert_int_equal(rename(from, path_of(stack, 3)), 0);
    refused(stack, stack->folder, DR_ERR_REFUSED, "there are volumes of more than one bundle");
    refused(stack, path_of(stack, 1), DR_ERR_REFUSED, "volumes 2 and 3 of 4");
}

static void the_same_bundle_in_other_sizes_is_no_part_of_it(void **state)
{
    struct stack *stack = *state;
    char from[PATH + 16];

    assert_int_equal(split(stack, stack->other, 400000), 1);
    snprintf(from, sizeof from, "%s/x.001", stack->other);
    assert_int_equal(rename(from, path_of(stack, 4)), 0);
    refused(stack, path_of(stack, 2), DR_ERR_REFUSED, "split into other sizes");
    refused(stack, stack->folder, DR_ERR_REFUSED, "was split twice, into other sizes: '");
}

/* As far as its label goes. */
static void parity_by_another_key_is_no_bad_volume(void **state)
{
    struct stack *stack = *state;
    dr_auto_label struct dr_label label = DR_LABEL_INIT;
    json_auto_t *json = json_pack("{s:s}", "format", DR_PARITY_FORMAT);
    struct dr_err err = DR_ERR_INIT;
    char path[PATH + 16];
    dr_autoclose int fd = -1;

    snprintf(path, sizeof path, "%s/x.p01", stack->folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check_ok(dr_label_make(json, stack->kit->other_key, &label, &err), &err);
    check_ok(dr_label_write(&label, fd, 0, path, &err), &err);
    assert_int_equal(unlink(path_of(stack, 2)), 0);
    refused(stack, stack->folder, DR_ERR_REFUSED, "'drover repair' can perhaps make it again");
}

static void a_copy_is_no_second_volume(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(1u << 20);
    const struct dr_stray *strays;
    char to[PATH + 16];
    size_t count;

    check_ok(dr_file_read(path_of(stack, 2), &text, &err), &err);
    snprintf(to, sizeof to, "%s/z", stack->folder);
    check_ok(dr_file_save(to, 0600, text.data, text.size, &err), &err);
    snprintf(to, sizeof to, "%s/hard-link", stack->folder);
    assert_int_equal(link(path_of(stack, 1), to), 0);
    check_ok(verify(stack, stack->folder, &err), &err);
    bundle = dr_bundle_open(stack->folder, &stack->trust, &err);
    strays = dr_volumes_strays(dr_bundle_volumes(bundle), &count);
    assert_int_equal(count, 1);
    assert_int_equal(strays[0].kind, DR_STRAY_COPY);
    assert_non_null(strstr(strays[0].path, "/z"));
}

/* Other bytes at that place; what was there goes to `kept` (may be NULL). */
static void change(const char *path, off_t at, char *kept, const char *with, size_t size)
{
    dr_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);

    if (kept)
        assert_int_equal(pread(fd, kept, size, at), size);
    if (with)
        assert_int_equal(pwrite(fd, with, size, at), size);
}

static uint64_t size_of(const char *path)
{
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    return (uint64_t)info.st_size;
}

/* No damage passes, and it is told which volume has it. */
static void damaged(const struct stack *stack, uint64_t number, off_t at, size_t size)
{
    char kept[512];
    char bad[512];
    char place[32];
    char file[32];
    struct dr_err err = DR_ERR_INIT;

    change(path_of(stack, number), at, kept, NULL, size);
    for (size_t i = 0; i < size; i++)
        bad[i] = (char)(kept[i] ^ (size == 1 || i == 7 ? 0x10 : 0));
    change(path_of(stack, number), at, NULL, bad, size);
    assert_int_equal(verify(stack, stack->folder, &err), -1);
    assert_true(err.code == DR_ERR_VERIFY || err.code == DR_ERR_REFUSED);
    snprintf(place, sizeof place, "volume %d of 4", (int)number);
    snprintf(file, sizeof file, "x.%03d'", (int)number);
    if (!strstr(err.text, place) && !strstr(err.text, file))
        fail_msg("byte %lld of volume %d: %s", (long long)at, (int)number, err.text);
    change(path_of(stack, number), at, NULL, kept, size);
}

static void every_damage_is_found_and_its_volume_named(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;

    for (uint64_t i = 1; i <= VOLUMES; i++) {
        uint64_t size = size_of(path_of(stack, i));

        for (uint64_t at = i; at < size; at += at < 65000 || i > 2 ? 1511 : 101)
            damaged(stack, i, (off_t)at, 1);
        for (uint64_t at = 0; at + 512 <= size; at += 512 * (i == 1 ? 1 : 5))
            damaged(stack, i, (off_t)at, 512);
    }
    check_ok(verify(stack, stack->folder, &err), &err);
}

static void damage_in_a_layer_is_told_with_its_bytes_and_image(void **state)
{
    const struct stack *stack = *state;

    change(path_of(stack, 2), 10, NULL, "?", 1);
    refused(stack, stack->folder, DR_ERR_VERIFY,
            "x.002') is damaged: bytes 0 to 65536, where sha256:");
    refused(stack, stack->folder, DR_ERR_VERIFY, "of rancher/");
    refused(stack, stack->folder, DR_ERR_VERIFY, "bring volume 2 again");
}

static void what_is_behind_a_layer_is_no_place_to_hide(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(stack->folder, &stack->trust, &err);
    const struct dr_volume_set *set = dr_volumes_set(dr_bundle_volumes(bundle));
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(bundle, &count);
    uint64_t end = blobs[count - 1].offset + blobs[count - 1].size;

    assert_true(dr_padding(blobs[count - 1].size) > 0);
    change(path_of(stack, dr_slice_number(set, end)),
           (off_t)(end - dr_slice_offset(set, dr_slice_number(set, end))), NULL, "x", 1);
    assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
}

static void what_cannot_be_read_is_damaged(void **state)
{
    const struct stack *stack = *state;
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(stack->folder, &stack->trust, &err);

    check_ok(bundle ? 0 : -1, &err);
    assert_int_equal(truncate(path_of(stack, 3), 100), 0);
    assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    assert_non_null(strstr(err.text, "volume 3 of 4"));
}

static void what_is_no_ordinary_file_is_passed_over(void **state)
{
    struct stack *stack = *state;
    const char *media[] = {stack->other};
    struct dr_err err = DR_ERR_INIT;
    char path[PATH + 16];

    snprintf(path, sizeof path, "%s/pipe.001", stack->other);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/link.002", stack->other);
    assert_int_equal(symlink(path_of(stack, 2), path), 0);
    snprintf(path, sizeof path, "%s/sub.003", stack->other);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/empty.004", stack->other);
    check_ok(dr_file_save(path, 0600, "", 0, &err), &err);
    refused(stack, stack->other, DR_ERR_IO, "empty.004' cannot be used: it has no label");
    stack->trust.media = media;
    stack->trust.media_count = 1;
    check_ok(verify(stack, stack->folder, &err), &err);
    media[0] = "/nonexistent";
    refused(stack, stack->folder, DR_ERR_IO, "look for volumes in '/nonexistent'");
}

static void a_folder_with_too_many_files_is_not_looked_through(void **state)
{
    const struct stack *stack = *state;

    for (int i = 0; i <= DR_MEDIA_ENTRIES_MAX; i++) {
        char path[PATH + 16];

        snprintf(path, sizeof path, "%s/%d", stack->other, i);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    refused(stack, stack->other, DR_ERR_IO, "has more than 4096 files");
}

static void a_strangers_volumes_are_not_read(void **state)
{
    struct stack *stack = *state;

    stack->trust.keys = (const struct dr_key *const *)&stack->kit->other_key;
    refused(stack, path_of(stack, 1), DR_ERR_VERIFY, "the label: the signature is not by");
    refused(stack, stack->folder, DR_ERR_IO, "there is no volume");
}

#define WITH_STACK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STACK(together_they_are_the_bundle),
        WITH_STACK(names_order_and_folders_do_not_matter),
        WITH_STACK(media_may_be_mounted_below_one_folder),
        WITH_STACK(one_volume_tells_everything_but_layers),
        WITH_STACK(any_that_is_missing_is_named),
        WITH_STACK(parts_of_two_bundles_are_told_apart),
        WITH_STACK(the_same_bundle_in_other_sizes_is_no_part_of_it),
        WITH_STACK(parity_by_another_key_is_no_bad_volume),
        WITH_STACK(a_copy_is_no_second_volume),
        WITH_STACK(every_damage_is_found_and_its_volume_named),
        WITH_STACK(damage_in_a_layer_is_told_with_its_bytes_and_image),
        WITH_STACK(what_is_behind_a_layer_is_no_place_to_hide),
        WITH_STACK(what_cannot_be_read_is_damaged),
        WITH_STACK(what_is_no_ordinary_file_is_passed_over),
        WITH_STACK(a_folder_with_too_many_files_is_not_looked_through),
        WITH_STACK(a_strangers_volumes_are_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
