/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle/file/check.h"
#include "tests/unit/bundle_kit.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void tells_what_the_writer_was_told(void **state)
{
    const struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    struct dr_err err = DR_ERR_INIT;
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, &err);
    const struct dr_bundle_about *about;
    const struct dr_bundle_image *images;
    struct dr_digest key_id;
    size_t count;

    assert_string_equal(err.text, "");
    assert_non_null(bundle);
    about = dr_bundle_about(bundle);
    assert_string_equal(about->release, "v1.0.2");
    assert_string_equal(about->builder, "drover test");
    assert_string_equal(about->created, "2016-05-26T18:13:38Z");
    assert_int_equal(about->serial, KIT_TIME);
    assert_true(about->verified);
    assert_int_equal(dr_key_id(key, &key_id, &err), 0);
    assert_true(dr_digest_equal(&key_id, &about->signers.ids[0]));
    images = dr_bundle_images(bundle, &count);
    assert_int_equal(count, 2);
    assert_string_equal(images[0].role, DR_ROLE_SERVER);
    assert_string_equal(images[0].reference.repository, "rancher/server");
    assert_int_equal(images[0].content.layer_count, 4);
    assert_null(images[0].warnings[0]);
    assert_string_equal(images[1].warnings[0], "a warning");
    assert_null(images[1].warnings[1]);
    assert_ptr_equal(dr_bundle_image_with_role(bundle, DR_ROLE_AGENT), &images[1]);
    assert_null(dr_bundle_image_with_role(bundle, "none"));
    assert_int_equal(about->members, END);
    assert_int_equal(about->layer_bytes, strlen("base layer"
                                                "empty"
                                                "server layer"
                                                "agent layer"));
}

/* Made by earlier drovers, one for each version of readers: whatever comes later must read them. */
static void bundles_of_earlier_drovers_are_still_good(void **state)
{
    static const struct {
        const char *key, *path;
        size_t blobs;
    } rows[] = {
        {TEST_DATA "/bundle/v1.pub", TEST_DATA "/bundle/v1.bundle.tar", 6},
        {TEST_DATA "/bundle/v2.pub", TEST_DATA "/bundle/v2.bundle.tar", 5},  /* a delta of v1 */
        {TEST_DATA "/bundle/v3.pub", TEST_DATA "/bundle/v3.bundle.tar", 12}, /* with lists */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_key struct dr_key *key = dr_key_read_public(rows[i].key, NULL);
        const struct dr_key *keys[] = {key};
        const struct dr_bundle_trust trust = {.keys = keys, .key_count = 1, .now = KIT_TIME};
        struct dr_err err = DR_ERR_INIT;
        dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(rows[i].path, &trust, &err);
        size_t count;

        assert_string_equal(err.text, "");
        assert_non_null(bundle);
        assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), 0);
        assert_string_equal(dr_bundle_about(bundle)->created, "2016-05-26T18:13:38Z");
        dr_bundle_blobs(bundle, &count);
        assert_int_equal(count, rows[i].blobs);
    }
}

/* Sparse, so that it costs nothing: opening checks everything but the bytes of layers. */
static void a_layer_beyond_8_gib_has_its_place(void **state)
{
#define LARGE "9663676417" /* 9 GiB + 1 */
    static const char config[] = "{}";
    struct kit *kit = *state;
    dr_auto_writer struct dr_writer writer = DR_WRITER_INIT;
    dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(4096);
    const struct dr_bundle_about about = {
        .builder = "b", .created = "2016-05-26T18:13:38Z", .channel = "c", .serial = 1};
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    const struct dr_bundle_blob *blobs;
    struct dr_bundle_image image = {.role = DR_ROLE_EXTRA, .platform = "linux/amd64"};
    struct dr_descriptor of_config;
    struct dr_err err = DR_ERR_INIT;
    char digest[DR_DIGEST_TEXT];
    size_t count;
    int fd = open(kit->path, O_RDWR | O_TRUNC | O_CLOEXEC);

    kit_digest(config, &of_config);
    dr_buf_printf(&manifest, NULL,
                  "{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":2},\"layers\":["
                  "{\"digest\":\"sha256:" HEX "\",\"size\":" LARGE "},"
                  "{\"digest\":\"%s\",\"size\":2}]}",
                  dr_digest_text(&of_config.digest, digest), digest);
    assert_int_equal(dr_reference_parse("large:1", &image.reference, NULL), 0);
    assert_int_equal(dr_image_manifest_parse(manifest.data, manifest.size, &image.content, &err),
                     0);
    kit_digest(manifest.data, &image.manifest);
    memcpy(image.manifest.media_type, image.content.media_type, DR_MEDIA_TYPE_MAX);
    assert_int_equal(dr_writer_plan(&writer, &about, &image, 1, &err), 0);
    assert_int_equal(ftruncate(fd, (off_t)dr_layout_total(&writer.layout)), 0);
    assert_int_equal(dr_writer_frame(&writer, fd, &err), 0);
    kit_put(fd, &writer, manifest.data);
    kit_put(fd, &writer, config);
    assert_int_equal(dr_writer_sign(&writer, fd, kit->key, &err), 0);
    close(fd);
    bundle = dr_bundle_open(kit->path, &trust, &err);
    assert_string_equal(err.text, "");
    assert_non_null(bundle);
    blobs = dr_bundle_blobs(bundle, &count);
    assert_int_equal(count, 3); /* the second layer is the config's bytes again */
    assert_true(blobs[2].layer);
    assert_int_equal(blobs[2].size, UINT64_C(9663676417));
    assert_int_equal(dr_bundle_about(bundle)->layer_bytes, UINT64_C(9663676417));
    dr_image_manifest_release(&image.content);
}

