/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_QUESTION_H
#define DROVER_MIRROR_SERVE_QUESTION_H

/*
 * What a request asks for (OCI distribution-spec 1.1, "API"): path and query, taken apart. Nothing of it is ever used as
 * a path of a file: names, tags and digests are looked up in the catalog, or not found.
 */

#include <stdbool.h>
#include <stdint.h>

enum dr_question_kind {
    DR_ASK_NOTHING, /* no such place in a registry */
    DR_ASK_BAD,  /* a place in a registry, but what stands there cannot be a name: NAME_INVALID */
    DR_ASK_BASE, /* /v2/ */
    DR_ASK_CATALOG,   /* /v2/_catalog */
    DR_ASK_TAGS,      /* /v2/<name>/tags/list */
    DR_ASK_MANIFEST,  /* /v2/<name>/manifests/<tag or digest> */
    DR_ASK_BLOB,      /* /v2/<name>/blobs/<digest> */
    DR_ASK_UPLOAD,    /* /v2/<name>/blobs/uploads/… */
    DR_ASK_REFERRERS, /* /v2/<name>/referrers/<digest> */
};

/* With its NUL; a reference's longest name is 255, and a host may stand before it. */
#define DR_QUESTION_NAME 512
#define DR_QUESTION_REFERENCE 256

struct dr_question {
    enum dr_question_kind kind;
    char name[DR_QUESTION_NAME];
    char reference[DR_QUESTION_REFERENCE]; /* tag or digest */
    char ns[256]; /* ns=: whose name it is, as containerd asks a mirror; "": not said */
    char last[DR_QUESTION_NAME]; /* last=: lists begin behind it */
    uint64_t n;                  /* n=: entries of a list at most; UINT64_MAX: not said */
};

/* `path` as in the request (percent-encoded), `query` NULL where there is none. Whatever they hold. */
void dr_question_read(const char *path, const char *query, struct dr_question *ret_question);

#endif
