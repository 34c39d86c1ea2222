/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/mirror.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/asking.h"
#include "bundle/file/check.h"
#include "bundle/file/media.h"
#include "bundle/file/stream.h"
#include "bundle/file/volumes.h"
#include "mirror/feed.h"
#include "mirror/pour.h"
#include "mirror/report.h"
#include "mirror/target.h"

struct run {
    const struct dr_mirror_options *options;
    const struct dr_log *log;
    struct dr_mirror_common common;
    struct dr_bundle *bundle;
    struct dr_mirror_target *targets;
    size_t count;
};

static void run_release(struct run *run)
{
    for (size_t i = 0; run->targets && i < run->count; i++)
        dr_mirror_target_release(&run->targets[i]);
    free(run->targets);
    dr_bundle_free(run->bundle);
}

static bool is_same(const struct dr_destination *one, const struct dr_destination *other)
{
    return strcmp(one->host, other->host) == 0 && strcmp(one->prefix, other->prefix) == 0;
}

static int name_targets(struct run *run, struct dr_err *err)
{
    const struct dr_mirror_options *options = run->options;

    run->count = options->registry_count;
    run->targets = calloc(run->count + 1, sizeof *run->targets);
    if (!run->targets)
        return dr_fail_memory(err);
    for (size_t i = 0; i < run->count; i++) {
        struct dr_mirror_target *target = &run->targets[i];

        target->journal = (struct dr_mirror_journal)DR_MIRROR_JOURNAL_INIT;
        target->name = options->registries[i];
        target->log = run->count > 1 ? dr_log_of(run->log, target->name) : *run->log;
        if (dr_destination_read(target->name, options->reach.maps, options->reach.map_count,
                                &target->destination, err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++) {
            if (is_same(&target->destination, &run->targets[j].destination))
                return dr_fail(err, DR_ERR_USAGE, "'%s' is named twice", target->name);
        }
    }
    return 0;
}

/* A mount that the registry refuses becomes an upload. */
static bool is_anything_sent(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct dr_mirror_target *target = &run->targets[i];

        if (target->failure.code == DR_OK &&
            (target->plan.first_count > 0 || target->plan.more_count > 0))
            return true;
    }
    return false;
}

/* One that failed is the run's failure as it is; of several each is told, and counted. */
static int conclude(const struct run *run, bool *ret_taken, struct dr_err *err)
{
    const struct dr_mirror_target *first = NULL;
    size_t failed = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct dr_mirror_target *target = &run->targets[i];

        if (target->failure.code == DR_OK) {
            *ret_taken = !run->options->dry_run;
            continue;
        }
        if (run->count > 1)
            dr_log_warn(&target->log, "failed: %s", target->failure.text);
        first = first ? first : target;
        failed++;
    }
    if (!first)
        return 0;
    if (err)
        *err = first->failure;
    return run->count == 1
               ? -1
               : dr_fail(err, first->failure.code, "%zu of %zu registries failed, as said above%s",
                         failed, run->count,
                         *ret_taken ? "; the others have all of the bundle" : "");
}

/* Whatever becomes of the receipt, the registry has all of the bundle, and that is reported. */
static int report(struct run *run, bool *ret_taken, struct dr_err *err)
{
    const struct dr_mirror_target *first = &run->targets[0];
    bool planned = run->options->dry_run;
    struct dr_err why = DR_ERR_INIT;

    if (first->failure.code == DR_OK)
        dr_receipt_take(&run->options->receipt, first->registry, run->bundle, &first->destination,
                        &first->log, &run->common.receipt, &why);
    if (!run->options->json)
        dr_mirror_report_lines(run->targets, run->count, planned, &run->common);
    else if (dr_mirror_report_json(run->targets, run->count, planned, &run->common, err) < 0)
        return -1;
    dr_receipt_tell(&run->common.receipt, &first->log);
    if (conclude(run, ret_taken, err) < 0)
        return -1;
    return why.code == DR_OK ? 0 : dr_fail(err, why.code, "%s", why.text);
}

