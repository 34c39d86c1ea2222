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
 * DR_ERR_REFUSED for policy (expired, needs a newer drover).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/reference.h"
#include "manifests/manifest.h"

struct dr_bundle;

struct dr_bundle_trust {
    const struct dr_key *const *keys; /* a good signature of any one of them is enough */
    size_t key_count;
    int64_t now;     /* seconds since the epoch, for the expiry */
    bool unverified; /* look without keys: nothing may be done with what comes out but show it */
};

/* NULL on failure. */
struct dr_bundle *dr_bundle_open(const char *path, const struct dr_bundle_trust *trust,
                                 struct dr_err *err);
void dr_bundle_free(struct dr_bundle *bundle);
static inline void dr_cleanup_bundle(struct dr_bundle **bundle)
{
    dr_bundle_free(*bundle);
}
#define dr_auto_bundle __attribute__((cleanup(dr_cleanup_bundle)))

/* Hashes every layer, on all processors, one pass over the file. DR_ERR_VERIFY names the first bad
 * one. `progress` may be NULL; its total is dr_bundle_about()->layer_bytes. */
int dr_bundle_hash_layers(struct dr_bundle *bundle, struct dr_progress *progress,
                          struct dr_err *err);

/* What bundle.json says of the whole. Texts are printable ASCII. Borrowed from the bundle. */
struct dr_bundle_about {
    const char *release; /* "v1.0.2"; NULL: images only */
    const char *builder; /* "drover 0.1.0" */
    const char *created; /* "2016-05-26T18:13:38Z" */
    const char *expires; /* NULL: never */
    const char *channel;
    uint64_t serial;
    struct dr_digest id;     /* of the list of images: equal ids, equal images */
    struct dr_digest sums;   /* of SHA256SUMS: names this very bundle, whoever signed it */
    struct dr_digest key_id; /* of the key whose signature was good; all zero when unverified */
    uint64_t bytes;          /* of the file */
    uint64_t layer_bytes;
    size_t members;
    bool verified; /* false: nobody vouches for anything here */
};

const struct dr_bundle_about *dr_bundle_about(const struct dr_bundle *bundle);

/* Roles of images in a release. */
#define DR_ROLE_SERVER "server"
#define DR_ROLE_AGENT "agent"
#define DR_ROLE_AGENT_INSTANCE "agent-instance"
#define DR_ROLE_EXTRA "extra" /* named on the command line */

struct dr_bundle_image {
    struct dr_reference reference; /* docker.io/rancher/server:v1.0.2 */
    const char *role; /* one of DR_ROLE_* or of a later version: unknown ones are fine */
    struct dr_descriptor manifest;    /* type, digest, size: what goes to the registry */
    struct dr_image_manifest content; /* config (its digest is the image ID) and layers */
    const char *const *warnings;      /* ended by NULL */
    bool has_source; /* `source` is the digest of the list that this image was chosen from */
    struct dr_digest source;
};

/* In the order of the command line. Borrowed from the bundle. */
const struct dr_bundle_image *dr_bundle_images(const struct dr_bundle *bundle, size_t *ret_count);

/* The image with that role, NULL: there is none. */
const struct dr_bundle_image *dr_bundle_image_with_role(const struct dr_bundle *bundle,
                                                        const char *role);

struct dr_bundle_blob {
    struct dr_digest digest;
    uint64_t offset; /* of the first byte in the file */
    uint64_t size;
    bool layer; /* false: a manifest or config */
};

/* Every blob once, in file order. Borrowed. */
const struct dr_bundle_blob *dr_bundle_blobs(const struct dr_bundle *bundle, size_t *ret_count);

/* NULL: the bundle does not hold it. Borrowed. */
const struct dr_bundle_blob *dr_bundle_find_blob(const struct dr_bundle *bundle,
                                                 const struct dr_digest *digest);

/* Exactly `size` bytes at `offset` of the blob. Their hash is the caller's business, unless
 * dr_bundle_blob_load() below is used. */
int dr_bundle_blob_read(const struct dr_bundle *bundle, const struct dr_bundle_blob *blob,
                        uint64_t offset, void *ret_data, size_t size, struct dr_err *err);

/* A whole manifest or config, appended to `ret_data`; its digest is compared on every call. */
int dr_bundle_blob_load(const struct dr_bundle *bundle, const struct dr_digest *digest,
                        struct dr_buf *ret_data, struct dr_err *err);

#endif
