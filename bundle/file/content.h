/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_CONTENT_H
#define DROVER_BUNDLE_FILE_CONTENT_H

/*
 * What is in a bundle, as plain data: the whole, its images, their blobs. Writer and reader share these structs and
 * the rules below, which say what follows from the list of images alone: the reader computes it again and compares,
 * so no two parts of a bundle can tell different stories.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/slots.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/reference.h"
#include "manifests/family.h"
#include "manifests/manifest.h"

struct dr_delta; /* bundle/file/delta.h */

/* What bundle.json says of the whole, and what the reader found. Texts are printable ASCII. */
struct dr_bundle_about {
    const char *release;       /* "v1.0.2"; NULL: images only */
    const char *builder;       /* "drover 0.1.0" */
    const char *created;       /* "2016-05-26T18:13:38Z" */
    const char *expires;       /* NULL: never */
    const char *channel;       /* "default" */
    uint64_t serial;           /* grows with every bundle of a channel */
    struct dr_digest id;       /* of the list of images: equal ids, equal images */
    struct dr_digest sums;     /* of SHA256SUMS: names this very bundle, whoever signed it */
    int64_t created_at;        /* `created` and `expires` in seconds since the epoch; set by */
    int64_t expires_at;        /* dr_document_parse() */
    struct dr_signers signers; /* the keys whose signatures were good; none when unverified */
    size_t signatures;         /* filled slots, whoever signed */
    size_t free_slots;
    uint64_t bytes;       /* of the file */
    uint64_t layer_bytes; /* what dr_bundle_hash_layers() reads */
    size_t members;
    bool verified; /* false: nobody vouches for anything here */

    const struct dr_delta *delta; /* what it leaves out; NULL: it is no delta */
    struct dr_digest whole; /* `sums` of the whole bundle: of a delta, that which it stands for */
};

/* Roles of images in a release. */
#define DR_ROLE_SERVER "server"
#define DR_ROLE_AGENT "agent"
#define DR_ROLE_AGENT_INSTANCE "agent-instance"
#define DR_ROLE_EXTRA "extra" /* named on the command line */

/* How an image of another form became what is in the bundle. */
#define DR_CONVERSION_SCHEMA1 "schema1"

/* What a reference names: an image, or a list of images for several platforms with all of them. */
struct dr_bundle_image {
    struct dr_reference reference; /* docker.io/rancher/server:v1.0.2 */
    const char *role;              /* DR_ROLE_*; those of later versions are fine too */
    const char *platform;          /* "linux/amd64": of `content` */
    const char *const
        *platforms; /* of a list: all, `platform` first, ended by NULL; NULL: only that one */
    struct dr_descriptor manifest; /* type, digest, size: what the tag names in a registry */
    struct dr_image_manifest
        content; /* config (its digest is the image ID) and layers; of a list: those of `chosen` */
    struct dr_family family;     /* of a list: everything below it; else empty */
    struct dr_digest chosen;     /* of a list: the image that `docker load` gets */
    const char *const *warnings; /* ended by NULL; NULL: none */
    bool has_source;             /* made of what the registry has under the digest `source` */
    struct dr_digest source;
    const char *conversion; /* DR_CONVERSION_*; NULL: none, then `source` is a list */
};

/* A list and not one image. */
static inline bool dr_bundle_image_is_list(const struct dr_bundle_image *image)
{
    return dr_manifest_is_list(image->manifest.media_type);
}

/* The images behind one reference, of a list all that are below it; NULL after the last:
 *     for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) */
const struct dr_image_manifest *dr_bundle_image_content(const struct dr_bundle_image *image,
                                                        size_t index);

/* Layers of all of them; what several have counts for each. */
size_t dr_bundle_image_layer_count(const struct dr_bundle_image *image);

/* Does any of its manifests have this layer? */
bool dr_bundle_image_has_layer(const struct dr_bundle_image *image, const struct dr_digest *digest);

/* What people call the first image that has it; "?": none has. Returns `ret`. */
const char *dr_images_name_owner(const struct dr_bundle_image *images, size_t count,
                                 const struct dr_digest *layer, char ret[DR_REFERENCE_TEXT]);

/* How many platforms are named: 1 for what is no list. */
size_t dr_bundle_image_platform_count(const struct dr_bundle_image *image);

/* Gives a list its family (which it takes) and, from that, the content of `chosen`. DR_ERR_FORMAT: that is not one of
 * its images. */
int dr_bundle_image_adopt(struct dr_bundle_image *image, struct dr_family *family,
                          struct dr_err *err);

/* Frees content and family. */
void dr_bundle_image_release(struct dr_bundle_image *image);

struct dr_bundle_blob {
    struct dr_digest digest;
    uint64_t offset; /* of the first byte in the file */
    uint64_t size;
    bool layer; /* false: a manifest or config */
};

/* The most images that one bundle may name. */
#define DR_IMAGES_MAX 4096

/* No two images may go by one name: the second would take the first one's place in every registry and engine.
 * A name is host, repository and tag; without a tag the digest. DR_ERR_FORMAT names it. */
int dr_images_check_names(const struct dr_bundle_image *images, size_t count, struct dr_err *err);

/* SHA-256 over the lines "<reference> <manifest digest>\n" of all images. */
int dr_images_id(const struct dr_bundle_image *images, size_t count, struct dr_digest *ret_id,
                 struct dr_err *err);

/* Every blob that the images need, once, in the order of a bundle, offsets 0: manifests and configs ascending by
 * digest, then layers by their first use. A blob named with two sizes is DR_ERR_FORMAT. Owned by the caller. */
int dr_images_blobs(const struct dr_bundle_image *images, size_t count,
                    struct dr_bundle_blob **ret_blobs, size_t *ret_count, struct dr_err *err);

/* index.json: an OCI image index with one descriptor per image. */
char *dr_images_index(const struct dr_bundle_image *images, size_t count, struct dr_err *err);

/* manifest.json: what `docker load` reads. */
char *dr_images_docker(const struct dr_bundle_image *images, size_t count, struct dr_err *err);

/* oci-layout, always the same. */
#define DR_OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

#endif
