/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_TESTS_UNIT_REGISTRY_HELPER_H
#define DROVER_TESTS_UNIT_REGISTRY_HELPER_H

/* What the tests of lib/registry share: a client of a scripted server, and blobs in memory. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/registry/registry.h"
#include "tests/unit/script_server.h"

#define BLOB "0123456789abcdefghij"
#define BLOB_SIZE 20u

static inline struct dr_registry *client_of(const struct server *server)
{
    static struct dr_log log = {.verbosity = -1};
    struct dr_err err = DR_ERR_INIT;
    char host[64];
    struct dr_registry *registry;

    snprintf(host, sizeof host, "127.0.0.1:%u", server->port);
    registry = dr_registry_new(&(struct dr_registry_options){.host = host, .log = &log}, &err);
    if (!registry)
        abort();
    return registry;
}

struct memory_blob {
    char data[64];
    uint64_t end;
    unsigned restarts;
};

static inline int memory_write(void *context, uint64_t offset, const void *data, size_t size,
                               struct dr_err *err)
{
    struct memory_blob *blob = context;

    (void)err;
    if (offset + size > sizeof blob->data || (offset != blob->end && offset != 0))
        abort();
    blob->restarts += offset == 0 && blob->end > 0;
    memcpy(blob->data + offset, data, size);
    blob->end = offset + size;
    return 0;
}

static inline int memory_read(void *context, uint64_t offset, void *ret_data, size_t size,
                              struct dr_err *err)
{
    (void)err;
    memcpy(ret_data, (const char *)context + offset, size);
    return 0;
}

static inline struct dr_digest digest_of_blob(void)
{
    struct dr_digest digest;

    dr_digest_of(BLOB, BLOB_SIZE, &digest);
    return digest;
}

/* No login of the developer's may leak into a test; pauses are short. */
static inline void quiet_environment(void)
{
    setenv("HOME", "/nonexistent", 1);
    unsetenv("DOCKER_CONFIG");
    unsetenv("REGISTRY_AUTH_FILE");
    setenv("DROVER_TEST_SCALE", "0.01", 1);
    setenv("no_proxy", "*", 1);
}

#endif
