/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/unpacking.h"

#include <stdlib.h>

#include "lib/cleanup.h"

struct dr_unpacked *dr_unpacking_find(const struct dr_unpacking *unpacking,
                                      const struct dr_digest *blob)
{
    for (size_t i = 0; i < unpacking->count; i++) {
        if (dr_digest_equal(&unpacking->rows[i].blob, blob))
            return &unpacking->rows[i];
    }
    return NULL;
}

int dr_unpacking_add(struct dr_unpacking *unpacking, const struct dr_schema1 *image,
                     struct dr_err *err)
{
    struct dr_unpacked *rows = reallocarray(
        unpacking->rows, unpacking->count + image->layer_count + 1, sizeof *unpacking->rows);

    if (!rows)
        return dr_fail_memory(err);
    unpacking->rows = rows;
    for (size_t i = 0; i < image->layer_count; i++) {
        const struct dr_schema1_layer *layer = &image->layers[i];

        if (!dr_unpacking_find(unpacking, &layer->blob))
            rows[unpacking->count++] =
                (struct dr_unpacked){.blob = layer->blob, .size = layer->size};
    }
    return 0;
}

void dr_unpacking_release(struct dr_unpacking *unpacking)
{
    for (size_t i = 0; i < unpacking->count; i++)
        dr_diffid_free(unpacking->rows[i].stream);
    free(unpacking->rows);
    *unpacking = (struct dr_unpacking)DR_UNPACKING_INIT;
}

int dr_unpacked_take(struct dr_unpacked *unpacked, uint64_t offset, const void *data, size_t size,
                     struct dr_err *err)
{
    if (offset == 0) {
        dr_diffid_free(dr_steal(unpacked->stream));
        unpacked->done = false;
        unpacked->why = (struct dr_err)DR_ERR_INIT;
        unpacked->stream = dr_diffid_new(unpacked->size, err);
    }
    if (!unpacked->stream)
        return -1;
    dr_diffid_add(unpacked->stream, data, size);
    if (offset + size < unpacked->size)
        return 0;
    dr_diffid_end(unpacked->stream, &unpacked->diff_id, &unpacked->plain, &unpacked->why);
    dr_diffid_free(dr_steal(unpacked->stream));
    unpacked->done = true;
    return 0;
}
