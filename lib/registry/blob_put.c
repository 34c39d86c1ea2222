/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/registry/pool.h"
#include "lib/registry/range.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"
#include "lib/registry/upload.h"
#include "lib/text.h"

#define LOCATION_MAX 8192
/* An upload that came so much further was worth its try: the count of failed ones starts again. */
#define PROGRESS_BYTES (1u << 20)

struct put_run {
    struct dr_registry *registry;
    struct dr_blob_put *puts;
    struct dr_progress *progress;
};

static struct dr_upload *of(struct dr_job *job)
{
    return (struct dr_upload *)(void *)job;
}

static int wrap(const struct dr_upload *upload, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    return dr_err_wrap(err, "send %s to '%s' of registry '%s'",
                       dr_digest_text(&upload->put->digest, digest), upload->put->repository,
                       upload->registry->host);
}

/* Others may go on with it, should this run end. */
static void tell_session(const struct dr_upload *upload)
{
    if (upload->put->opened)
        upload->put->opened(upload->put->context, upload->session);
}

static void forget_session(struct dr_upload *upload)
{
    free(upload->session);
    upload->session = NULL;
    tell_session(upload);
}

/* Ends with `why`, after telling the registry that nothing more will come. */
static int cancel(struct dr_upload *upload, const struct dr_err *why, struct dr_err *err)
{
    upload->why = *why;
    if (upload->put->opened)
        upload->put->opened(upload->put->context, NULL);
    if (upload->session && dr_upload_cancel(upload, NULL) == 0)
        return 0;
    if (err)
        *err = *why;
    return wrap(upload, err);
}

/* Looks whether it is there after all; if not, goes on in the session while there is one, else from
 * the beginning. */
static int try_again(struct dr_upload *upload, const struct dr_err *failure, struct dr_err *err)
{
    struct dr_exchange *exchange = &upload->job.exchange;
    double not_before;

    exchange->tries = upload->tries;
    if (dr_exchange_again(exchange, failure, err) < 0)
        return wrap(upload, err);
    upload->tries = exchange->tries;
    not_before = exchange->not_before;
    if (dr_upload_look(upload, err) < 0)
        return -1;
    exchange->not_before = not_before;
    return 0;
}

/* What was sent is gone, or was wrong. */
static int try_anew(struct dr_upload *upload, const struct dr_err *failure, struct dr_err *err)
{
    forget_session(upload);
    return try_again(upload, failure, err);
}

static int begin_anew(struct dr_upload *upload, struct dr_err *err)
{
    forget_session(upload);
    dr_upload_start_over(upload);
    return dr_upload_mount_or_open(upload, err);
}

static int refused(struct dr_upload *upload, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    dr_exchange_refused(&upload->job.exchange, &why);
    return cancel(upload, &why, err);
}

static int finish(struct dr_upload *upload, enum dr_blob_outcome outcome)
{
    upload->put->outcome = outcome;
    forget_session(upload);
    if (upload->progress)
        dr_progress_add(upload->progress, upload->put->size - upload->done);
    return 1;
}

/* A different size under this digest: a store that is damaged, which sending would not mend, since
 * registries keep what they have. */
static int looked(struct dr_upload *upload, struct dr_err *err)
{
    const struct dr_exchange *exchange = &upload->job.exchange;
    uint64_t size = dr_exchange_length(exchange);

    if (exchange->response.status == 404)
        return upload->session ? dr_upload_review(upload, err) : begin_anew(upload, err);
    if (exchange->response.status != 200)
        return refused(upload, err);
    if (size != UINT64_MAX && size != upload->put->size) {
        dr_fail(err, DR_ERR_PROOF,
                "the registry has it with %" PRIu64 " bytes instead of %" PRIu64
                ": its storage is damaged, delete that blob there",
                size, upload->put->size);
        return wrap(upload, err);
    }
    return finish(upload, upload->tried ? DR_BLOB_SENT : DR_BLOB_PRESENT);
}

static bool is_downgrade(const struct dr_upload *upload, const char *url)
{
    return dr_text_starts(upload->registry->base, "https://") && !dr_text_starts(url, "https://");
}

/* Remembers where the session goes on. Locations are taken as they come, never built. */
static int take_location(struct dr_upload *upload, struct dr_err *err)
{
    const struct dr_exchange *exchange = &upload->job.exchange;
    char location[LOCATION_MAX];
    char *next;

    if (!dr_http_header(&exchange->response, "Location", 0, location, sizeof location)) {
        dr_fail(err, DR_ERR_NET, "the registry opened an upload without saying where");
        return wrap(upload, err);
    }
    next = dr_http_resolve(dr_exchange_target(exchange), location, err);
    if (!next)
        return wrap(upload, err);
    free(upload->session);
    upload->session = next;
    if (is_downgrade(upload, next)) {
        dr_fail(err, DR_ERR_NET,
                "the registry wants the upload at '%.200s', in the clear; if a proxy does its TLS, "
                "that proxy must set X-Forwarded-Proto",
                next);
        return wrap(upload, err);
    }
    return 0;
}

