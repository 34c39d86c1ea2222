/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "lib/registry/registry.h"

static int add_to_buffer(void *context, uint64_t offset, const void *data, size_t size,
                         struct dr_err *err)
{
    struct dr_buf *buffer = context;

    if (offset == 0)
        dr_buf_clear(buffer);
    return dr_buf_add(buffer, data, size, err);
}

int dr_registry_get_blob(struct dr_registry *registry, const char *repository,
                         const struct dr_digest *digest, uint64_t size, struct dr_buf *ret_data,
                         struct dr_err *err)
{
    struct dr_blob_get get = {
        .repository = repository,
        .digest = *digest,
        .size = size,
        .write = add_to_buffer,
        .context = ret_data,
    };

    assert(ret_data->size == 0);
    return dr_registry_get_blobs(registry, &get, 1, 1, NULL, err);
}
