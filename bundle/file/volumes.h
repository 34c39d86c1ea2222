/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_VOLUMES_H
#define DROVER_BUNDLE_FILE_VOLUMES_H

/*
 * The volumes of one bundle that can be reached: in the folder that was named (or beside the volume that was named), and
 * in the folders of --media (trust->media). Names do not matter, labels do; a copy of a volume that is here already is
 * put aside, and so is what belongs to another bundle.
 *
 *     dr_auto_volumes struct dr_volumes *volumes = dr_volumes_open(path, trust, err);
 *     dr_volumes_frame(volumes, fd, err);             all of the bundle but its layers: bundle/file/reader.h reads that
 *     dr_volumes_read(volumes, ...);                  bytes of layers, wherever they are
 *     dr_volumes_look(volumes, err);                  another medium is in: what is here now?
 *
 * Reading may be done from several threads, everything else by one. A volume that is here is held open, unless
 * dr_volumes_let_go() was called, after which its medium can be taken out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/trust.h"
#include "bundle/file/volume.h"
#include "lib/err.h"

struct dr_volumes;

/* One that is here. */
struct dr_volumes_item {
    char *path; /* NULL: it is not here */
    int fd;
    struct dr_volume volume; /* without label and frame extents, which are those of the set */
};

/* Something else that was found. */
enum dr_stray_kind {
    DR_STRAY_BAD,     /* ends like a volume, or is called like one, and cannot be used */
    DR_STRAY_FOREIGN, /* of another bundle, or cut into other sizes */
    DR_STRAY_COPY,    /* the same volume once more */
    DR_STRAY_PARITY,  /* no volume, but what repairs volumes: it is in nobody's way */
};

struct dr_stray {
    enum dr_stray_kind kind;
    char *path;
    char *text; /* "volume 2 of 3 of Rancher v1.0.1 (...)"; of a bad one what is wrong with it */
};

/* So many of them are remembered. */
#define DR_STRAYS_MAX 64

/* Called whenever there is no volume yet, with what there is instead; -1 ends the waiting. */
typedef int dr_volumes_wait_fn(void *context, const struct dr_volumes *volumes, struct dr_err *err);

/* NULL on failure: DR_ERR_VERIFY (the volume that was named is damaged, or not signed by one who is believed), DR_ERR_IO,
 * DR_ERR_REFUSED (there is none, or there are some of several bundles). What was given must outlive it. */
struct dr_volumes *dr_volumes_open(const char *path, const struct dr_bundle_trust *trust,
                                   struct dr_err *err);
struct dr_volumes *dr_volumes_await(const char *path, const struct dr_bundle_trust *trust,
                                    dr_volumes_wait_fn *wait, void *context, struct dr_err *err);
void dr_volumes_free(struct dr_volumes *volumes);
static inline void dr_cleanup_volumes(struct dr_volumes **volumes)
{
    dr_volumes_free(*volumes);
}
#define dr_auto_volumes __attribute__((cleanup(dr_cleanup_volumes)))

/* Borrowed. */
const struct dr_volume_set *dr_volumes_set(const struct dr_volumes *volumes);
const struct dr_volumes_item *dr_volumes_item(const struct dr_volumes *volumes, uint64_t number);
/* The same with the set in it, as bundle/file/volume.h wants it; not to be released. */
struct dr_volume dr_volumes_volume(const struct dr_volumes *volumes, uint64_t number);

const struct dr_stray *dr_volumes_strays(const struct dr_volumes *volumes, size_t *ret_count);

/* The one that was named on the command line; 0: a folder was. */
uint64_t dr_volumes_named(const struct dr_volumes *volumes);

bool dr_volumes_is_here(const struct dr_volumes *volumes, uint64_t number);
size_t dr_volumes_count_here(const struct dr_volumes *volumes);

/* DR_ERR_REFUSED naming those that are not here: the layers of the bundle cannot be read. */
int dr_volumes_demand_all(const struct dr_volumes *volumes, struct dr_err *err);

/* "2, 4 and 5": those for which `is` is true; "" for none. Returns `ret`. */
#define DR_VOLUMES_TEXT 512
const char *dr_volumes_list(const struct dr_volumes *volumes, const bool *is,
                            char ret[DR_VOLUMES_TEXT]);

/* Writes the frame into `to`, an empty file, from the first volume whose copy is good. */
int dr_volumes_frame(struct dr_volumes *volumes, int to, struct dr_err *err);

/* Exactly `size` bytes of the bundle. DR_ERR_REFUSED: they are in a volume that is not here; DR_ERR_VERIFY: it cannot be
 * read there. */
int dr_volumes_read(const struct dr_volumes *volumes, void *ret_data, size_t size, uint64_t offset,
                    struct dr_err *err);

/* Where that byte of the bundle is, and how many bytes from there on are in the same volume. */
int dr_volumes_place(const struct dr_volumes *volumes, uint64_t offset, int *ret_fd,
                     uint64_t *ret_at, uint64_t *ret_size, struct dr_err *err);

/* Are all bytes from `offset` on here? */
bool dr_volumes_has(const struct dr_volumes *volumes, uint64_t offset, uint64_t size);

/* Closes them all: none is here until the next look. */
void dr_volumes_let_go(struct dr_volumes *volumes);

/* Looks through the folders anew. One that cannot be looked at is bad itself. */
int dr_volumes_look(struct dr_volumes *volumes, struct dr_err *err);

/* Where it looks, for people: "/media/a or /media/b". */
const char *dr_volumes_where(const struct dr_volumes *volumes, char ret[DR_VOLUMES_TEXT]);

#endif
