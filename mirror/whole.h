/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_WHOLE_H
#define DROVER_MIRROR_WHOLE_H

/* Whether all that an image of a registry consists of is there. */

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/registry/registry.h"

/* The manifest under that digest, its config and layers; of a list everything below it. DR_ERR_ABSENT names what is
 * not there. Foreign layers may be elsewhere; of a schema 1 document that docker would refuse only itself is asked for. */
int dr_mirror_check_whole(struct dr_registry *registry, const char *repository,
                          const struct dr_digest *digest, struct dr_err *err);

#endif
