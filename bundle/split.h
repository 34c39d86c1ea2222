/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SPLIT_H
#define DROVER_BUNDLE_SPLIT_H

/*
 * A bundle that is written as volumes (`bundle --split`): where it is cut, and the end of every volume. The slices are
 * written like any bundle, only into several files (bundle/pieces.h).
 */

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "bundle/file/content.h"
#include "bundle/file/reader.h"
#include "bundle/file/volume.h"
#include "bundle/file/writer.h"
#include "bundle/pieces.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

/* What all volumes of the planned bundle have in common, but for where it is cut. `set` is begun anew. */
int dr_split_describe(struct dr_volume_set *set, const struct dr_writer *writer,
                      const struct dr_bundle_about *about, struct dr_err *err);

/* It is cut into slices of that size, as a larger one was that had been planned in its place. */
void dr_split_at(struct dr_volume_set *set, uint64_t slice);

/* Writes what is behind the slices, which are complete. `frame` is what dr_frame_make() made. */
int dr_split_seal(const struct dr_volume_set *set, const struct dr_pieces *pieces, int frame,
                  const struct dr_key *key, const struct dr_log *log, struct dr_err *err);

/* Opens a bundle that exists, whole or in volumes, of which volumes are to be made whose labels `key` signs. The bundle
 * may be signed by that key or by one of `others`; that it is none of its signers is told. When it expires is the
 * receiver's business. */
struct dr_bundle *dr_split_open(const char *path, const struct dr_key *key,
                                const struct dr_key *const *others, size_t count,
                                const struct dr_log *log, struct dr_err *err);

/* The frame of such a bundle, in a file in memory; -1 on failure. */
int dr_split_frame(const struct dr_volume_set *set, const struct dr_bundle *bundle,
                   struct dr_err *err);

/* DR_ERR_USAGE: that is a volume, or a folder with volumes, to which no signature can be added. */
int dr_split_refuse(const char *path, struct dr_err *err);

/* What people write on the medium: "rancher-v1.0.2 volume 2 of 3", or what the file is called in place of the
 * release. */
#define DR_SPLIT_LABEL 320
const char *dr_split_label(const struct dr_volume_set *set, uint64_t number, const char *output,
                           char ret[DR_SPLIT_LABEL]);

/* Every volume with its file, size and label: lines for people; an array for programs, a new reference. */
int dr_split_print(const struct dr_volume_set *set, const char *output, FILE *to,
                   struct dr_err *err);
/* Of one of them alone; the object is a new reference. */
int dr_split_print_one(const struct dr_volume_set *set, uint64_t number, const char *output,
                       FILE *to, struct dr_err *err);
json_t *dr_split_json_one(const struct dr_volume_set *set, uint64_t number, const char *output,
                          struct dr_err *err);
json_t *dr_split_json(const struct dr_volume_set *set, const char *output, struct dr_err *err);

#endif