/* A stream goes by once, so there is one registry that it can go to. */
static int check_stream(const struct dr_mirror_options *options, struct dr_err *err)
{
    if (options->dry_run)
        return dr_fail(err, DR_ERR_USAGE,
                       "--dry-run would let the stream go by: 'drover verify -' looks at one");
    if (options->registry_count > 1)
        return dr_fail(err, DR_ERR_USAGE,
                       "a stream goes into one registry; for several, mirror a file");
    return 0;
}

/* What was missing is uploaded as it comes. */
static void pour(struct run *run)
{
    struct dr_mirror_target *target = &run->targets[0];

    if (target->failure.code == DR_OK &&
        dr_mirror_pour(&target->push, run->bundle, run->options->spool, &target->failure) == 0)
        dr_log_say(run->log, "verified the stream: signature and every byte");
}

/* Nor do media that are put in one after the other. */
static int check_wait(const struct dr_mirror_options *options, struct dr_err *err)
{
    return options->registry_count > 1
               ? dr_fail(err, DR_ERR_USAGE,
                         "--wait-for-media is for one registry: for several, each volume would be "
                         "put in as often")
               : 0;
}

/* A bundle that is one file is not waited for. */
static struct dr_bundle *await(struct run *run, struct dr_err *err)
{
    const struct dr_mirror_options *options = run->options;
    const struct dr_bundle_trust *trust = options->trust;
    struct dr_asking asking = {.log = run->log};
    dr_auto_volumes struct dr_volumes *volumes = NULL;
    struct dr_bundle *bundle;

    if (dr_media_is_file(options->bundle))
        return dr_bundle_open(options->bundle, trust, err);
    volumes = dr_volumes_await(options->bundle, trust, dr_asking_first, &asking, err);
    bundle = volumes ? dr_bundle_open_volumes(volumes, trust, err) : NULL;
    if (bundle)
        volumes = NULL;
    return bundle;
}

/* What was missing is uploaded as its volumes come in. */
static void feed(struct run *run)
{
    struct dr_mirror_target *target = &run->targets[0];

    if (target->failure.code == DR_OK)
        dr_mirror_feed(&target->push, run->bundle, &target->failure);
}

static int mirror(struct run *run, bool *ret_taken, struct dr_err *err)
{
    const struct dr_mirror_options *options = run->options;
    bool stream = strcmp(options->bundle, "-") == 0;
    bool fed;

    if ((stream && check_stream(options, err) < 0) ||
        (options->wait && check_wait(options, err) < 0) || name_targets(run, err) < 0)
        return -1;
    run->bundle = stream          ? dr_bundle_open_stream(STDIN_FILENO, options->trust, err)
                  : options->wait ? await(run, err)
                                  : dr_bundle_open(options->bundle, options->trust, err);
    if (!run->bundle)
        return -1;
    fed = options->wait && dr_bundle_volumes(run->bundle);
    dr_destination_warn(&run->targets[0].destination, run->bundle, run->log);
    run->common = (struct dr_mirror_common){.bundle = run->bundle,
                                            .path = options->bundle,
                                            .state_dir = options->state_dir,
                                            .reach = &options->reach,
                                            .pace = options->pace,
                                            .look_only = options->dry_run};
    /* Before the long hashing: a registry that isn't there should be said at once. */
    dr_mirror_targets_each(run->targets, run->count, dr_mirror_target_survey, &run->common);
    if (stream)
        pour(run);
    else if (fed && !options->dry_run)
        feed(run);
    if (!options->dry_run) {
        if (!stream && !fed && is_anything_sent(run) &&
            dr_bundle_check_layers(run->bundle, options->bundle, true, run->log, err) < 0)
            return -1;
        dr_mirror_targets_each(run->targets, run->count, dr_mirror_target_push, &run->common);
    }
    return report(run, ret_taken, err);
}

int dr_mirror_run(const struct dr_mirror_options *options, const struct dr_log *log,
                  bool *ret_taken, struct dr_err *err)
{
    struct run run = {.options = options, .log = log};
    int done;

    *ret_taken = false;
    done = mirror(&run, ret_taken, err);
    run_release(&run);
    return done;
}
