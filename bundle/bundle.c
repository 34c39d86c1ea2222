/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/base.h"
#include "bundle/conversion.h"
#include "bundle/fetched.h"
#include "bundle/file/reader.h"
#include "bundle/file/writer.h"
#include "bundle/inspect.h"
#include "bundle/layers.h"
#include "bundle/ledger.h"
#include "bundle/part.h"
#include "bundle/pipe.h"
#include "bundle/rehearsal.h"
#include "bundle/small.h"
#include "bundle/source.h"
#include "bundle/summary.h"
#include "bundle/tools.h"
#include "bundle/unpacking.h"
#include "bundle/wanted.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

/* Manifests and configs of all images stay in memory until they are written. */
#define SMALL_BYTES_MAX ((size_t)64 << 20)

/* One run, from the first manifest to the report. */
struct run {
    const struct dr_bundle_options *options;
    const struct dr_log *log;
    struct dr_key *key;
    struct dr_wanted_list wanted;
    struct dr_sources sources;
    struct dr_fetched *fetched;     /* one per wanted image */
    size_t fetched_count;           /* that are filled */
    struct dr_bundle_image *images; /* copies of fetched[].image, borrowing from it */
    struct dr_unpacking unpacking;  /* of the layers of converted images */
    struct dr_bases bases;
    struct dr_delta *delta; /* what is left out; NULL: nothing */
    struct dr_tools tools;  /* drover itself, if it goes along */
    struct dr_writer writer;
    struct dr_part part;
    json_t *asked; /* what the next run must be asked for as well, to go on with this one's work */
    struct dr_past past;
    struct dr_layers layers;
    struct dr_ledger ledger;
    double started;
};

static void release(struct run *run)
{
    dr_ledger_end(&run->ledger);
    dr_layers_release(&run->layers);
    dr_past_release(&run->past);
    json_decref(run->asked);
    dr_part_release(&run->part);
    dr_writer_release(&run->writer);
    dr_tools_release(&run->tools);
    dr_unpacking_release(&run->unpacking);
    dr_delta_free(run->delta);
    dr_bases_release(&run->bases);
    free(run->images);
    for (size_t i = 0; run->fetched && i < run->wanted.count; i++)
        dr_fetched_release(&run->fetched[i]);
    free(run->fetched);
    dr_sources_release(&run->sources);
    dr_wanted_release(&run->wanted);
    dr_key_free(run->key);
}

static int fetch_images(struct run *run, struct dr_err *err)
{
    size_t bytes = 0;

    run->fetched = calloc(run->wanted.count, sizeof *run->fetched);
    run->images = calloc(run->wanted.count, sizeof *run->images);
    if (!run->fetched || !run->images)
        return dr_fail_memory(err);
    for (size_t i = 0; i < run->wanted.count; i++) {
        const struct dr_reference *reference = &run->wanted.items[i].reference;
        struct dr_fetched *fetched = &run->fetched[i];
        char name[DR_REFERENCE_TEXT];
        struct dr_digest past;
        bool has_past = dr_past_digest(&run->past, dr_reference_text(reference, name), &past);

        dr_log_detail(run->log, "resolve %s", dr_reference_familiar(reference, name));
        if (dr_fetched_get(fetched, &run->sources, &run->wanted.items[i], has_past ? &past : NULL,
                           err) < 0)
            return -1;
        bytes += dr_fetched_bytes(fetched);
        if (bytes > SMALL_BYTES_MAX)
            return dr_fail(err, DR_ERR_FORMAT,
                           "the manifests and configs of these images have more than %zu bytes; "
                           "make two bundles",
                           SMALL_BYTES_MAX);
        run->images[i] = fetched->image;
        if (fetched->image.conversion &&
            dr_unpacking_add(&run->unpacking, &fetched->schema1, err) < 0)
            return -1;
    }
    return 0;
}

/* What the bases make superfluous. */
static int leave_out(struct run *run, struct dr_err *err)
{
    if (dr_bases_delta(&run->bases, run->images, run->wanted.count, &run->unpacking, &run->delta,
                       err) < 0)
        return -1;
    if (run->options->base_count > 0 && !run->delta)
        dr_log_say(run->log, "no base has any of the layers: the bundle is a whole one");
    return 0;
}

