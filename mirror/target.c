/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/target.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stop.h"
#include "mirror/survey.h"

void dr_mirror_target_release(struct dr_mirror_target *target)
{
    free(target->push.written);
    dr_mirror_journal_release(&target->journal);
    dr_requires_release(&target->requires);
    dr_mirror_plan_release(&target->plan);
    dr_registry_free(target->registry);
    dr_destination_release(&target->destination);
}

static int survey(struct dr_mirror_target *target, const struct dr_mirror_common *common,
                  struct dr_err *err)
{
    struct dr_mirror_push *push = &target->push;

    target->registry =
        dr_destination_connect(&target->destination, common->reach, &target->log, err);
    if (!target->registry || dr_registry_ping(target->registry, err) < 0 ||
        dr_mirror_plan_make(common->bundle, &target->destination, &target->plan, err) < 0 ||
        (!common->look_only && dr_mirror_journal_open(&target->journal, common->state_dir,
                                                      &target->destination, err) < 0))
        return -1;
    *push = (struct dr_mirror_push){.registry = target->registry,
                                    .bundle = common->bundle,
                                    .path = common->path,
                                    .plan = &target->plan,
                                    .requires = &target->requires,
                                    .journal = &target->journal,
                                    .log = &target->log};
    push->written = calloc(target->plan.image_count + 1, sizeof *push->written);
    if (!push->written)
        return dr_fail_memory(err);
    if (dr_requires_check(target->registry, common->bundle, &target->plan, &target->destination,
                          &target->log, &target->requires, err) < 0 ||
        dr_mirror_survey(target->registry, &target->plan, &push->present, err) < 0)
        return -1;
    push->present += target->requires.present;
    return 0;
}

void dr_mirror_target_survey(struct dr_mirror_target *target, const struct dr_mirror_common *common)
{
    survey(target, common, &target->failure);
}

void dr_mirror_target_push(struct dr_mirror_target *target, const struct dr_mirror_common *common)
{
    double started = dr_clock();

    (void)common;
    dr_mirror_push_all(&target->push, &target->failure);
    target->seconds = dr_clock() - started;
}

struct work {
    struct dr_mirror_target *target;
    const struct dr_mirror_common *common;
    void (*work)(struct dr_mirror_target *target, const struct dr_mirror_common *common);
    pthread_t thread;
    bool running;
};

static void *run(void *context)
{
    struct work *work = context;

    work->work(work->target, work->common);
    return NULL;
}

void dr_mirror_targets_each(struct dr_mirror_target *targets, size_t count,
                            void (*work)(struct dr_mirror_target *target,
                                         const struct dr_mirror_common *common),
                            const struct dr_mirror_common *common)
{
    struct work *works = count > 1 ? calloc(count, sizeof *works) : NULL;

    for (size_t i = 0; i < count; i++) {
        if (targets[i].failure.code != DR_OK)
            continue;
        if (works) {
            works[i] = (struct work){.target = &targets[i], .common = common, .work = work};
            works[i].running = pthread_create(&works[i].thread, NULL, run, &works[i]) == 0;
        }
        if (!works || !works[i].running)
            work(&targets[i], common); /* one after the other is right as well */
    }
    for (size_t i = 0; works && i < count; i++) {
        if (works[i].running)
            pthread_join(works[i].thread, NULL);
    }
    free(works);
}
