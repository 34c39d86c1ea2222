/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bundle/file/reader.h"
#include "bundle/file/stream.h"
#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/drover-fuzz-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    static int fd = -1;

    if (fd < 0) {
        fd = mkstemp(path);
        atexit(remove_file);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

static void check_blob(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob)
{
    dr_autofree char *bytes = malloc((size_t)blob->size + 1);
    struct dr_digest digest;

    assert(bytes && dr_bundle_find_blob(bundle, &blob->digest) == blob);
    assert(dr_bundle_blob_read(bundle, blob, 0, bytes, (size_t)blob->size, NULL) == 0);
    dr_digest_of(bytes, (size_t)blob->size, &digest);
    assert(dr_digest_equal(&digest, &blob->digest));
}

/* The same, once and forwards. */
static bool is_good_stream(const struct dr_bundle_trust *trust)
{
    dr_autoclose int pipe = open(path, O_RDONLY | O_CLOEXEC);
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open_stream(pipe, trust, NULL);

    return bundle && dr_stream_check(bundle, NULL, NULL, NULL) == 0;
}

/* No file is good for a key that nobody has; whatever passes without a key is as it says, and passes as a stream. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dr_key *key;
    const struct dr_key *keys[1];
    struct dr_bundle_trust trust = {.keys = keys, .key_count = 1};
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    const struct dr_bundle_blob *blobs;
    size_t count;

    if (!key)
        key = dr_key_new(NULL);
    keys[0] = key;
    write_file(data, size);
    assert(!dr_bundle_open(path, &trust, NULL) && !is_good_stream(&trust));
    trust.unverified = true;
    bundle = dr_bundle_open(path, &trust, NULL);
    if (!bundle || dr_bundle_hash_layers(bundle, NULL, NULL) < 0) {
        assert(!is_good_stream(&trust));
        return 0;
    }
    assert(is_good_stream(&trust));
    assert(!dr_bundle_about(bundle)->verified && dr_bundle_about(bundle)->bytes == size);
    blobs = dr_bundle_blobs(bundle, &count);
    for (size_t i = 0; i < count; i++)
        check_blob(bundle, &blobs[i]);
    return 0;
}