static int plan(struct run *run, struct dr_err *err)
{
    char builder[64];
    char created[32];
    const struct dr_bundle_about about = {
        .release = run->wanted.name,
        .builder = builder,
        .created = created,
        .expires = run->options->expires,
        .channel = run->options->channel,
        .serial = run->options->serial,
        .delta = run->delta,
    };

    run->writer.slots.count = run->options->signers;
    run->writer.key = run->key;
    run->writer.extras = run->tools.members;
    run->writer.extra_count = run->tools.count;
    snprintf(builder, sizeof builder, "drover %s", DROVER_VERSION);
    dr_text_time(run->options->created, created);
    if (dr_writer_plan(&run->writer, &about, run->images, run->wanted.count, err) < 0)
        return -1;
    return 0;
}

static int write_small(const struct run *run, int fd, const char *what, struct dr_err *err)
{
    if (dr_small_write(&run->writer, run->fetched, run->wanted.count, run->key, fd, what, err) < 0)
        return -1;
    return dr_tools_write(&run->tools, &run->writer, fd, what, err);
}

/* Now that their layers have been unpacked, the digests of converted images are known, and so is the order of
 * manifests and configs. */
static int convert_images(struct run *run, struct dr_err *err)
{
    dr_auto_writer struct dr_writer planned = run->writer;

    run->writer = (struct dr_writer)DR_WRITER_INIT;
    for (size_t i = 0; i < run->wanted.count; i++) {
        struct dr_fetched *fetched = &run->fetched[i];

        if (fetched->image.conversion && dr_conversion_finish(fetched, &run->unpacking, err) < 0)
            return -1;
        run->images[i] = fetched->image;
    }
    return plan(run, err) < 0
               ? -1
               : dr_layers_move_up(&run->part, &planned, &run->writer, run->log, err);
}

/* What makes one run's work another's: the layout must be the same. Where it comes from may change. */
static json_t *describe(const struct run *run, struct dr_err *err)
{
    const struct dr_bundle_options *options = run->options;
    char platform[DR_PLATFORM_TEXT];
    json_auto_t *images = json_array();
    json_t *asked;

    for (size_t i = 0; i < run->wanted.count; i++) {
        char name[DR_REFERENCE_TEXT];

        if (dr_json_append(images,
                           json_string(dr_reference_text(&run->wanted.items[i].reference, name)),
                           err) < 0)
            return NULL;
    }
    asked =
        json_pack("{s:s*, s:O, s:s, s:b, s:s, s:I, s:b, s:O*, s:o*}", "release", run->wanted.name,
                  "images", images, "platform", dr_platform_text(&options->platform, platform),
                  "all-platforms", options->all_platforms, "channel", options->channel, "signers",
                  (json_int_t)options->signers, "expires", options->expires != NULL, "bases",
                  run->bases.list, "tools", dr_tools_describe(&run->tools, err));
    if (!asked)
        dr_fail_memory(err);
    return asked;
}

static int begin_anew(struct run *run, const char *why, struct dr_err *err)
{
    if (run->part.size > 0)
        dr_log_say(run->log, "'%s' is begun anew: %s", run->part.draft, why);
    dr_past_release(&run->past);
    run->part.keep = false;
    return dr_part_empty(&run->part, err);
}

/* OUTPUT.part as an earlier run left it, or empty. */
static int begin_part(struct run *run, struct dr_err *err)
{
    struct dr_part *part = &run->part;

    run->asked = describe(run, err);
    if (!run->asked || dr_part_open(part, run->options->output, run->options->replace, err) < 0)
        return -1;
    if (run->options->fresh)
        return begin_anew(run, "--fresh", err);
    dr_past_read(part->journal, run->asked, &run->past);
    if (!run->past.journal)
        return begin_anew(run, *run->past.why ? run->past.why : "it has no journal", err);
    if (part->size != run->past.total)
        return begin_anew(run, "it has another size than its journal says", err);
    part->keep = true;
    return 0;
}

