/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_BUNDLE_H
#define DROVER_BUNDLE_BUNDLE_H

/*
 * Stage 1: from registries to one signed file.
 *
 * Every manifest is fetched first; they say how large everything is, so the whole layout is known before the first
 * byte of a layer: the space is checked and reserved, and each layer goes from the network straight to its final
 * place while it is hashed. The file is OUTPUT.part until it is complete, signed and on the disk; then it is
 * renamed. A run that fails, is stopped or killed leaves OUTPUT.part with what came, and the same run goes on from
 * there (bundle/ledger.h); one that fails before the first layer leaves nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/wanted.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/pace.h"
#include "manifests/platform.h"

struct dr_bundle_options {
    struct dr_wish wish;
    const char
        *from; /* HOST[:PORT][/PREFIX] that stands in for docker.io; NULL: docker.io itself */
    const char *hub_mirror;      /* HOST[:PORT][/PREFIX] asked before docker.io; NULL: none */
    struct dr_platform platform; /* of lists, the image for this one */
    bool platform_named;         /* by the operator: an image for another one is refused */
    bool all_platforms;          /* lists are carried as they are, with all of their images */
    uint64_t rate;               /* bytes per second that are fetched at most; 0: no limit */
    bool fresh;                  /* what an earlier run left is not gone on with */
    const char *output;          /* the file; with `pipe` the one that is made first; NULL: none */
    bool pipe;                   /* the bundle goes to stdout */
    uint64_t split;              /* into volumes of at most so many bytes; 0: one file */
    uint64_t remake; /* only this volume, of the set that `like` belongs to; 0: all of a bundle */
    const char *like;
    bool dry_run;        /* only say what would be done; key and output may be NULL then */
    struct dr_pace pace; /* and how long it would take */
    bool json;           /* the result, or the dry run, as JSON */
    bool replace;        /* an existing output may be replaced, by a complete one */
    const char *key;     /* file with the private key; NULL: it is signed later */
    dr_passphrase_fn *ask;
    void *ask_context;
    const char *ca_file;         /* --ca-cert; may be NULL */
    const char *const *insecure; /* hosts named by --insecure-registry */
    size_t insecure_count;
    int64_t created;          /* seconds since the epoch */
    const char *channel;      /* the row of bundles that it belongs to */
    uint64_t serial;          /* its number in that row */
    const char *expires;      /* "2016-06-26T18:13:38Z"; NULL: never */
    const char *const *bases; /* --base: what the far side has (bundle/base.h) */
    size_t base_count;
    const struct dr_key *const *base_keys; /* who may have signed them, besides `key` */
    size_t base_key_count;
    const char *const *tools; /* executables of drover to carry along (bundle/tools.h) */
    size_t tool_count;
    bool dynamic_tool; /* they may need libraries of their host */
    unsigned parity;   /* percent; OUTPUT.parity is made when the bundle is complete; 0: not */
    size_t signers;    /* signatures that it has room for, `key`'s included: 1 to DR_SLOTS_MAX */
};

/* Writes the bundle and prints to stdout what it holds, with `json` as dr_inspect_print() does. On failure there is no new file under the output's name:
 * DR_ERR_ABSENT (image or release unknown), DR_ERR_NET, DR_ERR_AUTH, DR_ERR_VERIFY (a registry served other bytes
 * than it promised), DR_ERR_FORMAT (an image of a kind that drover cannot carry), DR_ERR_IO (no space),
 * DR_ERR_REFUSED (the output exists), DR_ERR_STOPPED. */
int dr_bundle_run(const struct dr_bundle_options *options, const struct dr_log *log,
                  struct dr_err *err);

#endif
