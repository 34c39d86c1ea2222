/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/pool.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"
#include "lib/text.h"

#define LOCATION_MAX 8192

/* The upload protocol (distribution-spec "Pushing a blob in chunks", with one chunk): is it there?
 * Can it be had from a neighbour? Else open a session, send, close it with the digest. Every answer
 * names the Location of the next request. */
enum step { LOOK, MOUNT, OPEN, SEND, CLOSE, CANCEL };

struct put_job {
    struct dr_job job;
    enum step step;
    struct dr_blob_put *put;
    struct dr_registry *registry;
    struct dr_progress *progress;
    struct dr_hash *hash;
    char *session;     /* the last Location; NULL: no session is open */
    uint64_t done;     /* bytes handed to the connection, and hashed */
    unsigned attempt;  /* in which request */
    unsigned tries;    /* of the whole upload */
    bool tried;        /* what is found there may be our own work */
    struct dr_err why; /* CANCEL: the error to end with */
};

struct put_run {
    struct dr_registry *registry;
    struct dr_blob_put *puts;
    struct dr_progress *progress;
};

static struct put_job *of(struct dr_job *job)
{
    return (struct put_job *)(void *)job;
}

static int wrap(const struct put_job *job, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    return dr_err_wrap(err, "send %s to '%s' of registry '%s'",
                       dr_digest_text(&job->put->digest, digest), job->put->repository,
                       job->registry->host);
}

static void start_over(struct put_job *job)
{
    struct dr_digest unused;

    dr_hash_end(job->hash, &unused);
    if (job->progress)
        dr_progress_take_back(job->progress, job->done);
    job->done = 0;
}

/* ---- the questions ---- */

static char *make_scope(const struct put_job *job, struct dr_err *err)
{
    const struct dr_blob_put *put = job->put;

    if (job->step == MOUNT)
        return dr_text_format(err, "repository:%s:pull,push repository:%s:pull", put->repository,
                              put->mount_from);
    return dr_session_scope(put->repository, "pull,push", err);
}

/* Takes `url`. */
static int ask(struct put_job *job, enum step step, const char *method, char *url,
               struct dr_err *err)
{
    job->step = step;
    return dr_exchange_ask(&job->job.exchange, method, url, make_scope(job, err));
}

static int look(struct put_job *job, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    return ask(job, LOOK, "HEAD",
               dr_session_url(job->registry, job->put->repository, "/blobs/",
                              dr_digest_text(&job->put->digest, digest), err),
               err);
}

static int open_session(struct put_job *job, struct dr_err *err)
{
    return ask(job, OPEN, "POST",
               dr_session_url(job->registry, job->put->repository, "/blobs/uploads/", "", err),
               err);
}

static int mount_or_open(struct put_job *job, struct dr_err *err)
{
    const struct dr_blob_put *put = job->put;
    dr_autofree char *from = NULL;
    dr_autofree char *query = NULL;
    char digest[DR_DIGEST_TEXT];

    if (!put->mount_from || strcmp(put->mount_from, put->repository) == 0)
        return open_session(job, err);
    from = dr_http_escape(put->mount_from, err);
    query =
        from ? dr_text_format(err, "?mount=%s&from=%s", dr_digest_text(&put->digest, digest), from)
             : NULL;
    if (!query)
        return -1;
    return ask(job, MOUNT, "POST",
               dr_session_url(job->registry, put->repository, "/blobs/uploads/", query, err), err);
}

/* A piece of the blob for the connection. */
static long give_bytes(void *context, void *ret_data, size_t size, struct dr_err *err)
{
    struct put_job *job = context;
    const struct dr_blob_put *put = job->put;

    if (job->attempt != job->job.exchange.attempts) {
        start_over(job);
        job->attempt = job->job.exchange.attempts;
    }
    if (size > put->size - job->done)
        size = (size_t)(put->size - job->done);
    if (size == 0)
        return 0;
    if (put->read(put->context, job->done, ret_data, size, err) < 0)
        return -1;
    dr_hash_add(job->hash, ret_data, size);
    job->done += size;
    if (job->progress)
        dr_progress_add(job->progress, size);
    return (long)size;
}

