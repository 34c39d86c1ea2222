/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_SUMS_H
#define DROVER_BUNDLE_FILE_SUMS_H

/*
 * SHA256SUMS, the signed list at the head of a bundle, and the names that members may have. Line i is the i-th
 * member after the signatures: 64 lower-case hex digits, two spaces, the name, a newline; what `sha256sum -c`
 * reads, and nothing else. Names and their order:
 *
 *     bundle.json, oci-layout, index.json, manifest.json,
 *     blobs/sha256/<its own hash>    as many as there are,
 *     whole/SHA256SUMS, whole/SHA256SUMS.sig, whole/bundle.json    in a delta: of what it stands for,
 *     READ-ME-FIRST.txt              if there is one,
 *     drover-<architecture>          if there are any, ascending
 */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/header.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/hash.h"

#define DR_NAME_SUMS "SHA256SUMS"
#define DR_NAME_SIGNATURE "SHA256SUMS.sig"
#define DR_NAME_DOCUMENT "bundle.json"
#define DR_NAME_OCI_LAYOUT "oci-layout"
#define DR_NAME_INDEX "index.json"
#define DR_NAME_DOCKER "manifest.json"
#define DR_NAME_BLOBS "blobs/sha256/"
#define DR_NAME_WHOLE_SUMS "whole/SHA256SUMS"
#define DR_NAME_WHOLE_SIGNATURE "whole/SHA256SUMS.sig"
#define DR_NAME_WHOLE_DOCUMENT "whole/bundle.json"
#define DR_NAME_README "READ-ME-FIRST.txt"
#define DR_NAME_PROGRAM "drover-"

/* The list is read whole before anything is trusted. */
#define DR_SUMS_MAX (8u << 20)

struct dr_sum {
    char name[DR_MEMBER_NAME];
    struct dr_digest digest;
};

struct dr_sums {
    struct dr_sum *lines; /* owned */
    size_t count;
};

#define DR_SUMS_INIT                                                                               \
    {                                                                                              \
        .lines = NULL                                                                              \
    }

/* All of the text or DR_ERR_VERIFY naming the line. That no blob is listed twice is checked by the reader, which
 * knows the exact sequence of blobs that must be there. */
int dr_sums_parse(const char *text, size_t size, struct dr_sums *ret_sums, struct dr_err *err);
void dr_sums_release(struct dr_sums *sums);
#define dr_auto_sums __attribute__((cleanup(dr_sums_release)))

/* Appends one line. */
int dr_sums_add(struct dr_buf *text, const char *name, const struct dr_digest *digest,
                struct dr_err *err);

bool dr_sums_is_blob(const char *name);
bool dr_sums_is_program(const char *name);
bool dr_sums_is_whole(const char *name);

/* "blobs/sha256/<hex>"; returns `ret`. */
const char *dr_sums_blob_name(const struct dr_digest *digest, char ret[DR_MEMBER_NAME]);

/* "SHA256SUMS.<16 hex>.sig", a co-signature. */
bool dr_sums_is_cosignature(const char *name);

#endif
