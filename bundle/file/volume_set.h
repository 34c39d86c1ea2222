/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_VOLUME_SET_H
#define DROVER_BUNDLE_FILE_VOLUME_SET_H

/*
 * What all volumes of one bundle (bundle/file/volume.h) have in common: which bundle it is, how large the slices are,
 * and which bytes are its frame. Pure arithmetic, and the JSON of it in labels.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/content.h"
#include "bundle/file/layout.h"
#include "lib/err.h"
#include "lib/hash.h"

#define DR_VOLUME_CHUNK ((uint64_t)64 << 10)
#define DR_VOLUMES_MAX 999
/* The most that a frame may have: manifests and configs of all images, lists, and a little more. */
#define DR_VOLUME_FRAME_MAX (UINT64_C(96) << 20)

/* Bytes `offset` to `offset` + `size` of the bundle. */
struct dr_extent {
    uint64_t offset;
    uint64_t size;
};

/* What all volumes of one bundle have in common. */
struct dr_volume_set {
    struct dr_digest sums; /* of SHA256SUMS: names the bundle, whoever signed it */
    uint64_t total;        /* bytes of the bundle */
    uint64_t slice;        /* bytes of every slice but the last */
    uint64_t count;        /* of volumes */
    char *release;         /* for people; owned; NULL: images only */
    char *created;         /* owned */
    char *channel;         /* owned */
    uint64_t serial;
    struct dr_extent *frame; /* ascending, not touching each other; owned */
    size_t frame_count;
    uint64_t frame_size;
};

#define DR_VOLUME_SET_INIT                                                                         \
    {                                                                                              \
        .total = 0                                                                                 \
    }

void dr_volume_set_release(struct dr_volume_set *set);
#define dr_auto_volume_set __attribute__((cleanup(dr_volume_set_release)))

/* A copy of all of it, owned by the caller also on failure. */
int dr_volume_set_copy(const struct dr_volume_set *from, struct dr_volume_set *ret_to,
                       struct dr_err *err);

/* What volume `number` of a bundle called `path` is called: "PATH.001"; owned. */
char *dr_volume_path(const char *path, uint64_t number, struct dr_err *err);

/* "Rancher v1.0.2 (serial 2 of channel default, created 2016-..., SHA256SUMS sha256:...)" */
#define DR_VOLUME_SET_TEXT 512
const char *dr_volume_set_text(const struct dr_volume_set *set, char ret[DR_VOLUME_SET_TEXT]);

/* Of the same bundle, in the same sizes. */
bool dr_volume_set_is_same(const struct dr_volume_set *one, const struct dr_volume_set *other);

static inline uint64_t dr_volume_chunks(uint64_t size)
{
    return (size + DR_VOLUME_CHUNK - 1) / DR_VOLUME_CHUNK;
}

/* The frame of a bundle with that layout: everything but the content (and its padding) of members whose `left_out` is
 * true (layers and programs), one per member of the layout. Sets frame, frame_count, frame_size and total. */
int dr_volume_set_frame(struct dr_volume_set *set, const struct dr_layout *layout,
                        const bool *left_out, struct dr_err *err);

/* Sets what is told of the bundle to people. */
int dr_volume_set_name(struct dr_volume_set *set, const struct dr_bundle_about *about,
                       struct dr_err *err);

/* Sets slice and count of a bundle that is not split: one slice. */
void dr_volume_set_whole(struct dr_volume_set *set);

/* Sets slice and count so that no file has more than `limit` bytes; the rest of `set` is known. DR_ERR_USAGE: `limit`
 * is too small for that bundle, or more than DR_VOLUMES_MAX would be needed. */
int dr_volume_split(struct dr_volume_set *set, uint64_t limit, struct dr_err *err);

/* The most bytes that stand behind a slice of a set that is split. */
int dr_volume_behind(const struct dr_volume_set *set, uint64_t *ret_bytes, struct dr_err *err);

/* The number of the volume that has that byte of the bundle, from 1; and where its slice is. */
uint64_t dr_slice_number(const struct dr_volume_set *set, uint64_t offset);
uint64_t dr_slice_offset(const struct dr_volume_set *set, uint64_t number);
uint64_t dr_slice_size(const struct dr_volume_set *set, uint64_t number);

/* What a label says of the set. Added to `json`; read from it, and checked: DR_ERR_FORMAT. */
int dr_volume_set_write(const struct dr_volume_set *set, json_t *json, struct dr_err *err);
int dr_volume_set_read(struct dr_volume_set *set, const json_t *json, struct dr_err *err);

#endif
