/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/sharing.h"

#include <stdlib.h>

static struct dr_shared_layer *find(const struct dr_sharing *sharing,
                                    const struct dr_digest *digest)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(sharing->bundle, &count);
    const struct dr_bundle_blob *blob = dr_bundle_find_blob(sharing->bundle, digest);

    return blob ? &sharing->layers[blob - blobs] : NULL;
}

/* NULL: this turn has met it already. */
static struct dr_shared_layer *meet(const struct dr_sharing *sharing,
                                    const struct dr_digest *digest)
{
    struct dr_shared_layer *layer = find(sharing, digest);

    if (!layer || layer->turn == sharing->turn)
        return NULL;
    layer->turn = sharing->turn;
    return layer;
}

static void add_image(struct dr_sharing *sharing, const struct dr_image_manifest *content)
{
    sharing->turn++;
    for (size_t i = 0; i < content->layer_count; i++) {
        struct dr_shared_layer *layer = meet(sharing, &content->layers[i].digest);

        if (layer)
            layer->images++;
    }
}

static void add_up(struct dr_sharing *sharing)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(sharing->bundle, &count);

    for (size_t i = 0; i < count; i++) {
        size_t images = sharing->layers[i].images;

        if (images == 0)
            continue;
        sharing->all.layers++;
        sharing->all.bytes += blobs[i].size;
        if (images == 1)
            continue;
        sharing->shared.layers++;
        sharing->shared.bytes += blobs[i].size;
        sharing->saved += (images - 1) * blobs[i].size;
    }
}

int dr_sharing_count(struct dr_sharing *sharing, const struct dr_bundle *bundle, struct dr_err *err)
{
    size_t blobs;
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    const struct dr_image_manifest *content;

    dr_bundle_blobs(bundle, &blobs);
    *sharing =
        (struct dr_sharing){.bundle = bundle, .layers = calloc(blobs + 1, sizeof *sharing->layers)};
    if (!sharing->layers)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; (content = dr_bundle_image_content(&images[i], j)); j++)
            add_image(sharing, content);
    }
    add_up(sharing);
    return 0;
}

void dr_sharing_release(struct dr_sharing *sharing)
{
    free(sharing->layers);
}

size_t dr_sharing_of(const struct dr_sharing *sharing, const struct dr_digest *digest)
{
    const struct dr_shared_layer *layer = find(sharing, digest);

    return layer ? layer->images : 0;
}

struct dr_sharing_sum dr_sharing_of_image(struct dr_sharing *sharing,
                                          const struct dr_image_manifest *content)
{
    struct dr_sharing_sum sum = {.layers = 0};

    sharing->turn++;
    for (size_t i = 0; i < content->layer_count; i++) {
        const struct dr_descriptor *descriptor = &content->layers[i];
        const struct dr_shared_layer *layer = meet(sharing, &descriptor->digest);

        if (!layer || layer->images < 2)
            continue;
        sum.layers++;
        sum.bytes += descriptor->size;
    }
    return sum;
}
