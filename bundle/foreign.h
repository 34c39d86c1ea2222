/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FOREIGN_H
#define DROVER_BUNDLE_FOREIGN_H

/*
 * Layers that registries need not have: foreign (docker) or nondistributable (OCI) ones, of which a manifest names
 * addresses (`urls`) to get them from. Behind the gap these lead nowhere, so a bundle has such layers like any other:
 * from the registry where it has them, else from the first address that serves them. Only https counts; size and
 * digest are checked as always.
 */

#include <jansson.h>
#include <stddef.h>

#include "bundle/source.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/registry/registry.h"
#include "manifests/manifest.h"

/* One that the registry does not have. */
struct dr_foreign_layer {
    struct dr_digest digest;
    json_t *urls; /* that may be used, at least one; owned */
};

struct dr_foreign {
    struct dr_foreign_layer *layers;
    size_t count;
};

#define DR_FOREIGN_INIT                                                                            \
    {                                                                                              \
        .layers = NULL                                                                             \
    }

/* Asks the registry for the foreign layers of an image, and notes those that it lacks. `manifest` is the image's.
 * DR_ERR_ABSENT: there is no address; DR_ERR_FORMAT: there is none that may be used. */
int dr_foreign_find(struct dr_foreign *foreign, struct dr_registry *registry,
                    const char *repository, const struct dr_image_manifest *content,
                    const struct dr_buf *manifest, struct dr_err *err);
void dr_foreign_release(struct dr_foreign *foreign);

/* NULL: the registry has it. */
const struct dr_foreign_layer *dr_foreign_get(const struct dr_foreign *foreign,
                                              const struct dr_digest *digest);

/* Fetches it; `get` is complete but for the address. The last address's failure is told. */
int dr_foreign_fetch(const struct dr_foreign_layer *layer, struct dr_sources *sources,
                     struct dr_blob_get *get, struct dr_progress *progress, struct dr_err *err);

#endif
