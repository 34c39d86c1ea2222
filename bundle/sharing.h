/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SHARING_H
#define DROVER_BUNDLE_SHARING_H

/* Which layers of a bundle are in several of its images; those of a list count each. A bundle holds each layer once. */

#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"

/* Layers and their bytes. */
struct dr_sharing_sum {
    size_t layers;
    uint64_t bytes;
};

struct dr_shared_layer {
    size_t images; /* that have it as a layer */
    size_t
        turn; /* in which it was met last: some images have one layer many times, the empty one */
};

struct dr_sharing {
    const struct dr_bundle *bundle;
    struct dr_shared_layer *layers; /* owned; one for each blob of the bundle, in its order */
    size_t turn;
    struct dr_sharing_sum all;    /* each layer once */
    struct dr_sharing_sum shared; /* those in two images or more, each once */
    uint64_t saved; /* bytes that the bundle would be larger by if each image brought its own */
};

#define DR_SHARING_INIT                                                                            \
    {                                                                                              \
        .layers = NULL                                                                             \
    }

/* `bundle` is borrowed. */
int dr_sharing_count(struct dr_sharing *sharing, const struct dr_bundle *bundle,
                     struct dr_err *err);
void dr_sharing_release(struct dr_sharing *sharing);
#define dr_auto_sharing __attribute__((cleanup(dr_sharing_release)))

/* How many images have this layer; 0: it is in none. */
size_t dr_sharing_of(const struct dr_sharing *sharing, const struct dr_digest *digest);

/* An image's layers that other images have too, each once. */
struct dr_sharing_sum dr_sharing_of_image(struct dr_sharing *sharing,
                                          const struct dr_image_manifest *content);

#endif