/* What every image was found to be. */
static json_t *list_found(const struct run *run, struct dr_err *err)
{
    json_auto_t *found = json_object();

    for (size_t i = 0; i < run->wanted.count; i++) {
        char name[DR_REFERENCE_TEXT];
        char digest[DR_DIGEST_TEXT];

        if (run->fetched[i].has_found &&
            dr_json_set(found, dr_reference_text(&run->wanted.items[i].reference, name),
                        json_string(dr_digest_text(&run->fetched[i].found, digest)), err) < 0)
            return NULL;
    }
    return json_incref(found);
}

static int plan_layers(struct run *run, uint64_t total, struct dr_err *err)
{
    struct dr_layers *layers = &run->layers;
    char kept[16];
    char size[16];

    if (run->past.journal && run->past.total != total &&
        begin_anew(run, "its images have another layout now", err) < 0)
        return -1;
    *layers = (struct dr_layers){.part = &run->part,
                                 .writer = &run->writer,
                                 .fetched = run->fetched,
                                 .fetched_count = run->wanted.count,
                                 .sources = &run->sources,
                                 .unpacking = &run->unpacking};
    if (dr_layers_plan(layers, &run->past, err) < 0)
        return -1;
    dr_text_size(total, size);
    dr_log_detail(run->log, "%zu blobs, %s: reserve '%s'", run->writer.blob_count, size,
                  run->part.draft);
    if (!run->past.journal)
        return 0;
    dr_text_size(layers->kept, kept);
    dr_text_size(layers->bytes, size);
    dr_log_say(run->log, "going on with '%s': %s of %s are there, to be hashed again",
               run->part.draft, kept, size);
    return dr_layers_clear_rest(layers, err);
}

static int fetch_layers(struct run *run, struct dr_err *err)
{
    uint64_t total = dr_layout_total(&run->writer.layout);
    json_auto_t *found = NULL;
    int done;

    if (plan_layers(run, total, err) < 0 || dr_part_reserve(&run->part, total, err) < 0)
        return -1;
    found = list_found(run, err);
    if (!found || dr_ledger_begin(&run->ledger, run->part.journal, run->part.fd, run->asked, found,
                                  total, run->layers.rows, run->layers.count, run->log, err) < 0)
        return -1;
    done = dr_layers_fetch(&run->layers, run->log, err);
    dr_ledger_end(&run->ledger);
    run->part.keep = run->part.keep || dr_ledger_done(&run->ledger) > 0;
    return done;
}

static int write_file(struct run *run, struct dr_err *err)
{
    if (fetch_layers(run, err) < 0)
        return -1;
    if (run->unpacking.count && convert_images(run, err) < 0)
        return -1;
    if (write_small(run, run->part.fd, run->part.draft, err) < 0 ||
        dr_stop_check(err, "the bundle was written") < 0)
        return -1;
    return dr_part_commit(&run->part, err);
}

/* Read back from the disk, so that it is what others will find. */
static int report_json(const struct run *run, struct dr_err *err)
{
    const struct dr_key *key = run->key;
    const struct dr_bundle_trust trust = {
        .keys = &key, .key_count = 1, .ignore_clock = true, .unverified = !key};
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(run->options->output, &trust, err);

    return bundle ? dr_inspect_print(bundle, true, stdout, err) : -1;
}

static int report(const struct run *run, struct dr_err *err)
{
    const struct dr_summary summary = {
        .output = run->options->pipe ? NULL : run->options->output,
        .json = run->options->json,
        .key = run->key,
        .signers = run->options->signers,
        .images = run->images,
        .count = run->wanted.count,
        .writer = &run->writer,
        .delta = run->delta,
        .seconds = dr_clock() - run->started,
    };

    if (run->options->json && report_json(run, err) < 0)
        return -1;
    return dr_summary_print(&summary, run->log, err);
}

/* What a run that failed leaves behind. */
static int explain(struct run *run, struct dr_err *err)
{
    uint64_t done = run->layers.rows ? dr_ledger_done(&run->ledger) : 0;
    char size[16];

    /* An image that drover can't carry will not be another one the next time. */
    if (err && err->code == DR_ERR_FORMAT)
        run->part.keep = false;
    if (!run->part.draft || !run->part.keep)
        return -1;
    dr_text_size(done, size);
    if (done > 0)
        return dr_err_advise(err, "'%s' keeps the %s that came: the same command goes on with them",
                             run->part.draft, size);
    return dr_err_advise(err, "'%s' stays: the same command goes on with it", run->part.draft);
}

