/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_CHILDREN_H
#define DROVER_BUNDLE_CHILDREN_H

/*
 * What stands below a list that is carried as such: its manifests and the configs of its images, fetched into memory
 * as they are (manifests/family.h says how much at most).
 */

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/registry/registry.h"
#include "manifests/family.h"

struct dr_child {
    struct dr_digest digest;
    struct dr_buf bytes;
};

struct dr_children {
    struct dr_child *items; /* manifests and configs, each once */
    size_t count;
    size_t bytes; /* of all */
    char (*texts)[DR_PLATFORM_TEXT];
    const char **platforms; /* of the images that say theirs, each once, ended by NULL */
};

#define DR_CHILDREN_INIT                                                                           \
    {                                                                                              \
        .items = NULL                                                                              \
    }

/* Gets all that is below the list of these bytes. Where a list does not say the platform of an image, its config does.
 * Errors as of dr_family_read() and the registry's. */
int dr_children_get(struct dr_children *children, struct dr_registry *registry,
                    const char *repository, const struct dr_buf *list, struct dr_family *ret_family,
                    struct dr_err *err);

/* Fills `platforms`, with that of `chosen` before the others. */
int dr_children_list_platforms(struct dr_children *children, const struct dr_family *family,
                               const struct dr_family_member *chosen, struct dr_err *err);

/* NULL: it is none of them. */
const struct dr_buf *dr_children_find(const struct dr_children *children,
                                      const struct dr_digest *digest);

void dr_children_release(struct dr_children *children);

#endif