static void gives_out_the_bytes_of_blobs(void **state)
{
    const struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, NULL);
    dr_auto_buf struct dr_buf bytes = DR_BUF_INIT(4096);
    const struct dr_bundle_image *image = dr_bundle_image_with_role(bundle, DR_ROLE_SERVER);
    const struct dr_bundle_blob *blob;
    struct dr_digest unknown = {.bytes = {0}};
    struct dr_err err = DR_ERR_INIT;
    char part[5] = "";
    size_t count;

    dr_bundle_blobs(bundle, &count);
    assert_int_equal(count, END - FIRST_SMALL);
    blob = dr_bundle_find_blob(bundle, &image->content.layers[2].digest);
    assert_non_null(blob);
    assert_true(blob->layer);
    assert_int_equal(dr_bundle_blob_read(bundle, blob, 7, part, 5, &err), 0);
    assert_memory_equal(part, "layer", 5);
    assert_int_equal(dr_bundle_blob_load(bundle, &image->content.config.digest, &bytes, &err), 0);
    assert_string_equal(bytes.data, "{\"os\":\"linux\"}");
    assert_null(dr_bundle_find_blob(bundle, &unknown));
    assert_int_equal(dr_bundle_blob_load(bundle, &unknown, &bytes, &err), -1);
}

static void equal_inputs_give_equal_bytes_but_for_the_signature(void **state)
{
    struct kit *kit = *state;
    dr_auto_buf struct dr_buf first = DR_BUF_INIT(1u << 20);
    dr_auto_buf struct dr_buf second = DR_BUF_INIT(1u << 20);
    uint64_t sums_size;
    size_t signature_at;

    assert_int_equal(dr_file_read(kit->path, &first, NULL), 0);
    kit_write_good(kit, kit->path);
    assert_int_equal(dr_file_read(kit->path, &second, NULL), 0);
    assert_int_equal(dr_header_size((unsigned char *)first.data, &sums_size), 0);
    signature_at = DR_BLOCK + (size_t)(sums_size + dr_padding(sums_size));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, signature_at);
    assert_memory_equal(first.data + signature_at + 1024, second.data + signature_at + 1024,
                        first.size - signature_at - 1024);
}

