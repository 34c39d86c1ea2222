/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "lib/registry/pool.h"
#include "lib/registry/registry.h"
#include "lib/registry/session.h"

struct look_run {
    struct dr_registry *registry;
    struct dr_registry_look *looks;
    bool *mute; /* per look: there, but its digest was not told */
};

static int wrap(const struct look_run *run, size_t index, struct dr_err *err)
{
    const struct dr_registry_look *look = &run->looks[index];
    char digest[DR_DIGEST_TEXT];

    return dr_err_wrap(err, "look for %s in '%s' of registry '%s'",
                       look->manifest ? look->manifest : dr_digest_text(&look->digest, digest),
                       look->repository, run->registry->host);
}

static int begin(void *context, struct dr_job *job, struct dr_err *err)
{
    struct look_run *run = context;
    const struct dr_registry_look *look = &run->looks[job->index];
    char digest[DR_DIGEST_TEXT];
    char *url = dr_session_url(
        run->registry, look->repository, look->manifest ? "/manifests/" : "/blobs/",
        look->manifest ? look->manifest : dr_digest_text(&look->digest, digest), err);

    if (dr_exchange_ask(&job->exchange, "HEAD", url,
                        dr_session_scope(look->repository, "pull", err)) < 0)
        return -1;
    job->exchange.accept = look->manifest ? DR_ACCEPT_MANIFESTS : NULL;
    return 0;
}

static int answered(void *context, struct dr_job *job, struct dr_err *err)
{
    struct look_run *run = context;
    struct dr_registry_look *look = &run->looks[job->index];
    long status = job->exchange.response.status;

    if (status != 200 && status != 404) {
        dr_exchange_refused(&job->exchange, err);
        return wrap(run, job->index, err);
    }
    look->there = status == 200;
    look->size = dr_exchange_length(&job->exchange);
    run->mute[job->index] =
        look->there && look->manifest && !dr_exchange_digest(&job->exchange, &look->digest);
    return 1;
}

static int failed(void *context, struct dr_job *job, const struct dr_err *failure,
                  struct dr_err *err)
{
    if (err)
        *err = *failure;
    return failure->code == DR_ERR_STOPPED ? -1 : wrap(context, job->index, err);
}

int dr_registry_look(struct dr_registry *registry, struct dr_registry_look *looks, size_t count,
                     unsigned parallel, struct dr_err *err)
{
    static const struct dr_job_kind kind = {
        .size = sizeof(struct dr_job), .begin = begin, .answered = answered, .failed = failed};
    struct look_run run = {.registry = registry, .looks = looks};
    int done;

    run.mute = calloc(count + 1, sizeof *run.mute);
    if (!run.mute)
        return dr_fail_memory(err);
    done = dr_pool_run(registry, &kind, &run, count, parallel, err);
    for (size_t i = 0; i < count && done == 0; i++) {
        if (run.mute[i])
            done = dr_registry_head_manifest(registry, looks[i].repository, looks[i].manifest,
                                             &looks[i].there, &looks[i].digest, err);
    }
    free(run.mute);
    return done;
}
