/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_manifests */
#include "tests/unit/check.h"

#include <stdlib.h>

#include <zlib.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "manifests/diffid.h"

#define TEXT "a layer is a tar, but nobody looks: what is hashed are its bytes. "

/* Appends `text` as one gzip member. */
static void pack(struct dr_buf *to, const void *text, size_t size)
{
    size_t room = size + 1024;
    dr_autofree unsigned char *out = malloc(room);
    z_stream stream = {.avail_in = (uInt)size, .next_out = out, .avail_out = (uInt)room};
    struct dr_err err = DR_ERR_INIT;

    stream.next_in = (unsigned char *)(uintptr_t)text;
    assert_non_null(out);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    check_ok(dr_buf_add(to, out, room - stream.avail_out, &err), &err);
    deflateEnd(&stream);
}

/* Fed in pieces of `step` bytes. */
static int diffid(const struct dr_buf *layer, size_t step, struct dr_digest *ret, bool *ret_plain,
                  struct dr_err *err)
{
    dr_auto_diffid struct dr_diffid *diffid = dr_diffid_new(layer->size, err);

    for (size_t at = 0; at < layer->size; at += step)
        dr_diffid_add(diffid, layer->data + at, layer->size - at < step ? layer->size - at : step);
    return dr_diffid_end(diffid, ret, ret_plain, err);
}

static void check_layer(const struct dr_buf *layer, const char *text, bool plain)
{
    static const size_t steps[] = {1, 2, 3, 5, 6, 7, 100, 1u << 20};
    struct dr_digest expected;
    struct dr_err err = DR_ERR_INIT;

    dr_digest_of(text, strlen(text), &expected);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct dr_digest digest;
        bool is_plain = !plain;

        check_ok(diffid(layer, steps[i], &digest, &is_plain, &err), &err);
        assert_true(dr_digest_equal(&digest, &expected));
        assert_int_equal(is_plain, plain);
    }
}

static void hashes_what_is_inside_of_gzip(void **state)
{
    dr_auto_buf struct dr_buf layer = DR_BUF_INIT(1u << 20);

    (void)state;
    pack(&layer, TEXT, strlen(TEXT));
    check_layer(&layer, TEXT, false);
    pack(&layer, TEXT, strlen(TEXT));
    check_layer(&layer, TEXT TEXT, false);
    pack(&layer, "", 0);
    check_layer(&layer, TEXT TEXT, false);
}

static void hashes_what_is_not_compressed_as_it_is(void **state)
{
    static const char *const rows[] = {TEXT, "", "x", "\x1f", "\x1f\x8b", "BZ", "\xfd\x37zXZ"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dr_auto_buf struct dr_buf layer = DR_BUF_INIT(1u << 20);
        struct dr_err err = DR_ERR_INIT;

        check_ok(dr_buf_add_text(&layer, rows[i], &err), &err);
        check_layer(&layer, rows[i], true);
    }
}

static void check_refused(const void *data, size_t size, const char *said)
{
    dr_auto_buf struct dr_buf layer = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    bool plain;

    check_ok(dr_buf_add(&layer, data, size, &err), &err);
    for (size_t step = 1; step <= size + 1; step += size / 3 + 1)
        check_fails(diffid(&layer, step, &digest, &plain, &err), &err, DR_ERR_FORMAT, said);
}

static void refuses_other_compressions_by_name(void **state)
{
    (void)state;
    check_refused("BZh91AY&SY", 10, "bzip2");
    check_refused("\xfd"
                  "7zXZ\0\0\4",
                  8, "xz");
    check_refused("\x28\xb5\x2f\xfd\4", 5, "zstd");
}

static void refuses_gzip_that_is_cut_damaged_or_followed_by_anything(void **state)
{
    dr_auto_buf struct dr_buf layer = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;
    size_t size;

    (void)state;
    pack(&layer, TEXT, strlen(TEXT));
    size = layer.size;
    for (size_t cut = 3; cut < size; cut++)
        check_refused(layer.data, cut, "ends in the middle");
    layer.data[size - 5] ^= 1; /* of the size at its end */
    check_refused(layer.data, size, "damaged");
    layer.data[size - 5] ^= 1;
    layer.data[12] ^= 64;
    check_refused(layer.data, size, "damaged");
    layer.data[12] ^= 64;
    check_ok(dr_buf_add_text(&layer, "tail", &err), &err);
    check_refused(layer.data, layer.size, "followed by something else");
    check_refused(layer.data, size + 1, "ends in the middle");
    layer.size = size;
    check_ok(dr_buf_add(&layer, "\0\0\0\0", 4, &err), &err);
    check_refused(layer.data, layer.size, "followed by something else");
}

/* The limits, without unpacking so much: a small layer may have DR_DIFFID_FREE. */
static void refuses_bombs(void **state)
{
    size_t size = (256u << 20) + 1;
    dr_autofree char *zeros = calloc(1, size);
    dr_auto_buf struct dr_buf bomb = DR_BUF_INIT(1u << 20);
    dr_auto_buf struct dr_buf large = DR_BUF_INIT(1u << 20);
    struct dr_err err = DR_ERR_INIT;
    struct dr_digest digest;
    bool plain;

    (void)state;
    assert_non_null(zeros);
    pack(&bomb, zeros, size);
    check_fails(diffid(&bomb, 4096, &digest, &plain, &err), &err, DR_ERR_FORMAT, "268.4 MB");
    pack(&large, zeros, size - 1);
    check_ok(diffid(&large, 4096, &digest, &plain, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_what_is_inside_of_gzip),
        cmocka_unit_test(hashes_what_is_not_compressed_as_it_is),
        cmocka_unit_test(refuses_other_compressions_by_name),
        cmocka_unit_test(refuses_gzip_that_is_cut_damaged_or_followed_by_anything),
        cmocka_unit_test(refuses_bombs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
