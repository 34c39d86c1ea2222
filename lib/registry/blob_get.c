/* SPDX-License-Identifier: Apache-2.0 */
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

/* A connection that would need longer for the rest of its blob gets help from one that has nothing to do. */
#define LONG_SECONDS 2
#define HELP_LEAST ((uint64_t)256 << 10)

/*
 * One connection's part of a blob. Mostly that is all of it. Where the line is slow and a place is free, what is left
 * of it is divided: the parts of a blob form a row, and only the first hashes what comes; what the others write is read
 * back when the first has come so far.
 *
 *     0 ..... done ..... end ..... filled | next->begin ..... next->done ..... next->end ..... size
 *       hashed    to come     written         written              to come
 */
struct get_job {
    struct dr_job job;
    const struct dr_blob_get *get;
    struct dr_progress *progress;
    struct dr_hash *hash; /* NULL: not the first of its row */
    struct get_job *previous;
    struct get_job *next; /* that goes on at `filled`; NULL: `filled` is the end of the blob */
    uint64_t begin;
    uint64_t end;
    uint64_t filled;
    uint64_t done; /* up to here it is written, by the first of a row also hashed */
    double began;  /* when the current answer began, at `began_at` */
    uint64_t began_at;
    uint64_t counted; /* the same at the last look at `tries` */
    unsigned attempt; /* whose answer's first bytes have been seen */
    bool mismatched;  /* the whole of it had another digest once */
    bool kept;        /* part of it is of an earlier run */
    bool useless;     /* the server gives no ranges: the previous one does this part too */
};

struct get_run {
    struct dr_registry *registry;
    const struct dr_blob_get *gets;
    struct dr_progress *progress;
    bool undivided; /* the server gives no ranges */
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
    if (job->get->wrong && !job->next && !job->previous &&
        (why->code == DR_ERR_ABSENT || why->code == DR_ERR_VERIFY))
        return job->get->wrong(job->get->context, why, err) < 0 ? -1 : 1;
    if (err)
        *err = *why;
    return why->code == DR_ERR_STOPPED ? -1 : wrap(run->registry, job->get, err);
}

