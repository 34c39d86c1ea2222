/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_WHOLE_H
#define DROVER_MIRROR_WHOLE_H

/* Whether all that an image of a registry consists of is there. */

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/registry/registry.h"

/* The manifest under that digest, its config and layers; of a list everything below it. DR_ERR_ABSENT names what is
 * not there. Of a document that drover does not know (schema 1) only itself; foreign layers may be elsewhere. */
int dr_mirror_check_whole(struct dr_registry *registry, const char *repository,
                          const struct dr_digest *digest, struct dr_err *err);

#endif
