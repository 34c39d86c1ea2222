/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_TESTS_UNIT_STREAM_KIT_H
#define DROVER_TESTS_UNIT_STREAM_KIT_H

/* The bundle of tests/unit/bundle_kit.h as it comes out of a pipe, after whatever happened to it. Include it after cmocka.h. */

#include "bundle/file/stream.h"
#include "lib/cleanup.h"
#include "tests/unit/bundle_kit.h"
#include "tests/unit/check.h"

/* Fewer than a pipe takes at once. */
struct stream_bytes {
    char data[65536];
    size_t size;
};

static inline void stream_load(const struct kit *kit, struct stream_bytes *ret)
{
    dr_auto_buf struct dr_buf file = DR_BUF_INIT(sizeof ret->data);

    assert_int_equal(dr_file_read(kit->path, &file, NULL), 0);
    memcpy(ret->data, file.data, file.size);
    ret->size = file.size;
}

/* Where the content of the listed member begins. */
static inline size_t stream_place(const struct kit *kit, const struct stream_bytes *bytes,
                                  size_t member)
{
    const char *name = kit->members[member].name;
    char *found = memmem(bytes->data + 4096, bytes->size - 4096, name, strlen(name) + 1);

    assert_non_null(found);
    return (size_t)(found - bytes->data) + DR_BLOCK;
}

/* Opens them as a stream; `ret_pipe` must stay open as long as it. NULL on failure. */
static inline struct dr_bundle *stream_open(const struct kit *kit, const struct stream_bytes *bytes,
                                            int *ret_pipe, struct dr_err *err)
{
    const struct dr_key *key = kit->key;
    const struct dr_bundle_trust trust = {.keys = &key, .key_count = 1, .now = KIT_TIME};
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes->data, bytes->size), (ssize_t)bytes->size);
    close(ends[1]);
    *ret_pipe = ends[0];
    return dr_bundle_open_stream(ends[0], &trust, err);
}

/* What `drover verify -` does with these bytes. */
static inline int stream_check(const struct kit *kit, const struct stream_bytes *bytes,
                               struct dr_err *err)
{
    dr_autoclose int pipe = -1;
    dr_auto_bundle struct dr_bundle *bundle = stream_open(kit, bytes, &pipe, err);

    return bundle ? dr_stream_check(bundle, NULL, NULL, err) : -1;
}

/* Wherever it ends, that is told. */
static inline void stream_check_cuts(const struct kit *kit)
{
    struct stream_bytes bytes;
    struct dr_err err = DR_ERR_INIT;
    size_t whole;

    stream_load(kit, &bytes);
    whole = bytes.size;
    for (bytes.size = 0; bytes.size < whole; bytes.size += 256) {
        if (stream_check(kit, &bytes, &err) == 0)
            fail_msg("it may end at byte %zu", bytes.size);
        assert_int_equal(err.code, DR_ERR_VERIFY);
        if (!strstr(err.text, "ends too early") && !strstr(err.text, "did not arrive as sent"))
            fail_msg("cut at byte %zu: %s", bytes.size, err.text);
    }
    bytes.size = whole;
    check_ok(stream_check(kit, &bytes, &err), &err);
    bytes.data[bytes.size++] = 0;
    check_fails(stream_check(kit, &bytes, &err), &err, DR_ERR_VERIFY, "behind its end");
}

#endif