static int send(struct put_job *job, struct dr_err *err)
{
    struct dr_exchange *exchange = &job->job.exchange;

    if (ask(job, SEND, "PATCH", dr_text_copy(job->session, err), err) < 0)
        return -1;
    job->tried = true;
    job->attempt = 0;
    exchange->once = true;
    exchange->source = give_bytes;
    exchange->context = job;
    exchange->body_size = job->put->size;
    return 0;
}

static int close_session(struct put_job *job, struct dr_err *err)
{
    char hex[DR_DIGEST_TEXT];
    char *url = dr_text_format(err, "%s%cdigest=sha256%%3A%s", job->session,
                               strchr(job->session, '?') ? '&' : '?',
                               dr_digest_hex(&job->put->digest, hex));

    if (ask(job, CLOSE, "PUT", url, err) < 0)
        return -1;
    job->job.exchange.once = true;
    return 0;
}

/* Ends with `why`, after telling the registry that nothing more will come. */
static int cancel(struct put_job *job, const struct dr_err *why, struct dr_err *err)
{
    job->why = *why;
    if (!job->session || ask(job, CANCEL, "DELETE", dr_text_copy(job->session, NULL), NULL) < 0) {
        if (err)
            *err = *why;
        return wrap(job, err);
    }
    job->job.exchange.once = true;
    return 0;
}

/* From the beginning, for a registry that lost a session has lost its bytes too (docker-registry
 * 2.8 cancels a session whose PATCH was cut). */
static int try_again(struct put_job *job, const struct dr_err *failure, struct dr_err *err)
{
    struct dr_exchange *exchange = &job->job.exchange;
    double not_before;

    exchange->tries = job->tries;
    if (dr_exchange_again(exchange, failure, err) < 0)
        return wrap(job, err);
    job->tries = exchange->tries;
    not_before = exchange->not_before;
    start_over(job);
    free(job->session);
    job->session = NULL;
    if (look(job, err) < 0)
        return -1;
    exchange->not_before = not_before;
    return 0;
}

/* ---- the answers ---- */

static int refused(struct put_job *job, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    dr_exchange_refused(&job->job.exchange, &why);
    return cancel(job, &why, err);
}

static int finish(struct put_job *job, enum dr_blob_outcome outcome)
{
    job->put->outcome = outcome;
    if (job->progress && outcome != DR_BLOB_SENT)
        dr_progress_add(job->progress, job->put->size - job->done);
    return 1;
}

/* A different size under this digest: a store that is damaged, which sending would not mend, since
 * registries keep what they have. */
static int looked(struct put_job *job, struct dr_err *err)
{
    const struct dr_exchange *exchange = &job->job.exchange;
    uint64_t size = dr_exchange_length(exchange);

    if (exchange->response.status == 404)
        return mount_or_open(job, err);
    if (exchange->response.status != 200)
        return refused(job, err);
    if (size != UINT64_MAX && size != job->put->size) {
        dr_fail(err, DR_ERR_PROOF,
                "the registry has it with %" PRIu64 " bytes instead of %" PRIu64
                ": its storage is damaged, delete that blob there",
                size, job->put->size);
        return wrap(job, err);
    }
    return finish(job, job->tried ? DR_BLOB_SENT : DR_BLOB_PRESENT);
}

/* Remembers where the session goes on. Locations are taken as they come, never built. */
static int take_location(struct put_job *job, struct dr_err *err)
{
    const struct dr_exchange *exchange = &job->job.exchange;
    char location[LOCATION_MAX];
    char *next;

    if (!dr_http_header(&exchange->response, "Location", 0, location, sizeof location)) {
        dr_fail(err, DR_ERR_NET, "the registry opened an upload without saying where");
        return wrap(job, err);
    }
    next = dr_http_resolve(exchange->url, location, err);
    if (!next)
        return wrap(job, err);
    free(job->session);
    job->session = next;
    if (dr_text_starts(job->registry->base, "https://") && !dr_text_starts(next, "https://")) {
        dr_fail(err, DR_ERR_NET,
                "the registry wants the upload at '%.200s', in the clear; if a proxy does its TLS, "
                "that proxy must set X-Forwarded-Proto",
                next);
        return wrap(job, err);
    }
    return 0;
}

