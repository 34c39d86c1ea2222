/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SOURCE_H
#define DROVER_BUNDLE_SOURCE_H

/*
 * Where images are fetched from: one client per registry, made when the first image of that host is asked for.
 * `--from` stands in for docker.io and for nothing else, and never shows in a reference. `--hub-mirror` is asked
 * before docker.io, and docker.io for what the mirror does not have.
 */

#include <stddef.h>

#include "bundle/bundle.h"
#include "lib/err.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"

#define DR_SOURCES_MAX 32

struct dr_sources {
    const struct dr_bundle_options *options;
    const struct dr_log *log;
    char from_host[256];
    char from_prefix[256];
    char mirror_host[256]; /* "": none, or given up */
    char mirror_prefix[256];
    struct dr_registry *registries[DR_SOURCES_MAX];
    size_t count;
};

/* `options` and `log` must outlive the sources. */
int dr_sources_init(struct dr_sources *sources, const struct dr_bundle_options *options,
                    const struct dr_log *log, struct dr_err *err);
void dr_sources_release(struct dr_sources *sources);
#define dr_auto_sources __attribute__((cleanup(dr_sources_release)))

/* The client for a reference (borrowed, NULL on failure) and what its repository is called there. */
struct dr_registry *dr_sources_find(struct dr_sources *sources,
                                    const struct dr_reference *reference, char ret_repository[512],
                                    struct dr_err *err);

/* The same at the mirror of Docker Hub; NULL without a word where there is none for this reference. */
struct dr_registry *dr_sources_find_mirror(struct dr_sources *sources,
                                           const struct dr_reference *reference,
                                           char ret_repository[512], struct dr_err *err);

/* The client for the host of an https address that is no registry's. */
struct dr_registry *dr_sources_find_url(struct dr_sources *sources, const char *url,
                                        struct dr_err *err);

/* The mirror does not answer: it is not asked again. */
void dr_sources_drop_mirror(struct dr_sources *sources);

#endif
