/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_RECEIPT_RECEIPT_H
#define DROVER_BUNDLE_RECEIPT_RECEIPT_H

/*
 * What a registry behind the gap was seen to have of one bundle, as the far side tells it back: image by image, and
 * layer by layer in every repository (docs/bundle-format.md, "Receipts"). Here as plain data; as signed text it is in
 * bundle/receipt/text.h, as a few lines to be typed in bundle/receipt/code.h.
 *
 * Which lines a receipt has follows from its bundle alone, in one order: repositories, in each its images by their
 * names, then its layers by digest, each once. What the far side adds is registry, time, and the state of each line.
 *
 *     dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
 *     dr_receipt_make(bundle, &receipt, err);                  all of it there
 *     receipt.registry = ...; dr_receipt_set_layer(...)        what is not
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"

enum dr_receipt_state {
    DR_RECEIPT_THERE,
    DR_RECEIPT_MISSING,
    DR_RECEIPT_DAMAGED, /* something is there, but with other content */
};

/* "there", "missing", "damaged". Static. */
const char *dr_receipt_state_text(enum dr_receipt_state state);

struct dr_receipt_image {
    const char *reference; /* whole: docker.io/rancher/server:v1.0.2 */
    struct dr_digest digest;
    enum dr_receipt_state state; /* there: tag, manifests and configs; layers have their own */
};

struct dr_receipt_layer {
    struct dr_digest digest;
    uint64_t size;
    enum dr_receipt_state state;
    bool
        has_diff_id; /* of layers of a converted image, so that the next one need not be unpacked for them: */
    bool plain; /* it is not compressed */
    struct dr_digest diff_id;
};

/* By the name that the images have in the bundle; where the registry keeps them is its own business. */
struct dr_receipt_repository {
    const char *name; /* docker.io/rancher/server */
    struct dr_receipt_image *images;
    size_t image_count; /* at least one */
    struct dr_receipt_layer *layers;
    size_t layer_count;
};

/* Whose word it is. */
struct dr_receipt_seal {
    bool verified; /* the signature was found good */
    bool ed25519;  /* else ECDSA P-256 */
    struct dr_digest key_id;
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;
};

struct dr_receipt {
    const char *
        registry; /* HOST[:PORT][/PREFIX], as the site calls it; at most DR_RECEIPT_REGISTRY bytes */
    int64_t time; /* when it was asked, in seconds since the epoch */
    bool hashed;  /* every layer was downloaded and hashed; else the registry was only asked */
    struct dr_digest sums; /* SHA256SUMS of the bundle; of a delta, of its whole */
    struct dr_digest id;
    const char *release; /* NULL: none */
    const char *channel;
    uint64_t serial;
    const char *created;
    struct dr_receipt_repository *repositories;
    size_t repository_count;
    struct dr_receipt_image *images; /* storage of all repositories' */
    size_t image_count;
    struct dr_receipt_layer *layers; /* storage likewise */
    size_t layer_count;
    struct dr_receipt_seal seal; /* of one that was read */
    struct dr_digest digest;     /* of the text that it was read from */
    char **texts;                /* storage of what the pointers above name */
    size_t text_count;
};

#define DR_RECEIPT_REGISTRY 511

#define DR_RECEIPT_INIT                                                                            \
    {                                                                                              \
        .registry = NULL                                                                           \
    }

/* A receipt that says that all of the bundle is there; registry, time and seal are left to the caller. */
int dr_receipt_make(const struct dr_bundle *bundle, struct dr_receipt *ret_receipt,
                    struct dr_err *err);
void dr_receipt_release(struct dr_receipt *receipt);
#define dr_auto_receipt __attribute__((cleanup(dr_receipt_release)))

/* A copy of `text` that lives as long as the receipt; NULL when memory is out. */
const char *dr_receipt_keep(struct dr_receipt *receipt, const char *text, struct dr_err *err);

/* Notes a state; of several for one line the worst stays. What the receipt does not name is passed over. */
void dr_receipt_set_image(struct dr_receipt *receipt, const char *reference,
                          enum dr_receipt_state state);
void dr_receipt_set_layer(struct dr_receipt *receipt, const char *repository,
                          const struct dr_digest *digest, enum dr_receipt_state state);

/* A walk over the states of all lines, images and layers in their order. */
struct dr_receipt_cursor {
    size_t repository;
    size_t line; /* in that repository */
};

#define DR_RECEIPT_CURSOR_INIT                                                                     \
    {                                                                                              \
        .repository = 0                                                                            \
    }

/* NULL behind the last one. */
enum dr_receipt_state *dr_receipt_next(const struct dr_receipt *receipt,
                                       struct dr_receipt_cursor *cursor);

struct dr_receipt_totals {
    size_t images, images_there;
    size_t layers, layers_there; /* once in every repository */
    uint64_t bytes, bytes_there; /* of these layers */
};

void dr_receipt_count(const struct dr_receipt *receipt, struct dr_receipt_totals *ret_totals);

#endif
