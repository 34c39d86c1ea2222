/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_bundle_file */
#undef NDEBUG /* the asserts are what is tested */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bundle/file/damage.h"
#include "bundle/file/reader.h"
#include "bundle/file/volumes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/drover-fuzz-XXXXXX";
static char path[sizeof folder + 8];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const uint8_t *data, size_t size)
{
    static int fd = -1;

    if (fd < 0) {
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
        snprintf(path, sizeof path, "%s/v.001", folder);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

/* No file is a volume for a key that nobody has. What passes without one has its layers, or it is said which volume is
 * damaged or missing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dr_key *key;
    const struct dr_key *keys[1];
    struct dr_bundle_trust trust = {.keys = keys, .key_count = 1};
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    struct dr_err err = DR_ERR_INIT;

    if (!key)
        key = dr_key_new(NULL);
    keys[0] = key;
    write_file(data, size);
    assert(!dr_bundle_open(folder, &trust, NULL));
    trust.unverified = true;
    bundle = dr_bundle_open(folder, &trust, NULL);
    if (!bundle)
        return 0;
    if (dr_bundle_hash_layers(bundle, NULL, &err) < 0)
        assert(err.code == DR_ERR_VERIFY || err.code == DR_ERR_REFUSED);
    for (uint64_t i = 1; i <= dr_volumes_set(dr_bundle_volumes(bundle))->count; i++) {
        struct dr_damage damage;

        if (dr_volumes_is_here(dr_bundle_volumes(bundle), i))
            assert(dr_damage_check(dr_bundle_volumes(bundle), i, &damage, NULL, NULL) == 0);
    }
    return 0;
}
