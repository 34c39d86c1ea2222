/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_READER_H
#define DROVER_BUNDLE_FILE_READER_H

/*
 * Reads a bundle (docs/bundle-format.md), signature first. Everything that these functions hand out
 * has been covered by a good signature before, unless the caller asked for `unverified` (`drover
 * inspect` only).
 *
 *     struct dr_bundle_trust trust = {.keys = keys, .key_count = n, .now = time(NULL)};
 *     dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(path, &trust, err);
 *     const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
 *     for each image, each blob of image->content: dr_bundle_find_blob() and dr_bundle_blob_read()
 *
 * dr_bundle_open() checks, in this order: the header of SHA256SUMS, the signatures, the list, every
 * member's header and padding in lock-step with the list, the exact end of the file, the content of
 * every small member (bundle.json, index, manifests, configs), the policy of bundle.json, that
 * index.json and manifest.json are what the manifests make them, and that every layer has the size
 * its manifest says. What remains are the bytes of the layers: dr_bundle_hash_layers() checks them
 * all (verify, apply), or each is hashed while it is used (dr_registry_put_blobs() does that for
 * mirror). The file is opened once; all reads are pread() on that descriptor and may come from
 * several threads.
 *
 * Errors: DR_ERR_VERIFY, naming the member and its byte offset; DR_ERR_IO for the file itself;
 * DR_ERR_REFUSED for policy (expired, of another channel, older than one seen before, a clock that
 * is wrong, needs a newer drover). What the receiver demands is in bundle/file/trust.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/content.h"
#include "bundle/file/delta.h"
#include "bundle/file/layout.h"
#include "bundle/file/trust.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/log.h"

struct dr_bundle;
struct dr_volumes; /* bundle/file/volumes.h */
struct dr_volume_set;

/* `path` is a bundle's file, or one of its volumes, or a folder with volumes. Not all of these need be here for all but
 * the layers. NULL on failure. */
struct dr_bundle *dr_bundle_open(const char *path, const struct dr_bundle_trust *trust,
                                 struct dr_err *err);

/* The same from volumes that are open; takes them, unless it fails. */
struct dr_bundle *dr_bundle_open_volumes(struct dr_volumes *volumes,
                                         const struct dr_bundle_trust *trust, struct dr_err *err);

/* What volumes of it would have in common (bundle/file/volume_set.h), but for where it is cut. */
int dr_bundle_describe_set(const struct dr_bundle *bundle, struct dr_volume_set *set,
                           struct dr_err *err);

/* NULL: it is one file, or a stream. Borrowed. */
struct dr_volumes *dr_bundle_volumes(const struct dr_bundle *bundle);
void dr_bundle_free(struct dr_bundle *bundle);
static inline void dr_cleanup_bundle(struct dr_bundle **bundle)
{
    dr_bundle_free(*bundle);
}
#define dr_auto_bundle __attribute__((cleanup(dr_cleanup_bundle)))

/* Hashes what dr_bundle_open() left: every layer (and drover's own program, if it is inside), on all
 * processors, one pass over the file. DR_ERR_VERIFY names a bad one; DR_ERR_REFUSED: not all volumes
 * are here. `progress` may be NULL; its total is dr_bundle_about()->layer_bytes. */
int dr_bundle_hash_layers(struct dr_bundle *bundle, struct dr_progress *progress,
                          struct dr_err *err);

const struct dr_bundle_about *dr_bundle_about(const struct dr_bundle *bundle);

/* In the order of the command line. Borrowed from the bundle. */
const struct dr_bundle_image *dr_bundle_images(const struct dr_bundle *bundle, size_t *ret_count);

/* A listed member, by its name: offset, size and hash. NULL: there is none. Borrowed. */
const struct dr_member *dr_bundle_find_member(const struct dr_bundle *bundle, const char *name);

/* DR_ERR_REFUSED for a delta, which cannot do alone what is to be done: "load it into an engine". */
int dr_bundle_refuse_delta(const struct dr_bundle *bundle, const char *what, struct dr_err *err);

/* The image with that role, NULL: there is none. */
const struct dr_bundle_image *dr_bundle_image_with_role(const struct dr_bundle *bundle,
                                                        const char *role);

/* Every blob once, in file order. Borrowed. */
const struct dr_bundle_blob *dr_bundle_blobs(const struct dr_bundle *bundle, size_t *ret_count);

/* The members that are drover itself (DR_NAME_PROGRAM and an architecture). Borrowed. */
const struct dr_member *dr_bundle_programs(const struct dr_bundle *bundle, size_t *ret_count);

/* NULL: the bundle does not hold it; a delta does not hold what its about->delta has. Borrowed. */
const struct dr_bundle_blob *dr_bundle_find_blob(const struct dr_bundle *bundle,
                                                 const struct dr_digest *digest);

/* Exactly `size` bytes at `offset` of the blob. Their hash is the caller's business, unless
 * dr_bundle_blob_load() below is used. */
int dr_bundle_blob_read(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob,
                        uint64_t offset, void *ret_data, size_t size, struct dr_err *err);

/* The bytes of SHA256SUMS, which are what is signed, appended to `ret_list`. */
int dr_bundle_load_list(const struct dr_bundle *bundle, struct dr_buf *ret_list,
                        struct dr_err *err);

/* The file as it is: it is a docker archive too (docs/bundle-format.md). Up to `size` bytes at `offset`, 0 at its end, -1
 * on failure. Only after dr_bundle_hash_layers(), and what is made of it is to be compared again. */
uint64_t dr_bundle_file_size(const struct dr_bundle *bundle);
long dr_bundle_file_read(const struct dr_bundle *bundle, uint64_t offset, void *ret_data,
                         size_t size, struct dr_err *err);

/* The open file in which that byte is, for the kernel to send from (sendfile(2)), where it is in there, and how many of
 * the bytes that follow are behind it (more than the bundle has, if it is one file). Borrowed: only ever read. */
int dr_bundle_file_place(const struct dr_bundle *bundle, uint64_t offset, int *ret_fd,
                         uint64_t *ret_at, uint64_t *ret_size, struct dr_err *err);

/* A hash over sizes and times of all files that it is in: another one, and somebody wrote into one of them. */
int dr_bundle_file_stamp(const struct dr_bundle *bundle, struct dr_digest *ret_stamp,
                         struct dr_err *err);

/* A whole manifest or config, appended to `ret_data`; its digest is compared on every call. */
int dr_bundle_blob_load(const struct dr_bundle *bundle, const struct dr_digest *digest,
                        struct dr_buf *ret_data, struct dr_err *err);

#endif
