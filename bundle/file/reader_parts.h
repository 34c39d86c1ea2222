/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_READER_PARTS_H
#define DROVER_BUNDLE_FILE_READER_PARTS_H

/* What bundle/file/reader*.c and bundle/file/stream*.c share, and nobody else: the parts of dr_bundle_open(), in the order
 * of the file. Each demands that what comes before it in this list was done. */

#include "bundle/file/document.h"
#include "bundle/file/envelope.h"
#include "bundle/file/reader.h"
#include "bundle/file/volumes.h"

#define DR_SMALL_MAX (4u << 20) /* a manifest, a config, bundle.json */

/* Places of members in the list, which dr_sums_parse() has checked. */
enum {
    AT_DOCUMENT,
    AT_OCI_LAYOUT,
    AT_INDEX,
    AT_DOCKER,
    AT_BLOBS,
};

struct dr_stream; /* bundle/file/stream.c */

struct dr_bundle {
    struct dr_envelope envelope;
    struct dr_document document;
    struct dr_bundle_blob *blobs; /* in file order */
    size_t blob_count;
    const struct dr_bundle_blob **by_digest;
    struct dr_stream *stream;   /* NULL: a file, or volumes */
    struct dr_volumes *volumes; /* NULL: a file, or a stream */
};

/* Empty. */
struct dr_bundle *dr_reader_new(struct dr_err *err);

/* dr_bundle_open() of volumes. */
struct dr_bundle *dr_reader_open_volumes(const char *path, const struct dr_bundle_trust *trust,
                                         struct dr_err *err);

/* All below, once the envelope is open. */
int dr_reader_open_inside(struct dr_bundle *bundle, const struct dr_bundle_trust *trust,
                          struct dr_err *err);

int dr_reader_load_document(struct dr_bundle *bundle, const struct dr_bundle_trust *trust,
                            struct dr_err *err);

/* The blobs that are in the layout. */
int dr_reader_index_blobs(struct dr_bundle *bundle, struct dr_err *err);
void dr_reader_forget_blobs(struct dr_bundle *bundle);

int dr_reader_load_images(struct dr_bundle *bundle, struct dr_err *err);

/* The blobs must be those that the images need, in the one order that there is, with the sizes that the manifests
 * say. Marks the layers. */
int dr_reader_check_blobs(struct dr_bundle *bundle, struct dr_err *err);

/* What other tools go by must tell what bundle.json tells. */
int dr_reader_check_indexes(const struct dr_bundle *bundle, struct dr_err *err);

/* Hashes manifests and configs, and adds up the layers. */
int dr_reader_check_small(struct dr_bundle *bundle, struct dr_err *err);

/* What is behind the blobs, but for programs. */
int dr_reader_check_tail(struct dr_bundle *bundle, struct dr_err *err);

void dr_reader_describe(struct dr_bundle *bundle, const struct dr_bundle_trust *trust);

/* All of a stream that stands before its layers (bundle/file/stream_head.c), which begin at `ret_end`. Their places are
 * known afterwards. */
int dr_reader_open_head(struct dr_bundle *bundle, int pipe, const struct dr_bundle_trust *trust,
                        uint64_t *ret_end, struct dr_err *err);

void dr_stream_free(struct dr_stream *stream);

#endif
