/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_WANTED_H
#define DROVER_BUNDLE_WANTED_H

/*
 * The images that the operator asked for, each once: those of a release, of its optional groups, of a list of the
 * operator's own and of its groups, then those named one by one.
 */

#include <stddef.h>

#include "lib/err.h"
#include "lib/reference.h"
#include "manifests/release.h"

/* As asked for; borrowed. */
struct dr_wish {
    const char *release;       /* "v1.0.2"; NULL: none */
    const char *file;          /* a list of the operator's own (dr_release_read()); NULL: none */
    const char *const *groups; /* optional groups of either */
    size_t group_count;
    const char *const *images; /* references as people write them */
    size_t image_count;
};

struct dr_wanted {
    struct dr_reference reference;
    const char *role; /* borrowed from the release or list, or static */
};

struct dr_wanted_list {
    struct dr_release *release; /* NULL: none was named */
    struct dr_release *own;     /* the operator's list; NULL: none */
    const char
        *name; /* of the release, as the bundle says it; NULL: images only. A list may have one */
    struct dr_wanted *items;
    size_t count;
};

#define DR_WANTED_INIT                                                                             \
    {                                                                                              \
        .release = NULL                                                                            \
    }

/* DR_ERR_ABSENT: unknown release or group; DR_ERR_FORMAT: no image reference, no list; DR_ERR_USAGE: nothing was
 * asked for. */
int dr_wanted_read(const struct dr_wish *wish, struct dr_wanted_list *ret_list, struct dr_err *err);
void dr_wanted_release(struct dr_wanted_list *list);
#define dr_auto_wanted __attribute__((cleanup(dr_wanted_release)))

#endif
