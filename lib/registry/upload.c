/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/session.h"
#include "lib/stop.h"
#include "lib/text.h"

void dr_upload_start_over(struct dr_upload *upload)
{
    struct dr_digest unused;

    dr_hash_end(upload->hash, &unused);
    if (upload->progress)
        dr_progress_take_back(upload->progress, upload->done);
    upload->done = 0;
}

static char *make_scope(const struct dr_upload *upload, struct dr_err *err)
{
    const struct dr_blob_put *put = upload->put;

    if (upload->step == DR_UPLOAD_MOUNT)
        return dr_text_format(err, "repository:%s:pull,push repository:%s:pull", put->repository,
                              put->mount_from);
    return dr_session_scope(put->repository, "pull,push", err);
}

/* Takes `url`. */
static int ask(struct dr_upload *upload, enum dr_upload_step step, const char *method, char *url,
               struct dr_err *err)
{
    upload->step = step;
    return dr_exchange_ask(&upload->job.exchange, method, url, make_scope(upload, err));
}

int dr_upload_look(struct dr_upload *upload, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    return ask(upload, DR_UPLOAD_LOOK, "HEAD",
               dr_session_url(upload->registry, upload->put->repository, "/blobs/",
                              dr_digest_text(&upload->put->digest, digest), err),
               err);
}

int dr_upload_open(struct dr_upload *upload, struct dr_err *err)
{
    return ask(
        upload, DR_UPLOAD_OPEN, "POST",
        dr_session_url(upload->registry, upload->put->repository, "/blobs/uploads/", "", err), err);
}

int dr_upload_mount_or_open(struct dr_upload *upload, struct dr_err *err)
{
    const struct dr_blob_put *put = upload->put;
    dr_autofree char *from = NULL;
    dr_autofree char *query = NULL;
    char digest[DR_DIGEST_TEXT];

    if (!put->mount_from || strcmp(put->mount_from, put->repository) == 0)
        return dr_upload_open(upload, err);
    from = dr_http_escape(put->mount_from, err);
    query =
        from ? dr_text_format(err, "?mount=%s&from=%s", dr_digest_text(&put->digest, digest), from)
             : NULL;
    if (!query)
        return -1;
    return ask(upload, DR_UPLOAD_MOUNT, "POST",
               dr_session_url(upload->registry, put->repository, "/blobs/uploads/", query, err),
               err);
}

static int take_piece(struct dr_upload *upload, void *data, size_t size, struct dr_err *err)
{
    const struct dr_blob_put *put = upload->put;

    if (put->read(put->context, upload->done, data, size, err) < 0)
        return -1;
    dr_hash_add(upload->hash, data, size);
    upload->done += size;
    if (upload->progress)
        dr_progress_add(upload->progress, size);
    return 0;
}

int dr_upload_rewind(struct dr_upload *upload, struct dr_err *err)
{
    char piece[65536];

    dr_upload_start_over(upload);
    while (upload->done < upload->from) {
        uint64_t left = upload->from - upload->done;

        if (dr_stop_check(err, "reading again what a registry has") < 0 ||
            take_piece(upload, piece, left < sizeof piece ? (size_t)left : sizeof piece, err) < 0)
            return -1;
    }
    return 0;
}

/* A piece of the blob for the connection. */
static long give_bytes(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct dr_upload *upload = context;
    uint64_t left;

    if (upload->attempt != upload->job.exchange.attempts) {
        if (upload->done != upload->from && dr_upload_rewind(upload, err) < 0)
            return -1;
        upload->attempt = upload->job.exchange.attempts;
    }
    left = upload->to - upload->done;
    if (size > left)
        size = (size_t)left;
    if (size > 0 && take_piece(upload, ret_data, size, err) < 0)
        return -1;
    return (long)size;
}

/* A PATCH that is everything has no Content-Range. Others have one, which lets registries that look at
 * it find out that they disagree (others append: their digest tells). */
int dr_upload_send(struct dr_upload *upload, uint64_t from, struct dr_err *err)
{
    struct dr_exchange *exchange = &upload->job.exchange;
    const struct dr_blob_put *put = upload->put;
    uint64_t piece = upload->registry->piece;
    uint64_t to = put->size;
    uint64_t size;

    if (put->reach && put->reach(put->context, from, &to, err) < 0)
        return -1;
    size = to - from;
    if (piece > 0 && size > piece)
        size = piece;
    if (ask(upload, DR_UPLOAD_SEND, "PATCH", dr_text_copy(upload->session, err), err) < 0)
        return -1;
    upload->from = from;
    upload->to = from + size;
    upload->tried = true;
    upload->attempt = 0;
    exchange->once = true;
    exchange->source = give_bytes;
    exchange->context = upload;
    exchange->body_size = size;
    if (size < upload->put->size) {
        snprintf(upload->content_range, sizeof upload->content_range, "%" PRIu64 "-%" PRIu64, from,
                 upload->to - 1);
        exchange->content_range = upload->content_range;
    }
    return 0;
}

int dr_upload_review(struct dr_upload *upload, struct dr_err *err)
{
    if (ask(upload, DR_UPLOAD_REVIEW, "GET", dr_text_copy(upload->session, err), err) < 0)
        return -1;
    upload->job.exchange.once = true;
    return 0;
}

int dr_upload_cancel(struct dr_upload *upload, struct dr_err *err)
{
    if (ask(upload, DR_UPLOAD_CANCEL, "DELETE", dr_text_copy(upload->session, err), err) < 0)
        return -1;
    upload->job.exchange.once = true;
    return 0;
}

int dr_upload_close(struct dr_upload *upload, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];
    char *url = dr_text_format(err, "%s%cdigest=sha256%%3A%s", upload->session,
                               strchr(upload->session, '?') ? '&' : '?',
                               dr_digest_hex(&upload->put->digest, hex));

    if (ask(upload, DR_UPLOAD_CLOSE, "PUT", url, err) < 0)
        return -1;
    upload->job.exchange.once = true;
    return 0;
}
