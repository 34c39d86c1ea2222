/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_LOAD_IDENTITY_H
#define DROVER_MIRROR_LOAD_IDENTITY_H

/*
 * How an image of a bundle is known again in an engine. Classic stores call an image by the SHA-256 of its config,
 * containerd's by that of its manifest or list; its diff ids are the same with both, and are what its files hang on.
 *
 *     dr_auto_identity struct dr_identity identity = DR_IDENTITY_INIT;
 *     dr_identity_read(bundle, image, &identity, err);
 *     dr_identity_check(identity.ids, identity.layers, "rancher/server:v1.0.2", inspect, err);
 */

#include <jansson.h>

#include "bundle/file/reader.h"
#include "lib/err.h"

struct dr_identity {
    json_t *
        ids; /* texts: the digests of config, manifest and (if it is in one, or was chosen from one) list */
    json_t *layers;   /* the diff ids, base first */
    json_t *settings; /* what it sets in a container (Env, Cmd, …); an object, maybe empty */
};

#define DR_IDENTITY_INIT                                                                           \
    {                                                                                              \
        .ids = NULL                                                                                \
    }

/* A configuration that names no layers is DR_ERR_FORMAT: no engine takes such an image. */
int dr_identity_read(const struct dr_bundle *bundle, const struct dr_bundle_image *image,
                     struct dr_identity *ret_identity, struct dr_err *err);
void dr_identity_release(struct dr_identity *identity);
#define dr_auto_identity __attribute__((cleanup(dr_identity_release)))

/* Is the image that the engine inspected the one with these ids and layers? 0, or DR_ERR_PROOF with its `name`. */
int dr_identity_check(const json_t *ids, const json_t *layers, const char *name,
                      const json_t *inspect, struct dr_err *err);

#endif
