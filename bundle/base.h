/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_BASE_H
#define DROVER_BUNDLE_BASE_H

/*
 * What the far side has already (`drover bundle --base`), and the delta that follows from it. A base is
 *
 *     a bundle        believed when it is signed by the key that signs the new one, or by one of options->base_keys;
 *                     its layers are not read, only which they are, so its beginning up to the first of them is as good. And
 *                     so is a delta: its images are complete there
 *     a bundle.json   of one. It carries no signature and names no layers: they are asked for where its images came from
 *     a receipt       of a registry behind the gap, believed when it is signed by one of these keys: what is there,
 *                     layer by layer, is left out
 *
 * A base that is not what it says costs a refusal on the far side, where mirror asks before it writes.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bundle/bundle.h"
#include "bundle/file/delta.h"
#include "bundle/source.h"
#include "bundle/unpacking.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

/* A layer and which image of which base has it. */
struct dr_base_layer {
    struct dr_digest digest;
    size_t base;
    size_t image;             /* in `names` */
    bool has_diff_id;         /* the image's config tells it: */
    struct dr_digest diff_id; /* of what is inside */
    bool plain;               /* not compressed */
};

struct dr_bases {
    json_t *list;  /* `bases` of bundle.json; owned, NULL when there are none */
    json_t *names; /* of their images */
    struct dr_base_layer *layers;
    size_t count;
    size_t room;
};

#define DR_BASES_INIT                                                                              \
    {                                                                                              \
        .list = NULL                                                                               \
    }

/* Reads options->bases. `key` signs the new bundle; NULL when nobody does. DR_ERR_VERIFY: a base is not signed by
 * anybody who is believed. */
int dr_bases_read(struct dr_bases *bases, const struct dr_bundle_options *options,
                  const struct dr_key *key, struct dr_sources *sources, struct dr_err *err);

/* What a bundle of these images may leave out. Layers of converted images are unpacked for their diff IDs: what a base
 * tells of these is noted in `unpacking`, and those of which none tells are not left out. NULL in `ret_delta`: nothing
 * is. Owned by the caller; it keeps what it needs of `bases`. */
int dr_bases_delta(struct dr_bases *bases, const struct dr_bundle_image *images, size_t count,
                   struct dr_unpacking *unpacking, struct dr_delta **ret_delta, struct dr_err *err);

/* For those who read one: a base, then the name of an image in `names`, and each layer that this image has there.
 * `sums` NULL: not known; `diff_id` NULL: likewise. */
int dr_bases_add(struct dr_bases *bases, const struct dr_bundle_about *about,
                 const struct dr_digest *sums, struct dr_err *err);
int dr_bases_add_layer(struct dr_bases *bases, const struct dr_descriptor *layer,
                       const char *diff_id, struct dr_err *err);

void dr_bases_release(struct dr_bases *bases);
#define dr_auto_bases __attribute__((cleanup(dr_bases_release)))

#endif
