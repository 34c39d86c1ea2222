/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_WRITER_H
#define DROVER_BUNDLE_FILE_WRITER_H

/*
 * Writes the members of a bundle to their places in a file that is made of zeros.
 *
 *     dr_auto_writer struct dr_writer writer = DR_WRITER_INIT;
 *     writer.slots.count = 2;                                   room for signatures; 1 unless said otherwise
 *     dr_writer_plan(&writer, &about, images, count, err);      nothing written yet: all offsets are known
 *     dr_file_reserve(fd, dr_layout_total(&writer.layout), ...);
 *     dr_writer_frame(&writer, fd, err);                        everything but blobs; no signature yet
 *     for each of writer.blobs: its bytes to blob->offset       in any order, by anybody
 *     for each of writer.extras: its bytes and dr_padding()     at dr_writer_extra(&writer, i)
 *     dr_writer_sign(&writer, fd, key, err);                    last
 *
 * With about.delta it is a delta: without the blobs that this leaves out, with the list, signature and bundle.json of
 * the whole bundle, which is signed by writer.key while it is planned.
 */

#include <stddef.h>

#include "bundle/file/content.h"
#include "bundle/file/layout.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"

struct dr_writer {
    /* Last members that are no image's: name, size and digest of each. Borrowed. */
    const struct dr_member *extras;
    size_t extra_count;
    struct dr_layout layout;      /* of the whole file, list and signatures included */
    struct dr_slots slots;        /* its count is what is reserved */
    struct dr_buf sums;           /* SHA256SUMS */
    char *document;               /* bundle.json */
    const char *oci_layout;       /* oci-layout; static */
    char *index;                  /* index.json */
    char *docker;                 /* manifest.json */
    struct dr_bundle_blob *blobs; /* with their offsets */
    size_t blob_count;
    uint64_t blob_bytes;
    const struct dr_key *key; /* set before: signs the whole bundle that a delta is of; NULL: nobody
                                 does, the room is left (for a look at the layout) */
    struct dr_writer *whole;  /* of a delta: its texts are carried along; owned */
    unsigned char whole_signature[DR_SIGNATURE_MAX];
    size_t whole_signature_size;
};

#define DR_WRITER_INIT                                                                             \
    {                                                                                              \
        .layout = DR_LAYOUT_INIT, .slots = {.count = 1}, .sums = DR_BUF_INIT(8u << 20)             \
    }

/* `about` needs builder, created, channel, serial and, where there are, release and expires; its id is computed.
 * The images need everything, `content` included. DR_ERR_FORMAT: beyond what a bundle can hold. */
int dr_writer_plan(struct dr_writer *writer, const struct dr_bundle_about *about,
                   const struct dr_bundle_image *images, size_t count, struct dr_err *err);

/* Where the bytes of extras[index] go, once that is planned. */
uint64_t dr_writer_extra(const struct dr_writer *writer, size_t index);

int dr_writer_frame(const struct dr_writer *writer, int fd, struct dr_err *err);

/* Signs the list and fills the first slot. `key` NULL: it stays unsigned, for now. */
int dr_writer_sign(const struct dr_writer *writer, int fd, const struct dr_key *key,
                   struct dr_err *err);

void dr_writer_release(struct dr_writer *writer);
#define dr_auto_writer __attribute__((cleanup(dr_writer_release)))

#endif
