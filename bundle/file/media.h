/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_MEDIA_H
#define DROVER_BUNDLE_FILE_MEDIA_H

/*
 * Looks through folders, where media are mounted, for volumes of a bundle (bundle/file/volume.h). What a file is called
 * does not matter, its label does. Only ordinary files are opened; symbolic links, pipes and devices are passed over,
 * and so are files without a label, unless they are called as volumes are (NAME.001): those are told of as bad.
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/trust.h"
#include "bundle/file/volume.h"
#include "lib/err.h"

/* So many entries of one folder are looked at; in one with more, a folder of its own is wanted for them. */
#define DR_MEDIA_ENTRIES_MAX 4096

/* What was found. */
struct dr_find {
    const char *path;
    int fd;                   /* for reading; closed afterwards unless it is taken (set to -1) */
    struct dr_volume *volume; /* its label; NULL: it is bad. What it owns may be taken */
    const struct dr_err *why; /* of a bad one: what is wrong */
};

/* Called for each; -1 ends the search. */
typedef int dr_find_fn(void *context, struct dr_find *find, struct dr_err *err);

/* All that are in that folder, in the order of their names, and in the folders right below it, where desktops mount
 * media by their names (as far as these can be read and are not too many). DR_ERR_IO: it cannot be read, or has too many
 * entries. */
int dr_media_look(const char *folder, const struct dr_bundle_trust *trust, dr_find_fn *found,
                  void *context, struct dr_err *err);

/* That file, whatever it is called; nothing is done if it has no label. */
int dr_media_look_at(const char *path, const struct dr_bundle_trust *trust, dr_find_fn *found,
                     void *context, struct dr_err *err);

/* A file that ends like a volume. */
bool dr_media_is_volume(const char *path);

/* That, or a folder: nothing that can be read as a bundle by itself. */
bool dr_media_is_at(const char *path);

/* A file that does not: a bundle by itself, or nothing. */
bool dr_media_is_file(const char *path);

/* Is it called as volumes are, NAME.001? */
bool dr_media_is_named(const char *path);

#endif
