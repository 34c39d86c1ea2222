/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REFERENCE_H
#define DROVER_LIB_REFERENCE_H

/*
 * Image references, as docker reads them: [HOST[:PORT]/]PATH[:TAG][@DIGEST] (distribution/reference
 * grammar). The first part is a host only if it has a '.' or ':' or is "localhost"; without a host
 * it is docker.io; a one-word name on docker.io lies in library/. A reference without tag and
 * digest gets the tag "latest". A parsed reference is plain data: copy it as you like.
 */

#include <stdbool.h>

#include "lib/err.h"
#include "lib/hash.h"

#define DR_REFERENCE_TEXT 768

struct dr_reference {
    char host[256];       /* "docker.io", "127.0.0.1:5000" */
    char repository[256]; /* "rancher/server": what the registry is asked for */
    char tag[129];        /* "" when there is only a digest */
    bool has_digest;
    struct dr_digest digest;
};

/* DR_ERR_FORMAT, naming what is wrong with it. */
int dr_reference_parse(const char *text, struct dr_reference *ret_reference, struct dr_err *err);

/* The whole name, host included: "docker.io/rancher/server:v1.0.2[@sha256:...]". Returns `ret`. */
const char *dr_reference_text(const struct dr_reference *reference, char ret[DR_REFERENCE_TEXT]);

/* As people write it: without docker.io/ and library/. Returns `ret`. */
const char *dr_reference_familiar(const struct dr_reference *reference,
                                  char ret[DR_REFERENCE_TEXT]);

/* A target registry on the command line: HOST[:PORT][/PREFIX]. `ret_prefix` is "" or "a/b", without
 * slashes at its ends; both have room for 256 bytes. */
int dr_reference_parse_registry(const char *text, char ret_host[256], char ret_prefix[256],
                                struct dr_err *err);

/* What names begin with: HOST[:PORT], HOST/PATH, or PATH for those of docker.io; no tag, no digest.
 * `ret_path` is "" for a host alone; both have room for 256 bytes. DR_ERR_USAGE. */
int dr_reference_parse_beginning(const char *text, char ret_host[256], char ret_path[256],
                                 struct dr_err *err);

/* Lower-case words with slashes between them, as repositories are called. */
bool dr_reference_is_path(const char *path);

/* Where `from` goes in a target registry: same path below the prefix, same tag
 * (rancher/server:v1.0.2 in reg:5000/mirror becomes reg:5000/mirror/rancher/server:v1.0.2). */
int dr_reference_move(const struct dr_reference *from, const char *host, const char *prefix,
                      struct dr_reference *ret_reference, struct dr_err *err);

#endif
