/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_DELTA_H
#define DROVER_BUNDLE_FILE_DELTA_H

/*
 * What a delta says of the layers that it leaves out: `bases` and `requires` of bundle.json (docs/bundle-format.md,
 * "Deltas"). Builders make the two arrays, readers find them; both have them checked here, so that a delta is what its
 * text says and nothing else. Only layers are left out, never a manifest or a config.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bundle/file/content.h"
#include "lib/err.h"
#include "lib/hash.h"

/* Bundles that a delta may build on. */
#define DR_BASES_MAX 64

/* What tools see that read a bundle without drover: nothing that they could load, and words that say why. */
#define DR_DELTA_WORDS "this-is-a-drover-delta:-use-drover-mirror,-or-drover-merge-to-make-it-whole"
#define DR_DELTA_OCI_LAYOUT "{\"imageLayoutVersion\":\"" DR_DELTA_WORDS "\"}"
#define DR_DELTA_INDEX                                                                             \
    "{\"schemaVersion\":2,\"mediaType\":\"" DR_MEDIA_OCI_INDEX "\",\"manifests\":[]}"
#define DR_DELTA_DOCKER "[{\"Config\":\"" DR_DELTA_WORDS "\",\"RepoTags\":[],\"Layers\":[]}]"

/* Whence it is known that the far side has it: what a registry was seen to have. Not needed to read a delta, so that
 * older readers take the base for the bundle alone. */
struct dr_base_receipt {
    const char *registry; /* as the site calls it; NULL: no receipt told */
    const char *time;
    struct dr_digest digest; /* of the receipt */
};

/* A bundle that the far side has, or had. */
struct dr_base {
    const char *release; /* NULL: none */
    const char *created;
    const char *channel;
    uint64_t serial;
    struct dr_digest id;
    bool has_sums; /* false: only its bundle.json was there */
    struct dr_digest sums;
    struct dr_base_receipt receipt;
};

/* Which image of which base has a layer. */
struct dr_holder {
    size_t base;
    const char *image; /* whole reference, "docker.io/rancher/agent:v1.0.1" */
};

struct dr_required {
    struct dr_digest digest;
    uint64_t size;
    const struct dr_holder *holders; /* at least one */
    size_t holder_count;
};

struct dr_delta {
    json_t *bases_json; /* owned; everything below borrows from the two */
    json_t *requires_json;
    struct dr_base *bases;
    size_t base_count;
    struct dr_required *items; /* ascending by digest, each once */
    size_t count;
    struct dr_holder *holders; /* storage of all items' */
    uint64_t bytes;            /* of all items */
};

/* From the two arrays of bundle.json, which it keeps references to. NULL: DR_ERR_FORMAT says what is wrong. */
struct dr_delta *dr_delta_new(json_t *bases, json_t *required, struct dr_err *err);
void dr_delta_free(struct dr_delta *delta);
static inline void dr_cleanup_delta(struct dr_delta **delta)
{
    dr_delta_free(*delta);
}
#define dr_auto_delta __attribute__((cleanup(dr_cleanup_delta)))

/* NULL: the delta does not leave it out. Borrowed. */
const struct dr_required *dr_delta_find(const struct dr_delta *delta,
                                        const struct dr_digest *digest);

/* Takes what the delta leaves out from the blobs that its images need. DR_ERR_FORMAT: it leaves out something else than
 * one of their layers, or says another size. */
int dr_delta_leave_out(const struct dr_delta *delta, struct dr_bundle_blob *blobs, size_t *count,
                       struct dr_err *err);

/* "Rancher v1.0.1 (serial 1464286418 of channel default, created 2016-05-26T18:13:38Z, SHA256SUMS sha256:...)" */
#define DR_BASE_TEXT 2400
const char *dr_base_text(const struct dr_base *base, char ret[DR_BASE_TEXT]);

/* For people: that it is a delta, what it leaves out, and of which bundles that is known, with what each of them alone
 * would save. NULL: prints nothing. */
void dr_delta_print(const struct dr_delta *delta, FILE *to);

#endif
