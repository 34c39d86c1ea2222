/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_RELEASE_H
#define DROVER_MANIFESTS_RELEASE_H

/*
 * What a Rancher release consists of. One JSON file per release in manifests/releases, compiled
 * into the program; a user's own list may have the same form:
 *
 *     {"release": "v1.0.2", "cattle": "v0.159.8", "date": "2016-05-26",
 *      "images": [{"role": "server", "image": "rancher/server:v1.0.2"}, ...],
 *      "optional": {"kubernetes": [{"image": "rancher/k8s:...", "confidence": "medium"}, ...]},
 *      "notes": ["..."], "source": "where the facts are from"}
 *
 * "images" is what every installation needs, each of "optional" a group that few need. Images are
 * named as people write them (dr_reference_parse() reads them), in the order of their first use; one
 * without role and confidence may be a bare string. "confidence" is "high" where it is missing;
 * "medium" says that Rancher's catalog changed around the release, so that which of several images
 * it uses is not known for certain: all of them are listed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define DR_ROLE_MAX 32 /* letters of a role or a group */

struct dr_release_image {
    const char *role; /* "server", "agent", "agent-instance", "load-balancer", "infrastructure"; the
                         group's name; "extra" where a list says nothing */
    const char *image;
    bool certain; /* of high confidence */
};

/* Images that only some need: "kubernetes", "windows". */
struct dr_release_group {
    const char *name;
    struct dr_release_image *images;
    size_t image_count;
};

struct dr_release {
    const char *name;   /* "v1.0.2"; NULL: a user's list that names none */
    const char *cattle; /* the version of Rancher's engine, as its API tells it; "": not said */
    const char *date;   /* "2016-05-26"; "": not said */
    const char *source; /* where the facts are from; "": not said */
    struct dr_release_image *images;
    size_t image_count;
    struct dr_release_group *groups;
    size_t group_count;
    const char **notes; /* ended by NULL */
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

/* A user's own list, at most 1 MiB: JSON of the form above, of which "images" must be there, or
 * lines with one image each, where "#" begins a comment, as in Rancher's rancher-images.txt.
 * DR_ERR_IO; DR_ERR_FORMAT names the line. */
struct dr_release *dr_release_read(const char *path, struct dr_err *err);

/* Borrowed. NULL: no such group, DR_ERR_ABSENT with those that there are. */
const struct dr_release_group *dr_release_find_group(const struct dr_release *release,
                                                     const char *name, struct dr_err *err);

/* Does `drover apply` know how to upgrade to it? Only to v1.0 and v1.1. */
bool dr_release_is_applied(const char *name);

/* What who upgrades to it should know, in sentences of one line each; NULL at the end of the list.
 * `name` is a known one. Borrowed. */
const char *dr_release_advice(const char *name, size_t index);

/* The known names, oldest first; NULL at the end of the list. Borrowed. */
const char *dr_release_name(size_t index);

#endif
