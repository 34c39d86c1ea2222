/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_CONVERSION_H
#define DROVER_BUNDLE_CONVERSION_H

/*
 * Schema 1 images become schema 2 in a bundle (manifests/schema1.h). What the layout needs is known before the first
 * layer is fetched: the sizes of layers from the registry, those of config and manifest because diff IDs all have one
 * length. What is in them is known after the last layer:
 *
 *     dr_conversion_begin()      manifest and config with right sizes; the layers' own digests stand for their diff
 *                                IDs, so two images have equal ones here if they will have equal ones in the end
 *     ... plan, reserve, fetch the layers, unpacking them on the way (bundle/unpacking.h) ...
 *     dr_conversion_finish()     the real ones, of the same sizes
 *
 * Manifests and configs stand in a bundle sorted by digest, so their order is known only then, too; but the layers
 * behind them do not move by that, since the sum is the same.
 */

#include "bundle/fetched.h"
#include "bundle/unpacking.h"
#include "lib/err.h"
#include "lib/hash.h"

/* `body` is the old manifest; `pinned` is the digest that it was asked for by, NULL: by tag (DR_ERR_VERIFY: it is
 * another). Fills fetched->schema1, manifest, config and the image. */
int dr_conversion_begin(struct dr_fetched *fetched, const struct dr_buf *body,
                        const struct dr_digest *pinned, struct dr_err *err);

/* All of its layers have been taken by `unpacking`. DR_ERR_FORMAT: one of them is no layer. */
int dr_conversion_finish(struct dr_fetched *fetched, const struct dr_unpacking *unpacking,
                         struct dr_err *err);

#endif
