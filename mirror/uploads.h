/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_UPLOADS_H
#define DROVER_MIRROR_UPLOADS_H

/*
 * Where uploads of large blobs can be gone on with by a later run, should this one be killed: the registry's own
 * addresses, in <state folder>/mirror/<HOST:PORT+PREFIX>.uploads beside the journal, and only while there are any. It is
 * a hint: one that is lost, old or wrong costs time, never a wrong blob, since a registry is asked what it has and the
 * hash of the whole decides. So nothing about it is an error, and nothing is flushed to the disk.
 *
 * The document: {"<repository>@<digest>": "<Location>"}.
 */

#include <jansson.h>
#include <stdint.h>

#include "lib/hash.h"

/* Smaller ones are sent again. */
#define DR_MIRROR_UPLOAD_MIN (8u << 20)

struct dr_mirror_uploads {
    char *path;
    json_t *json;
};

/* Takes `path` (owned). What cannot be read counts as empty. */
void dr_mirror_uploads_open(struct dr_mirror_uploads *uploads, char *path);
void dr_mirror_uploads_release(struct dr_mirror_uploads *uploads);

/* Borrowed, until the next call; NULL: none is known. */
const char *dr_mirror_uploads_get(const struct dr_mirror_uploads *uploads, const char *repository,
                                  const struct dr_digest *digest);

/* Remembers it, or forgets it when `session` is NULL. */
void dr_mirror_uploads_set(struct dr_mirror_uploads *uploads, const char *repository,
                           const struct dr_digest *digest, const char *session);

#endif
