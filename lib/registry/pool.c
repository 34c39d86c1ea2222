/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/pool.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stop.h"

#define HELPED_MAX 32

struct pool {
    struct dr_registry *registry;
    const struct dr_job_kind *kind;
    void *context;
    size_t count;
    size_t next; /* the first that has not begun */
    unsigned places;
    unsigned char *jobs; /* `places` times kind->size bytes */
};

static struct dr_job *job_at(const struct pool *pool, unsigned place)
{
    return (struct dr_job *)(void *)(pool->jobs + place * pool->kind->size);
}

static void end_job(const struct pool *pool, struct dr_job *job)
{
    if (job->state == DR_JOB_FREE)
        return;
    if (pool->kind->end)
        pool->kind->end(job);
    dr_exchange_release(&job->exchange);
    memset(job, 0, pool->kind->size);
}

static int begin_job(struct pool *pool, struct dr_job *job, struct dr_err *err)
{
    job->exchange = (struct dr_exchange)DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    job->index = pool->next++;
    job->state = DR_JOB_WAITING;
    return pool->kind->begin(pool->context, job, err);
}

static int start(const struct pool *pool, struct dr_job *job, struct dr_err *err)
{
    if (dr_exchange_prepare(pool->registry, &job->exchange, err) < 0 ||
        dr_http_start(pool->registry->http, &job->exchange.request, &job->exchange.response, job,
                      err) < 0)
        return -1;
    job->state = DR_JOB_RUNNING;
    return 0;
}

/* Lets a free place help one that is at work. */
static int begin_help(struct pool *pool, struct dr_job *job, struct dr_err *err)
{
    struct dr_job *others[HELPED_MAX];
    unsigned count = 0;
    int done;

    for (unsigned place = 0; place < pool->places && count < HELPED_MAX; place++) {
        if (job_at(pool, place)->state == DR_JOB_RUNNING)
            others[count++] = job_at(pool, place);
    }
    job->exchange = (struct dr_exchange)DR_EXCHANGE_INIT(DR_ANSWER_MAX);
    job->state = DR_JOB_WAITING;
    done = count > 0 ? pool->kind->help(pool->context, job, others, count, err) : 1;
    if (done > 0)
        end_job(pool, job);
    return done < 0 ? -1 : 0;
}

/* Fills free places and starts what need not wait any longer. */
static int start_due(struct pool *pool, struct dr_err *err)
{
    for (unsigned place = 0; place < pool->places; place++) {
        struct dr_job *job = job_at(pool, place);

        while (job->state == DR_JOB_FREE && pool->next < pool->count) {
            int done = begin_job(pool, job, err);

            if (done < 0)
                return -1;
            if (done > 0)
                end_job(pool, job);
        }
        if (job->state == DR_JOB_FREE && pool->kind->help && begin_help(pool, job, err) < 0)
            return -1;
        if (job->state == DR_JOB_WAITING && job->exchange.not_before <= dr_clock() &&
            start(pool, job, err) < 0)
            return -1;
    }
    return 0;
}

/* Seconds until the first waiting job is due; negative: none waits. */
static double until_due(const struct pool *pool)
{
    double first = -1;

    for (unsigned place = 0; place < pool->places; place++) {
        const struct dr_job *job = job_at(pool, place);
        double left = job->exchange.not_before - dr_clock();

        if (job->state == DR_JOB_WAITING && (first < 0 || left < first))
            first = left > 0 ? left : 0;
    }
    return first;
}

static int take(struct pool *pool, struct dr_job *job, const struct dr_err *failure,
                struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    int done = job->enough ? 1 : dr_exchange_judge(pool->registry, &job->exchange, failure, &why);

    job->enough = false;
    job->state = DR_JOB_WAITING;
    if (done > 0) {
        done = pool->kind->answered(pool->context, job, err);
    } else if (done < 0 && pool->kind->failed) {
        done = pool->kind->failed(pool->context, job, &why, err);
    } else if (done < 0 && err) {
        *err = why;
    }
    if (done > 0)
        end_job(pool, job);
    return done < 0 ? -1 : 0;
}

static int run(struct pool *pool, struct dr_err *err)
{
    for (;;) {
        struct dr_err failure = DR_ERR_INIT;
        void *job = NULL;
        double left;
        int got;

        if (dr_stop_check(err, "talking to a registry") < 0 || start_due(pool, err) < 0)
            return -1;
        got = dr_http_next_within(pool->registry->http, pool->kind->help ? 1 : HUGE_VAL, &job,
                                  &failure, err);
        if (got < 0 || (got == 1 && take(pool, job, &failure, err) < 0))
            return -1;
        if (got > 0)
            continue;
        left = until_due(pool);
        if (left < 0)
            return 0;
        dr_stop_sleep(left);
    }
}

int dr_pool_run(struct dr_registry *registry, const struct dr_job_kind *kind, void *context,
                size_t count, unsigned parallel, struct dr_err *err)
{
    struct pool pool = {.registry = registry, .kind = kind, .context = context, .count = count};
    int done;

    if (count == 0)
        return 0;
    pool.places = parallel > 0 ? parallel : DR_REGISTRY_PARALLEL;
    if (pool.places > count && !kind->help)
        pool.places = (unsigned)count;
    pool.jobs = calloc(pool.places, kind->size);
    if (!pool.jobs)
        return dr_fail_memory(err);
    done = dr_session_open(registry, err) < 0 ? -1 : run(&pool, err);
    dr_http_cancel(registry->http);
    for (unsigned place = 0; place < pool.places; place++)
        end_job(&pool, job_at(&pool, place));
    free(pool.jobs);
    return done;
}