static int check_digest(struct dr_upload *upload, struct dr_err *err)
{
    struct dr_digest digest;
    char text[DR_DIGEST_TEXT];

    dr_hash_end(upload->hash, &digest);
    if (dr_digest_equal(&digest, &upload->put->digest))
        return 0;
    return dr_fail(err, DR_ERR_VERIFY, "its bytes have the digest %s",
                   dr_digest_text(&digest, text));
}

/* The one gate to the closing PUT. */
static int close_if_good(struct dr_upload *upload, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    return check_digest(upload, &why) < 0 ? cancel(upload, &why, err)
                                          : dr_upload_close(upload, err);
}

/* Where the next part cannot be had since it is bad, nothing more will come. */
static int send_on(struct dr_upload *upload, uint64_t from, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (dr_upload_send(upload, from, &why) == 0)
        return 0;
    if (why.code == DR_ERR_VERIFY)
        return cancel(upload, &why, err);
    if (err)
        *err = why;
    return -1;
}

static int opened(struct dr_upload *upload, struct dr_err *err)
{
    long status = upload->job.exchange.response.status;

    if (status == 201 && upload->step == DR_UPLOAD_MOUNT)
        return finish(upload, DR_BLOB_MOUNTED);
    if (status != 202 && upload->step == DR_UPLOAD_MOUNT)
        return dr_upload_open(upload, err);
    if (status != 202)
        return refused(upload, err);
    if (take_location(upload, err) < 0)
        return -1;
    tell_session(upload);
    return upload->put->size > 0 ? send_on(upload, 0, err) : close_if_good(upload, err);
}

/* Whether there is a size of requests that this one was not; `why` is for people. Proxies are often told
 * 1 MB, or 100. */
static bool make_smaller(const struct dr_upload *upload, const char *why)
{
    static const uint64_t pieces[] = {60000000, 8000000, 1000000};
    struct dr_registry *registry = upload->registry;
    uint64_t refused = upload->to - upload->from;
    char size[16];

    if (registry->piece > 0 && registry->piece < refused)
        return true; /* another upload has found it out meanwhile */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (pieces[i] >= refused)
            continue;
        registry->piece = pieces[i];
        dr_text_size(pieces[i], size);
        if (registry->log)
            dr_log_say(registry->log,
                       "'%s', or a proxy in front of it, %s: sending in pieces of %s",
                       registry->host, why, size);
        return true;
    }
    return false;
}

static int too_large(struct dr_upload *upload, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (make_smaller(upload, "takes no request of this size (413)"))
        return begin_anew(upload, err);
    dr_exchange_refused(&upload->job.exchange, &why);
    dr_err_advise(&why,
                  "it, or a proxy in front of it, limits the size of requests: raise that (in "
                  "nginx: client_max_body_size)");
    return cancel(upload, &why, err);
}

static int sent(struct dr_upload *upload, struct dr_err *err)
{
    long status = upload->job.exchange.response.status;
    struct dr_err why = DR_ERR_INIT;

    /* 404: the session is gone (registry restarted, or another one of several); 416: it disagrees
     * about where to go on. */
    if (status == 404 || status == 416) {
        dr_exchange_refused(&upload->job.exchange, &why);
        return status == 404 ? try_anew(upload, &why, err) : try_again(upload, &why, err);
    }
    if (status == 413)
        return too_large(upload, err);
    if (status < 200 || status > 299)
        return refused(upload, err);
    if (upload->done < upload->to) {
        dr_fail(&why, DR_ERR_NET, "the registry answered before it had everything");
        return try_anew(upload, &why, err);
    }
    if (take_location(upload, err) < 0)
        return -1;
    return upload->to < upload->put->size ? send_on(upload, upload->to, err)
                                          : close_if_good(upload, err);
}

/* 400 is DIGEST_INVALID: what arrived was not what went out. */
static int closed(struct dr_upload *upload, struct dr_err *err)
{
    long status = upload->job.exchange.response.status;
    struct dr_err why = DR_ERR_INIT;

    if (status >= 200 && status <= 299)
        return finish(upload, DR_BLOB_SENT);
    if (status != 400 && status != 404)
        return refused(upload, err);
    dr_exchange_refused(&upload->job.exchange, &why);
    return try_anew(upload, &why, err);
}