static void every_flipped_bit_is_noticed(void **state)
{
    const struct kit *kit = *state;
    int fd = open(kit->path, O_RDWR | O_CLOEXEC);
    struct stat info;

    assert_int_equal(fstat(fd, &info), 0);
    for (off_t at = 0; at < info.st_size; at++) {
        struct dr_err err = DR_ERR_INIT;
        unsigned char byte;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= (unsigned char)(1 << at % 8);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        if (kit_verify(kit, &err) == 0)
            fail_msg("nobody noticed byte %lld", (long long)at);
        if (err.code != DR_ERR_VERIFY)
            fail_msg("byte %lld: %s", (long long)at, err.text);
        byte ^= (unsigned char)(1 << at % 8);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_int_equal(kit_verify(kit, NULL), 0);
}

static void every_truncation_is_noticed(void **state)
{
    const struct kit *kit = *state;
    dr_auto_buf struct dr_buf whole = DR_BUF_INIT(1u << 20);

    assert_int_equal(dr_file_read(kit->path, &whole, NULL), 0);
    for (size_t size = whole.size; size-- > 0;) {
        struct dr_err err = DR_ERR_INIT;

        /* Every byte near the ends, every 512 boundary in between. */
        if (size % DR_BLOCK && size > 4096 && size < whole.size - 2048)
            continue;
        assert_int_equal(truncate(kit->path, (off_t)size), 0);
        assert_int_equal(kit_verify(kit, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
    }
}

static void bytes_behind_the_end_are_noticed(void **state)
{
    static const size_t more[] = {1, 511, 512, 1024, 10240};
    const struct kit *kit = *state;
    struct stat info;

    assert_int_equal(stat(kit->path, &info), 0);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        struct dr_err err = DR_ERR_INIT;

        assert_int_equal(truncate(kit->path, info.st_size + (off_t)more[i]), 0);
        assert_int_equal(kit_verify(kit, &err), -1);
        assert_int_equal(err.code, DR_ERR_VERIFY);
        assert_non_null(strstr(err.text, "behind its end"));
    }
}

static void only_a_trusted_key_opens_it(void **state)
{
    struct kit *kit = *state;
    const struct dr_key *both[] = {kit->other_key, kit->key};
    struct dr_bundle_trust trust = {.keys = both, .key_count = 2, .now = KIT_TIME};
    struct dr_err err = DR_ERR_INIT;
    struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, &err);

    assert_non_null(bundle);
    dr_bundle_free(bundle);
    trust.key_count = 1;
    assert_null(dr_bundle_open(kit->path, &trust, &err));
    assert_int_equal(err.code, DR_ERR_VERIFY);
    assert_non_null(strstr(err.text, "not by the given key"));
    trust.key_count = 0;
    assert_null(dr_bundle_open(kit->path, &trust, &err));
    assert_int_equal(err.code, DR_ERR_REFUSED);
    /* Asked for by name, it can be looked at without a key, and says so. */
    trust.unverified = true;
    bundle = dr_bundle_open(kit->path, &trust, &err);
    assert_non_null(bundle);
    assert_false(dr_bundle_about(bundle)->verified);
    dr_bundle_free(bundle);
}

static void a_cosignature_by_a_trusted_key_is_enough(void **state)
{
    struct kit *kit = *state;
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(kit_verify_at(kit, kit->other_key, KIT_TIME, &err), -1);
    kit_pack(kit, kit->other_key);
    assert_int_equal(kit_verify_at(kit, kit->other_key, KIT_TIME, &err), 0);
    assert_int_equal(kit_verify(kit, &err), 0);
}

static void it_expires(void **state)
{
    const struct kit *kit = *state;
    const int64_t month = 31 * 24 * 3600;
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(kit_verify_at(kit, kit->key, KIT_TIME + month, &err), 0);
    assert_int_equal(kit_verify_at(kit, kit->key, KIT_TIME + month + 1, &err), -1);
    assert_int_equal(err.code, DR_ERR_REFUSED);
    assert_non_null(strstr(err.text, "expired at 2016-06-26T18:13:38Z"));
}

static void what_is_no_bundle_is_refused(void **state)
{
    struct kit *kit = *state;
    char link[PATH_MAX + 32];
    char fifo[PATH_MAX + 32];
    const struct {
        const char *path;
        enum dr_code code;
    } rows[] = {
        {kit->folder, DR_ERR_IO},           {"/dev/zero", DR_ERR_IO}, {"/dev/null", DR_ERR_IO},
        {"/nonexistent", DR_ERR_IO},        {link, DR_ERR_REFUSED},   {fifo, DR_ERR_IO},
        {"/proc/self/exe", DR_ERR_REFUSED},
    };
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};

    snprintf(link, sizeof link, "%s/link", kit->folder);
    snprintf(fifo, sizeof fifo, "%s/fifo", kit->folder);
    assert_int_equal(symlink(kit->path, link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_err err = DR_ERR_INIT;

        assert_null(dr_bundle_open(rows[i].path, &trust, &err));
        assert_int_equal(err.code, rows[i].code);
    }
    unlink(link);
    unlink(fifo);
}

static void a_file_that_shrinks_while_it_is_read_is_noticed(void **state)
{
    const struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, NULL);
    struct dr_err err = DR_ERR_INIT;

    assert_int_equal(truncate(kit->path, 1024), 0);
    assert_int_equal(dr_bundle_hash_layers(bundle, NULL, &err), -1);
    assert_int_equal(err.code, DR_ERR_VERIFY);
    assert_non_null(strstr(err.text, "ends too early"));
}

/* A medium that does not give the bytes from there on; 0: all is readable. */
static off_t unreadable;

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    if (unreadable && offset + (off_t)size > unreadable) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, data, size, offset);
}

static void what_to_do_about_a_bad_medium_is_said(void **state)
{
    const struct kit *kit = *state;
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(kit->path, &trust, NULL);
    struct dr_err err = DR_ERR_INIT;
    struct dr_log log;

    assert_non_null(bundle);
    dr_log_init(&log, -1, DR_LOG_NONE);
    unreadable = 1;
    assert_int_equal(dr_bundle_check_layers(bundle, "b.tar", false, &log, &err), -1);
    unreadable = 0;
    assert_int_equal(err.code, DR_ERR_IO);
    assert_non_null(strstr(err.text, "verify the bundle 'b.tar': read 'the bundle' at byte "));
    assert_non_null(strstr(err.text, ": Input/output error; the medium or its drive is bad there: "
                                     "clean it, or try another drive; where there is parity "
                                     "'drover repair' restores it, else have it carried again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_what_the_writer_was_told),
        cmocka_unit_test(bundles_of_earlier_drovers_are_still_good),
        TEST(a_layer_beyond_8_gib_has_its_place),
        TEST(gives_out_the_bytes_of_blobs),
        TEST(equal_inputs_give_equal_bytes_but_for_the_signature),
        TEST(every_flipped_bit_is_noticed),
        TEST(every_truncation_is_noticed),
        TEST(bytes_behind_the_end_are_noticed),
        TEST(only_a_trusted_key_opens_it),
        TEST(a_cosignature_by_a_trusted_key_is_enough),
        TEST(it_expires),
        TEST(what_is_no_bundle_is_refused),
        TEST(a_file_that_shrinks_while_it_is_read_is_noticed),
        TEST(what_to_do_about_a_bad_medium_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
