/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/pool.h"
#include "lib/registry/range.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"
#include "lib/stop.h"
#include "lib/text.h"

/* A try that brought this much was worth it: the count of failed ones starts again. */
#define PROGRESS_BYTES (1u << 20)
#define KEPT_BYTES ((size_t)1 << 20)

struct get_job {
    struct dr_job job;
    const struct dr_blob_get *get;
    struct dr_progress *progress;
    struct dr_hash *hash;
    uint64_t done;    /* bytes hashed and written */
    uint64_t counted; /* the same at the last look at `tries` */
    unsigned attempt; /* whose answer's first bytes have been seen */
    bool mismatched;  /* the whole of it had another digest once */
    bool kept;        /* part of it is of an earlier run */
};

struct get_run {
    struct dr_registry *registry;
    const struct dr_blob_get *gets;
    struct dr_progress *progress;
};

static int wrap(const struct dr_registry *registry, const struct dr_blob_get *get,
                struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    char display[300];

    dr_digest_text(&get->digest, digest);
    if (get->url)
        return dr_err_wrap(err, "fetch %s from '%s'", digest,
                           dr_http_display(get->url, display, sizeof display));
    return dr_err_wrap(err, "fetch %s of '%s' from registry '%s'", digest, get->repository,
                       registry->host);
}

/* 1: noted for who asked, the others go on; -1: all have failed. */
static int give_up(const struct get_run *run, const struct get_job *job, struct dr_err *why,
                   struct dr_err *err)
{
    if (job->get->wrong && (why->code == DR_ERR_ABSENT || why->code == DR_ERR_VERIFY))
        return job->get->wrong(job->get->context, why, err) < 0 ? -1 : 1;
    if (err)
        *err = *why;
    return why->code == DR_ERR_STOPPED ? -1 : wrap(run->registry, job->get, err);
}

static void start_over(struct get_job *job)
{
    struct dr_digest unused;

    dr_hash_end(job->hash, &unused);
    if (job->progress)
        dr_progress_take_back(job->progress, job->done);
    job->done = job->counted = job->job.exchange.from = 0;
}

/* Is it what we need to go on? */
static bool continues(const struct get_job *job)
{
    uint64_t first;
    uint64_t last;
    char value[128];

    return dr_http_header(&job->job.exchange.response, "Content-Range", 0, value, sizeof value) &&
           dr_range_of_content(value, &first, &last) == 0 && first == job->done &&
           last < job->get->size;
}

/* The first bytes of an answer: where do they belong? */
static int begin_answer(struct get_job *job, struct dr_err *err)
{
    long status = job->job.exchange.response.status;

    job->attempt = job->job.exchange.attempts;
    if (status == 206) {
        if (job->done > 0 && continues(job))
            return 0;
        start_over(job);
        return dr_fail(err, DR_ERR_NET, "the registry sent another range than it was asked for");
    }
    if (status != 200)
        return dr_fail(err, DR_ERR_NET, "the registry answered %ld to a GET", status);
    if (job->done > 0)
        start_over(job);
    job->kept = false;
    return 0;
}

static int take_bytes(void *context, const void *data, size_t size, struct dr_err *err)
{
    struct get_job *job = context;
    const struct dr_blob_get *get = job->get;

    if (job->attempt != job->job.exchange.attempts && begin_answer(job, err) < 0)
        return -1;
    if (size > get->size - job->done)
        return dr_fail(err, DR_ERR_VERIFY,
                       "it is longer than the %" PRIu64 " bytes that its manifest says", get->size);
    dr_hash_add(job->hash, data, size);
    if (get->write(get->context, job->done, data, size, err) < 0)
        return -1;
    job->done += size;
    job->job.exchange.from = job->done;
    if (job->progress)
        dr_progress_add(job->progress, size);
    if (job->done - job->counted >= PROGRESS_BYTES) {
        job->counted = job->done;
        job->job.exchange.tries = 0;
    }
    return 0;
}

/* All of its bytes are here. A digest that is wrong gets a second chance, since what was in between
 * may have been at fault; and another one when some of it is not of this run. 1: it is good; 0: it is
 * to be fetched again. */
static int finish(struct get_job *job, struct dr_err *err)
{
    struct dr_digest digest;
    char text[DR_DIGEST_TEXT];

    dr_hash_end(job->hash, &digest);
    if (dr_digest_equal(&digest, &job->get->digest))
        return 1;
    start_over(job);
    dr_fail(err, DR_ERR_VERIFY, "its bytes have the digest %s", dr_digest_text(&digest, text));
    if (job->mismatched && !job->kept)
        return -1;
    job->mismatched = !job->kept;
    job->kept = false;
    return 0;
}