static int check_digest(struct put_job *job, struct dr_err *err)
{
    struct dr_digest digest;
    char text[DR_DIGEST_TEXT];

    dr_hash_end(job->hash, &digest);
    if (dr_digest_equal(&digest, &job->put->digest))
        return 0;
    return dr_fail(err, DR_ERR_VERIFY, "its bytes have the digest %s",
                   dr_digest_text(&digest, text));
}

/* The one gate to the closing PUT. */
static int close_if_good(struct put_job *job, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    return check_digest(job, &why) < 0 ? cancel(job, &why, err) : close_session(job, err);
}

static int opened(struct put_job *job, struct dr_err *err)
{
    long status = job->job.exchange.response.status;

    if (status == 201 && job->step == MOUNT)
        return finish(job, DR_BLOB_MOUNTED);
    if (status != 202 && job->step == MOUNT)
        return open_session(job, err);
    if (status != 202)
        return refused(job, err);
    if (take_location(job, err) < 0)
        return -1;
    return job->put->size > 0 ? send(job, err) : close_if_good(job, err);
}

static int sent(struct put_job *job, struct dr_err *err)
{
    long status = job->job.exchange.response.status;
    struct dr_err why = DR_ERR_INIT;

    if (status == 404) { /* the session is gone: registry restarted, or another one of several */
        dr_exchange_refused(&job->job.exchange, &why);
        return try_again(job, &why, err);
    }
    if (status < 200 || status > 299)
        return refused(job, err);
    if (job->done < job->put->size) {
        dr_fail(&why, DR_ERR_NET, "the registry answered before it had everything");
        return try_again(job, &why, err);
    }
    if (take_location(job, err) < 0)
        return -1;
    return close_if_good(job, err);
}

/* 400 is DIGEST_INVALID: what arrived was not what went out. */
static int closed(struct put_job *job, struct dr_err *err)
{
    long status = job->job.exchange.response.status;
    struct dr_err why = DR_ERR_INIT;

    if (status >= 200 && status <= 299)
        return finish(job, DR_BLOB_SENT);
    if (status != 400 && status != 404)
        return refused(job, err);
    dr_exchange_refused(&job->job.exchange, &why);
    return try_again(job, &why, err);
}

static int answered(void *context, struct dr_job *base, struct dr_err *err)
{
    struct put_job *job = of(base);

    (void)context;
    switch (job->step) {
    case LOOK:
        return looked(job, err);
    case MOUNT:
    case OPEN:
        return opened(job, err);
    case SEND:
        return sent(job, err);
    case CLOSE:
        return closed(job, err);
    case CANCEL:
        break;
    }
    if (err)
        *err = job->why;
    return wrap(job, err);
}

static int failed(void *context, struct dr_job *base, const struct dr_err *failure,
                  struct dr_err *err)
{
    struct put_job *job = of(base);
    bool sending = job->step == SEND || job->step == CLOSE;

    if (job->step == CANCEL)
        return answered(context, base, err);
    if (job->step == MOUNT && failure->code == DR_ERR_AUTH)
        return open_session(job, err); /* no right to look at the neighbour: send it then */
    if (sending && failure->code == DR_ERR_NET)
        return try_again(job, failure, err);
    if (job->step == SEND && failure->code != DR_ERR_STOPPED)
        return cancel(job, failure, err);
    if (err)
        *err = *failure;
    return failure->code == DR_ERR_STOPPED ? -1 : wrap(job, err);
}

static int begin(void *context, struct dr_job *base, struct dr_err *err)
{
    struct put_run *run = context;
    struct put_job *job = of(base);

    job->registry = run->registry;
    job->progress = run->progress;
    job->put = &run->puts[base->index];
    job->hash = dr_hash_new(err);
    return job->hash ? look(job, err) : -1;
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
        .size = sizeof(struct put_job),
        .begin = begin,
        .answered = answered,
        .failed = failed,
        .end = end,
    };
    struct put_run run = {.registry = registry, .puts = puts, .progress = progress};

    return dr_pool_run(registry, &kind, &run, count, parallel, err);
}