static void start_over(struct get_job *job)
{
    struct dr_digest unused;
    uint64_t from = job->hash ? 0 : job->begin;

    if (job->hash)
        dr_hash_end(job->hash, &unused);
    if (job->progress)
        dr_progress_take_back(job->progress, job->done - from);
    job->begin = job->done = job->counted = job->job.exchange.from = from;
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
    job->began = dr_clock();
    job->began_at = job->done;
    if (!job->hash && (status != 206 || !continues(job))) {
        job->useless = job->job.enough = true;
        return dr_fail(err, DR_ERR_NET,
                       "the registry does not give the range that it was asked for");
    }
    if (status == 206) {
        if ((job->done > 0 || job->job.exchange.to > 0) && continues(job))
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
    if (size > job->end - job->done && job->end < get->size)
        size = (size_t)(job->end - job->done);
    if (size > get->size - job->done)
        return dr_fail(err, DR_ERR_VERIFY,
                       "it is longer than the %" PRIu64 " bytes that its manifest says", get->size);
    if (job->hash)
        dr_hash_add(job->hash, data, size);
    if ((job->hash ? get->write : get->write_ahead)(get->context, job->done, data, size, err) < 0)
        return -1;
    job->done += size;
    job->job.exchange.from = job->done;
    if (job->progress)
        dr_progress_add(job->progress, size);
    if (job->done == job->end && job->end < get->size) {
        job->job.enough = true;
        return dr_fail(err, DR_ERR_STOPPED, "the rest comes over another connection");
    }
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

/* Hashes what is written between `done` and `end`. */
static int hash_written(struct get_job *job, uint64_t end, struct dr_err *err)
{
    const struct dr_blob_get *get = job->get;
    dr_autofree char *piece = job->done < end ? malloc(KEPT_BYTES) : NULL;

    if (job->done == end)
        return 0;
    if (!piece)
        return dr_fail_memory(err);
    while (job->done < end) {
        size_t size = end - job->done < KEPT_BYTES ? (size_t)(end - job->done) : KEPT_BYTES;

        if (dr_stop_check(err, "reading back what was fetched") < 0 ||
            get->read(get->context, job->done, piece, size, err) < 0)
            return -1;
        dr_hash_add(job->hash, piece, size);
        job->done += size;
    }
    /* So that it counts as there: a write of nothing. */
    return get->write(get->context, job->done, piece, 0, err);
}

/* ---- rows */

/* Takes the job out of its row; what it has written counts as written by the previous one. */
static void leave_row(struct get_job *job)
{
    job->previous->filled = job->filled;
    job->previous->next = job->next;
    if (job->next)
        job->next->previous = job->previous;
    job->previous = job->next = NULL;
}

/* The previous one does this part as well: it has asked for all that follows, or will. */
static int leave_undone(struct get_run *run, struct get_job *job)
{
    run->undivided = true;
    if (job->progress)
        dr_progress_take_back(job->progress, job->done - job->begin);
    job->previous->end = job->end;
    job->previous->job.exchange.to = 0;
    leave_row(job);
    return 1;
}

/* The next one becomes the first of the row. */
static int hand_over(struct get_job *job, struct dr_err *err)
{
    struct get_job *next = job->next;
    uint64_t written = next->done;

    next->hash = job->hash;
    next->kept = job->kept;
    next->mismatched = job->mismatched;
    next->previous = NULL;
    job->hash = NULL;
    job->next = NULL;
    next->done = next->begin;
    return hash_written(next, written, err);
}

/* The job's part is done. As finish(). */
static int finish_part(struct get_job *job, struct dr_err *err)
{
    if (job->previous) {
        leave_row(job);
        return 1;
    }
    if (hash_written(job, job->filled, err) < 0)
        return -1;
    if (job->next)
        return hand_over(job, err) < 0 ? -1 : 1;
    job->end = job->get->size;
    job->job.exchange.to = 0;
    return finish(job, err);
}

/* Seconds that the rest of the part will take; 0: not long, or nobody knows yet. */
static double time_left(const struct get_job *job)
{
    double passed = dr_clock() - job->began;
    uint64_t came = job->done - job->began_at;
    uint64_t left = job->end - job->done;

    if (job->attempt != job->job.exchange.attempts || came == 0 || passed < 0.5 ||
        left < 2 * HELP_LEAST || !job->get->write_ahead)
        return 0;
    return (double)left * passed / (double)came;
}

static int ask(const struct get_run *run, struct get_job *job, struct dr_err *err);

/* The second half of what is left of the part that would take longest. */
static int help(void *context, struct dr_job *base, struct dr_job *const *others, unsigned count,
                struct dr_err *err)
{
    struct get_run *run = context;
    struct get_job *job = (struct get_job *)(void *)base;
    struct get_job *slowest = NULL;

    for (unsigned i = 0; i < count; i++) {
        struct get_job *other = (struct get_job *)(void *)others[i];

        if (time_left(other) > (slowest ? time_left(slowest) : LONG_SECONDS))
            slowest = other;
    }
    if (!slowest || run->undivided)
        return 1;
    *job = (struct get_job){.job = *base, .get = slowest->get, .progress = run->progress};
    job->begin = slowest->done + (slowest->end - slowest->done) / 2;
    job->done = job->counted = job->begin;
    job->end = slowest->end;
    job->filled = slowest->filled;
    job->next = slowest->next;
    job->previous = slowest;
    if (job->next)
        job->next->previous = job;
    slowest->next = job;
    slowest->end = slowest->filled = slowest->job.exchange.to = job->begin;
    if (ask(run, job, err) < 0)
        return -1;
    job->job.exchange.from = job->begin;
    job->job.exchange.to = job->end;
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

static int ask(const struct get_run *run, struct get_job *job, struct dr_err *err)
{
    struct dr_exchange *exchange = &job->job.exchange;
    const struct dr_blob_get *get = job->get;
    char digest[DR_DIGEST_TEXT];
    char *url = get->url ? dr_text_copy(get->url, err)
                         : dr_session_url(run->registry, get->repository, "/blobs/",
                                          dr_digest_text(&get->digest, digest), err);

    if (dr_exchange_ask(exchange, "GET", url,
                        get->url ? dr_text_copy("", err)
                                 : dr_session_scope(get->repository, "pull", err)) < 0)
        return -1;
    exchange->sink = take_bytes;
    exchange->context = job;
    return 0;
}

static int begin(void *context, struct dr_job *base, struct dr_err *err)
{
    struct get_run *run = context;
    struct get_job *job = (struct get_job *)(void *)base;

    job->get = &run->gets[base->index];
    job->progress = run->progress;
    job->end = job->filled = job->get->size;
    job->hash = dr_hash_new(err);
    if (!job->hash || ask(run, job, err) < 0)
        return -1;
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

    if (job->useless && job->previous)
        return leave_undone(run, job);
    job->useless = false;
    if (status == 416) { /* the blob there is shorter than what we have */
        start_over(job);
        dr_exchange_refused(&base->exchange, &why);
        done = dr_exchange_again(&base->exchange, &why, &why);
    } else if (status != 200 && status != 206) {
        done = dr_exchange_refused(&base->exchange, &why);
    } else if (job->done < job->end) {
        dr_fail(&why, DR_ERR_NET, "it ends after %" PRIu64 " of %" PRIu64 " bytes", job->done,
                job->end);
        done = dr_exchange_again(&base->exchange, &why, &why);
    } else {
        done = finish_part(job, &why);
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
        .help = help,
        .answered = answered,
        .failed = failed,
        .end = end,
    };
    struct get_run run = {.registry = registry, .gets = gets, .progress = progress};

    return dr_pool_run(registry, &kind, &run, count, parallel, err);
}