/* Hashes what an earlier run left. That it can't be read is no reason to fail: it is fetched. */
static int take_kept(struct get_job *job, struct dr_err *err)
{
    const struct dr_blob_get *get = job->get;
    uint64_t end = get->have < get->size ? get->have : get->size;
    dr_autofree char *piece = end > 0 ? malloc(KEPT_BYTES) : NULL;

    while (piece && job->done < end) {
        size_t size = end - job->done < KEPT_BYTES ? (size_t)(end - job->done) : KEPT_BYTES;

        if (dr_stop_check(err, "reading what an earlier run left") < 0)
            return -1;
        if (get->read(get->context, job->done, piece, size, NULL) < 0) {
            start_over(job);
            return 0;
        }
        dr_hash_add(job->hash, piece, size);
        job->done += size;
        if (job->progress)
            dr_progress_add(job->progress, size);
    }
    job->kept = job->done > 0;
    job->job.exchange.from = job->counted = job->done;
    return 0;
}

static int ask(struct get_run *run, const struct dr_blob_get *get, struct dr_exchange *exchange,
               struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    if (get->url)
        return dr_exchange_ask(exchange, "GET", dr_text_copy(get->url, err), dr_text_copy("", err));
    return dr_exchange_ask(exchange, "GET",
                           dr_session_url(run->registry, get->repository, "/blobs/",
                                          dr_digest_text(&get->digest, digest), err),
                           dr_session_scope(get->repository, "pull", err));
}

static int begin(void *context, struct dr_job *base, struct dr_err *err)
{
    struct get_run *run = context;
    struct get_job *job = (struct get_job *)(void *)base;
    struct dr_exchange *exchange = &base->exchange;

    job->get = &run->gets[base->index];
    job->progress = run->progress;
    job->hash = dr_hash_new(err);
    if (!job->hash || ask(run, job->get, exchange, err) < 0)
        return -1;
    exchange->sink = take_bytes;
    exchange->context = job;
    if (take_kept(job, err) < 0)
        return -1;
    return job->done == job->get->size && job->kept ? finish(job, NULL) : 0;
}

static int answered(void *context, struct dr_job *base, struct dr_err *err)
{
    struct get_run *run = context;
    struct get_job *job = (struct get_job *)(void *)base;
    struct dr_err why = DR_ERR_INIT;
    long status = base->exchange.response.status;
    int done;

    if (status == 416) { /* the blob there is shorter than what we have */
        start_over(job);
        dr_exchange_refused(&base->exchange, &why);
        done = dr_exchange_again(&base->exchange, &why, &why);
    } else if (status != 200 && status != 206) {
        done = dr_exchange_refused(&base->exchange, &why);
    } else if (job->done < job->get->size) {
        dr_fail(&why, DR_ERR_NET, "it ends after %" PRIu64 " of %" PRIu64 " bytes", job->done,
                job->get->size);
        done = dr_exchange_again(&base->exchange, &why, &why);
    } else {
        done = finish(job, &why);
    }
    return done < 0 ? give_up(run, job, &why, err) : done;
}

static int failed(void *context, struct dr_job *base, const struct dr_err *failure,
                  struct dr_err *err)
{
    struct dr_err why = *failure;

    return give_up(context, (struct get_job *)(void *)base, &why, err);
}

static void end(struct dr_job *base)
{
    dr_hash_free(((struct get_job *)(void *)base)->hash);
}

int dr_registry_get_blobs(struct dr_registry *registry, const struct dr_blob_get *gets,
                          size_t count, unsigned parallel, struct dr_progress *progress,
                          struct dr_err *err)
{
    static const struct dr_job_kind kind = {
        .size = sizeof(struct get_job),
        .begin = begin,
        .answered = answered,
        .failed = failed,
        .end = end,
    };
    struct get_run run = {.registry = registry, .gets = gets, .progress = progress};

    return dr_pool_run(registry, &kind, &run, count, parallel, err);
}

static int add_to_buffer(void *context, uint64_t offset, const void *data, size_t size,
                         struct dr_err *err)
{
    struct dr_buf *buffer = context;

    if (offset == 0)
        dr_buf_clear(buffer);
    return dr_buf_add(buffer, data, size, err);
}

int dr_registry_get_blob(struct dr_registry *registry, const char *repository,
                         const struct dr_digest *digest, uint64_t size, struct dr_buf *ret_data,
                         struct dr_err *err)
{
    struct dr_blob_get get = {
        .repository = repository,
        .digest = *digest,
        .size = size,
        .write = add_to_buffer,
        .context = ret_data,
    };

    assert(ret_data->size == 0);
    return dr_registry_get_blobs(registry, &get, 1, 1, NULL, err);
}
