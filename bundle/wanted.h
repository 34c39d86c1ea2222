/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_WANTED_H
#define DROVER_BUNDLE_WANTED_H

/* The images that the operator asked for: those of a release, then those named one by one, each once. */

#include <stddef.h>

#include "lib/err.h"
#include "lib/reference.h"
#include "manifests/release.h"

struct dr_wanted {
    struct dr_reference reference;
    const char *role; /* borrowed from the release, or static */
};

struct dr_wanted_list {
    struct dr_release *release; /* NULL: none was named */
    struct dr_wanted *items;
    size_t count;
};

#define DR_WANTED_INIT                                                                             \
    {                                                                                              \
        .release = NULL                                                                            \
    }

/* `release` may be NULL. DR_ERR_ABSENT: unknown release; DR_ERR_FORMAT: no image reference; DR_ERR_USAGE: nothing
 * was asked for. */
int dr_wanted_read(const char *release, const char *const *images, size_t image_count,
                   struct dr_wanted_list *ret_list, struct dr_err *err);
void dr_wanted_release(struct dr_wanted_list *list);
#define dr_auto_wanted __attribute__((cleanup(dr_wanted_release)))

#endif
