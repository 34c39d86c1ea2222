/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_POOL_H
#define DROVER_LIB_REGISTRY_POOL_H

/*
 * Many jobs, a few at a time, in one thread. A job is a sequence of exchanges: it prepares one, is
 * told the answer, prepares the next. A job that waits before another try keeps its place, but not
 * the others.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/registry/exchange.h"

struct dr_job {
    struct dr_exchange exchange; /* the next question, prepared by dr_exchange_ask() */
    size_t index;
    bool enough; /* set by a sink that breaks off since it has all it wants: that is no failure */
    enum { DR_JOB_FREE, DR_JOB_WAITING, DR_JOB_RUNNING } state; /* the pool's own */
};

struct dr_job_kind {
    size_t size; /* of the struct that begins with a struct dr_job */
    /* Begins job number job->index in zeroed memory: 0 with a question prepared, 1: it is done. */
    int (*begin)(void *context, struct dr_job *job, struct dr_err *err);
    /* A place is free and no job waits for it. Begins one in zeroed memory that takes something off
     * others[0 to count - 1], those that are running: 0 with a question prepared, 1: there is nothing.
     * Asked again every second. NULL: never. */
    int (*help)(void *context, struct dr_job *job, struct dr_job *const *others, unsigned count,
                struct dr_err *err);
    /* The exchange was answered, or broken off with `enough`. 1: the job is done. 0: the next question is prepared. */
    int (*answered)(void *context, struct dr_job *job, struct dr_err *err);
    /* The exchange failed for good. 0: another question is prepared all the same. -1: the job and
     * with it all others have failed; `err` says why. NULL: always -1. */
    int (*failed)(void *context, struct dr_job *job, const struct dr_err *failure,
                  struct dr_err *err);
    /* Frees what the job holds, finished or not; the exchange is the pool's. */
    void (*end)(struct dr_job *job);
};

int dr_pool_run(struct dr_registry *registry, const struct dr_job_kind *kind, void *context,
                size_t count, unsigned parallel, struct dr_err *err);

#endif