/* Straight into the pipe. */
static int pour(struct run *run, struct dr_err *err)
{
    uint64_t total;

    if (fetch_images(run, err) < 0 || leave_out(run, err) < 0 || plan(run, err) < 0)
        return -1;
    if (run->unpacking.count > 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "an image has to be converted from schema 1, and what it becomes is known "
                       "only when its layers were read: name a folder with room for the bundle by "
                       "--spool-dir");
    total = dr_layout_total(&run->writer.layout);
    run->layers = (struct dr_layers){.writer = &run->writer,
                                     .fetched = run->fetched,
                                     .fetched_count = run->wanted.count,
                                     .sources = &run->sources};
    run->part.fd = dr_pipe_frame(total, err);
    if (run->part.fd < 0 || write_small(run, run->part.fd, "the bundle", err) < 0)
        return -1;
    return dr_pipe_send(STDOUT_FILENO, run->part.fd, &run->layers, run->log, err);
}

/* What was made in the spool folder. */
static int pour_file(const struct run *run, struct dr_err *err)
{
    int done = dr_pipe_send_file(STDOUT_FILENO, run->options->output, run->log, err);

    unlink(run->options->output);
    return done;
}

static int rehearse(struct run *run, struct dr_err *err)
{
    const struct dr_bundle_options *options = run->options;
    struct dr_rehearsal rehearsal = {
        .release = run->wanted.name,
        .output = options->output,
        .replace = options->replace,
        .count = run->wanted.count,
        .writer = &run->writer,
        .bases = run->bases.list,
        .base_files = options->bases,
        .past = &run->past,
        .pace = options->pace,
    };

    run->asked = describe(run, err);
    if (!run->asked || (options->output && !options->fresh &&
                        dr_rehearsal_look(options->output, run->asked, &run->past, err) < 0))
        return -1;
    if (fetch_images(run, err) < 0 || leave_out(run, err) < 0 || plan(run, err) < 0)
        return -1;
    rehearsal.delta = run->delta;
    rehearsal.images = run->images;
    return dr_rehearsal_print(&rehearsal, options->json, stdout, err);
}

int dr_bundle_run(const struct dr_bundle_options *options, const struct dr_log *log,
                  struct dr_err *err)
{
    __attribute__((cleanup(release))) struct run run = {
        .options = options,
        .log = log,
        .wanted = DR_WANTED_INIT,
        .unpacking = DR_UNPACKING_INIT,
        .bases = DR_BASES_INIT,
        .tools = DR_TOOLS_INIT,
        .writer = DR_WRITER_INIT,
        .part = DR_PART_INIT,
        .past = DR_PAST_INIT,
        .ledger = DR_LEDGER_INIT,
        .started = dr_clock(),
    };

    if (dr_wanted_read(&options->wish, &run.wanted, err) < 0 ||
        dr_tools_open(&run.tools, options, err) < 0 ||
        dr_sources_init(&run.sources, options, log, err) < 0)
        return -1;
    /* A dry run signs nothing, but bases are believed by that key. */
    if (options->key && (!options->dry_run || options->base_count > 0)) {
        run.key = dr_key_read_private(options->key, options->ask, options->ask_context, err);
        if (!run.key)
            return -1;
    }
    if (dr_bases_read(&run.bases, options, run.key, &run.sources, err) < 0)
        return -1;
    if (options->dry_run)
        return rehearse(&run, err);
    if (options->pipe && !options->output)
        return pour(&run, err) < 0 ? -1 : report(&run, err);
    if (begin_part(&run, err) < 0 || fetch_images(&run, err) < 0 || leave_out(&run, err) < 0 ||
        plan(&run, err) < 0 || write_file(&run, err) < 0)
        return explain(&run, err);
    return options->pipe && pour_file(&run, err) < 0 ? -1 : report(&run, err);
}
