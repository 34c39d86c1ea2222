/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_UPLOAD_H
#define DROVER_LIB_REGISTRY_UPLOAD_H

/*
 * One blob on its way into a registry (distribution-spec "Pushing a blob in chunks", with one chunk
 * where nothing breaks): is it there? Can it be had from a neighbour? Else open a session, send,
 * close it with the digest. Every answer names the Location of the next request; they are taken as
 * they come and never built. These are the questions; lib/registry/blob_put.c acts on the answers.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/registry/pool.h"
#include "lib/registry/registry.h"

enum dr_upload_step {
    DR_UPLOAD_LOOK,   /* HEAD of the blob */
    DR_UPLOAD_MOUNT,  /* POST with mount= and from= */
    DR_UPLOAD_OPEN,   /* POST */
    DR_UPLOAD_SEND,   /* PATCH */
    DR_UPLOAD_REVIEW, /* GET of the session: how much has it got? */
    DR_UPLOAD_CLOSE,  /* PUT */
    DR_UPLOAD_CANCEL, /* DELETE */
};

struct dr_upload {
    struct dr_job job;
    enum dr_upload_step step;
    struct dr_blob_put *put;
    struct dr_registry *registry;
    struct dr_progress *progress;
    struct dr_hash *hash;
    char *session;          /* the last Location; NULL: no session is open */
    uint64_t from;          /* where the current PATCH begins */
    uint64_t to;            /* and where it ends: at the blob's end, or that of a piece */
    uint64_t done;          /* bytes hashed: of the session, or handed to the connection */
    unsigned attempt;       /* of the current PATCH, whose bytes these are */
    char content_range[64]; /* of the current PATCH */
    unsigned tries;         /* of the whole upload */
    bool tried;             /* what is found there may be our own work */
    struct dr_err why;      /* CANCEL: the error to end with */
};

/* Each prepares the next exchange: 0, or -1 without memory. */
int dr_upload_look(struct dr_upload *upload, struct dr_err *err);
int dr_upload_open(struct dr_upload *upload, struct dr_err *err);
int dr_upload_mount_or_open(struct dr_upload *upload, struct dr_err *err);
int dr_upload_review(struct dr_upload *upload, struct dr_err *err);
int dr_upload_close(struct dr_upload *upload, struct dr_err *err);
int dr_upload_cancel(struct dr_upload *upload, struct dr_err *err);

/* From the byte `from` on, as far as one request may go: what is before is in the session; unless it was
 * hashed just now it is read and hashed again, since only the hash of the whole opens the way to the
 * closing PUT. */
int dr_upload_send(struct dr_upload *upload, uint64_t from, struct dr_err *err);

/* Hashes again what is before `from`. */
int dr_upload_rewind(struct dr_upload *upload, struct dr_err *err);

/* Forgets what was hashed. */
void dr_upload_start_over(struct dr_upload *upload);

#endif