/* 0: nothing to go on from. */
static uint64_t session_end(const struct dr_upload *upload)
{
    const struct dr_exchange *exchange = &upload->job.exchange;
    char value[64];
    uint64_t end;

    if (exchange->response.status != 204 ||
        !dr_http_header(&exchange->response, "Range", 0, value, sizeof value))
        return 0;
    end = dr_range_of_session(value);
    return end <= upload->put->size ? end : 0;
}

/* How much a session has that was broken off. When that is all, it is only to be closed. */
static int reviewed(struct dr_upload *upload, struct dr_err *err)
{
    uint64_t end = session_end(upload);
    char location[LOCATION_MAX];

    if (end == 0)
        return begin_anew(upload, err);
    if (dr_http_header(&upload->job.exchange.response, "Location", 0, location, sizeof location) &&
        take_location(upload, err) < 0)
        return -1;
    if (end > upload->from && end - upload->from >= PROGRESS_BYTES)
        upload->tries = 0;
    if (upload->registry->log)
        dr_log_detail(upload->registry->log, "going on at byte %" PRIu64 " of %" PRIu64, end,
                      upload->put->size);
    if (end < upload->put->size)
        return send_on(upload, end, err);
    upload->from = end;
    return dr_upload_rewind(upload, err) < 0 ? wrap(upload, err) : close_if_good(upload, err);
}

static int answered(void *context, struct dr_job *base, struct dr_err *err)
{
    struct dr_upload *upload = of(base);

    (void)context;
    switch (upload->step) {
    case DR_UPLOAD_LOOK:
        return looked(upload, err);
    case DR_UPLOAD_MOUNT:
    case DR_UPLOAD_OPEN:
        return opened(upload, err);
    case DR_UPLOAD_SEND:
        return sent(upload, err);
    case DR_UPLOAD_REVIEW:
        return reviewed(upload, err);
    case DR_UPLOAD_CLOSE:
        return closed(upload, err);
    case DR_UPLOAD_CANCEL:
        break;
    }
    if (err)
        *err = upload->why;
    return wrap(upload, err);
}

static int failed(void *context, struct dr_job *base, const struct dr_err *failure,
                  struct dr_err *err)
{
    struct dr_upload *upload = of(base);
    bool sending = upload->step == DR_UPLOAD_SEND || upload->step == DR_UPLOAD_CLOSE;

    if (upload->step == DR_UPLOAD_CANCEL)
        return answered(context, base, err);
    if (upload->step == DR_UPLOAD_REVIEW && failure->code != DR_ERR_STOPPED)
        return begin_anew(upload, err);
    if (upload->step == DR_UPLOAD_MOUNT && failure->code == DR_ERR_AUTH)
        return dr_upload_open(upload, err); /* no right to look at the neighbour: send it then */
    if (sending && failure->code == DR_ERR_NET)
        return try_again(upload, failure, err);
    /* Where a proxy passes a request on when it has all of it, its token may have ended meanwhile. */
    if (upload->step == DR_UPLOAD_SEND && failure->code == DR_ERR_AUTH &&
        make_smaller(upload, "refuses its own token after an upload"))
        return begin_anew(upload, err);
    if (upload->step == DR_UPLOAD_SEND && failure->code != DR_ERR_STOPPED)
        return cancel(upload, failure, err);
    if (err)
        *err = *failure;
    return failure->code == DR_ERR_STOPPED ? -1 : wrap(upload, err);
}

static int begin(void *context, struct dr_job *base, struct dr_err *err)
{
    struct put_run *run = context;
    struct dr_upload *upload = of(base);

    upload->registry = run->registry;
    upload->progress = run->progress;
    upload->put = &run->puts[base->index];
    upload->hash = dr_hash_new(err);
    if (!upload->hash)
        return -1;
    if (upload->put->session && !is_downgrade(upload, upload->put->session)) {
        upload->session = dr_text_copy(upload->put->session, err);
        return upload->session ? dr_upload_review(upload, err) : -1;
    }
    return upload->put->absent ? dr_upload_mount_or_open(upload, err) : dr_upload_look(upload, err);
}

static void end(struct dr_job *base)
{
    dr_hash_free(of(base)->hash);
    free(of(base)->session);
}

int dr_registry_put_blobs(struct dr_registry *registry, struct dr_blob_put *puts, size_t count,
                          unsigned parallel, struct dr_progress *progress, struct dr_err *err)
{
    static const struct dr_job_kind kind = {
        .size = sizeof(struct dr_upload),
        .begin = begin,
        .answered = answered,
        .failed = failed,
        .end = end,
    };
    struct put_run run = {.registry = registry, .puts = puts, .progress = progress};

    return dr_pool_run(registry, &kind, &run, count, parallel, err);
}
