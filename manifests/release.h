/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_RELEASE_H
#define DROVER_MANIFESTS_RELEASE_H

/*
 * What a Rancher release consists of. One JSON file per release in manifests/releases, compiled
 * into the program:
 *
 *     {"release": "v1.0.2", "cattle": "v0.159.8", "date": "2016-05-26",
 *      "images": [{"role": "server", "image": "rancher/server:v1.0.2"}, ...],    what every
 * installation needs "optional": {"kubernetes": ["rancher/k8s:...", ...]}, groups that few need
 *      "notes": [...], "source": "where the facts are from"}
 *
 * Images are named as people write them (dr_reference_parse() reads them), in the order of their
 * first use.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct dr_release_image {
    const char *role; /* "server", "agent", "agent-instance" */
    const char *image;
};

struct dr_release {
    const char *name;   /* "v1.0.2" */
    const char *cattle; /* the version of Rancher's engine, as its API tells it */
    const char *date;   /* "2016-05-26" */
    struct dr_release_image *images;
    size_t image_count;
};

/* True for "v1.0.2" and "1.0.2": three numbers, so that a command line can tell releases from
 * images. */
bool dr_release_is_name(const char *text);

/* The release of that name, with or without the "v". Unknown: NULL, DR_ERR_ABSENT with all that are
 * known. Everything inside lives as long as the release. */
struct dr_release *dr_release_new(const char *name, struct dr_err *err);
void dr_release_free(struct dr_release *release);
static inline void dr_cleanup_release(struct dr_release **release)
{
    dr_release_free(*release);
}
#define dr_auto_release __attribute__((cleanup(dr_cleanup_release)))

/* The known names, oldest first; NULL at the end of the list. Borrowed. */
const char *dr_release_name(size_t index);

#endif
