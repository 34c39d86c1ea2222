/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_PLATFORM_H
#define DROVER_MANIFESTS_PLATFORM_H

/*
 * What an image runs on: OS/ARCH[/VARIANT], as lists and configs say it and as `docker pull --platform` takes it (OCI
 * image-spec image-index.md "platform"; containerd's platforms package, which docker follows, for what fits what).
 */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/err.h"

/* "windows/amd64/..." with its NUL. */
#define DR_PLATFORM_TEXT 72

/* Each of lower-case letters, digits, '.', '_' and '-'. `os` and `architecture` are "unknown" where nobody said;
 * `variant` is "". */
struct dr_platform {
    char os[24];
    char architecture[24];
    char variant[24];
};

#define DR_PLATFORM_DEFAULT "linux/amd64"

/* OS/ARCH[/VARIANT] from a command line; DR_ERR_USAGE. */
int dr_platform_parse(const char *text, struct dr_platform *ret_platform, struct dr_err *err);

/* From what documents say; NULL, or what is no word that can be shown, counts as not said. */
void dr_platform_set(const char *os, const char *architecture, const char *variant,
                     struct dr_platform *ret_platform);

/* The same from an object with these keys: the "platform" of an entry in a list. NULL is fine. */
void dr_platform_read(const json_t *object, struct dr_platform *ret_platform);

/* The same from an image's config. What is no JSON says nothing. A variant counts with arm only: docker looks at no
 * other there. */
void dr_platform_of_config(const char *config, size_t size, struct dr_platform *ret_platform);

/* False for entries that are no images to run: attestations have "unknown/unknown". */
bool dr_platform_is_known(const struct dr_platform *platform);

/* "linux/arm/v7". Returns `ret`. */
const char *dr_platform_text(const struct dr_platform *platform, char ret[DR_PLATFORM_TEXT]);

/* Whether an image for `offered` runs where `wanted` does: 0 no, else the higher the better. Other names of an
 * architecture are the same (x86_64 is amd64, aarch64 is arm64), and a lower variant runs on a higher one: without a
 * variant, arm is v7, arm64 v8 and amd64 v1. */
unsigned dr_platform_rank(const struct dr_platform *wanted, const struct dr_platform *offered);

#endif
