/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_SCHEMA1_H
#define DROVER_MANIFESTS_SCHEMA1_H

/*
 * Docker's old manifests (docker/distribution manifest-v2-1, "schema 1"), as pushed until Docker 1.9, turned into
 * schema 2. An old manifest has no config: what was made of it by `docker pull` of dockerd 20.10 is made of it here,
 * so the image ID is the same.
 *
 *     dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;
 *     if (dr_schema1_parse(data, size, &image, err) < 0) ...
 *     image.layers[i].size = ...;  image.layers[i].diff_id = ...;  image.layers[i].plain = ...;
 *     dr_schema1_config(&image, &config, err);
 *     dr_schema1_manifest(&image, &descriptor, &manifest, err);
 *
 * Sizes are not in the old manifest (a registry tells them), and diff IDs are known only to who has unpacked the
 * layers (manifests/diffid.h). But the sizes of config and manifest depend on neither: every diff ID has 71 bytes, and
 * where a layer is not compressed, its shorter media type is followed by as many spaces.
 *
 * The signatures of old manifests are by keys that nobody knows: they are not checked. Callers bound `size`
 * (DR_MANIFEST_MAX). What docker would refuse is DR_ERR_FORMAT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "manifests/manifest.h"

struct dr_schema1_layer {
    struct dr_digest blob;
    uint64_t size;            /* of the blob; 0 until the caller knows it */
    struct dr_digest diff_id; /* zero until the caller knows it */
    bool plain;               /* not compressed; until somebody has looked: false */
};

struct dr_schema1 {
    struct dr_digest digest; /* by which registries know the old manifest: of what was signed */
    struct dr_schema1_layer *layers; /* base first; a blob may be there several times; owned */
    size_t layer_count;
    bool has_version;     /* false: it does not say by which docker it was made */
    struct dr_buf before; /* the config up to the first diff ID */
    struct dr_buf after;  /* and what follows the last one */
};

#define DR_SCHEMA1_INIT                                                                            \
    {                                                                                              \
        .layers = NULL, .before = DR_BUF_INIT(DR_SCHEMA1_CONFIG_MAX),                              \
        .after = DR_BUF_INIT(DR_SCHEMA1_CONFIG_MAX)                                                \
    }

/* As of any config (DR_MANIFEST_MAX in lib/registry/registry.h). */
#define DR_SCHEMA1_CONFIG_MAX (4u << 20)

int dr_schema1_parse(const void *data, size_t size, struct dr_schema1 *ret_image,
                     struct dr_err *err);
void dr_schema1_release(struct dr_schema1 *image);
#define dr_auto_schema1 __attribute__((cleanup(dr_schema1_release)))

/* The config, with the diff IDs that the layers have now. Its digest is the image ID. */
int dr_schema1_config(const struct dr_schema1 *image, struct dr_buf *ret_config,
                      struct dr_err *err);

/* The schema 2 manifest around a config of this digest and size. */
int dr_schema1_manifest(const struct dr_schema1 *image, const struct dr_digest *config,
                        uint64_t config_size, struct dr_buf *ret_manifest, struct dr_err *err);

#endif
