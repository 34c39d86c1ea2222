/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/asked.h"
#include "bundle/base.h"
#include "bundle/conversion.h"
#include "bundle/fetched.h"
#include "bundle/file/volume.h"
#include "bundle/file/writer.h"
#include "bundle/frame.h"
#include "bundle/layers.h"
#include "bundle/ledger.h"
#include "bundle/parity/protect.h"
#include "bundle/part.h"
#include "bundle/pipe.h"
#include "bundle/rehearsal.h"
#include "bundle/remake.h"
#include "bundle/source.h"
#include "bundle/split.h"
#include "bundle/summary.h"
#include "bundle/tools.h"
#include "bundle/unpacking.h"
#include "bundle/wanted.h"
#include "lib/cleanup.h"
#include "lib/file.h"
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
    struct dr_volume_set set; /* of volumes, if it is split */
    struct dr_part part;
    int frame;     /* everything but layers (bundle/frame.h) */
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
    dr_cleanup_close(&run->frame);
    dr_volume_set_release(&run->set);
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
    /* Parity goes by what volumes have in common too; it is looked at only when all is there. */
    if (!run->options->split && !(run->options->dry_run && run->options->parity))
        return 0;
    return dr_split_describe(&run->set, &run->writer, &about, err);
}

/* Where it is cut, if it is split. */
static int cut(struct run *run, struct dr_err *err)
{
    return run->options->split ? dr_volume_split(&run->set, run->options->split, err) : 0;
}

static int make_frame(struct run *run, struct dr_err *err)
{
    const struct dr_frame frame = {
        .writer = &run->writer,
        .fetched = run->fetched,
        .count = run->wanted.count,
        .tools = &run->tools,
        .key = run->key,
    };

    run->frame = dr_frame_make(&frame, err);
    return run->frame < 0 ? -1 : 0;
}

/* Now that their layers have been unpacked, the digests of converted images are known, and so is the order of
 * manifests and configs. */
static int convert_images(struct run *run, struct dr_err *err)
{
    dr_auto_writer struct dr_writer planned = run->writer;
    uint64_t slice = run->set.slice;

    run->writer = (struct dr_writer)DR_WRITER_INIT;
    for (size_t i = 0; i < run->wanted.count; i++) {
        struct dr_fetched *fetched = &run->fetched[i];

        if (fetched->image.conversion && dr_conversion_finish(fetched, &run->unpacking, err) < 0)
            return -1;
        run->images[i] = fetched->image;
    }
    if (plan(run, err) < 0)
        return -1;
    if (run->options->split)
        dr_split_at(&run->set, slice);
    return dr_layers_move_up(&run->part, &planned, &run->writer, run->log, err);
}

static int begin_anew(struct run *run, const char *why, struct dr_err *err)
{
    if (run->part.size > 0)
        dr_log_say(run->log, "'%s' is begun anew: %s", run->part.shown, why);
    dr_past_release(&run->past);
    run->part.keep = false;
    return dr_part_empty(&run->part, err);
}

/* OUTPUT.part as an earlier run left it, or empty. */
static int begin_part(struct run *run, struct dr_err *err)
{
    struct dr_part *part = &run->part;

    run->asked = dr_asked_new(run->options, &run->wanted, &run->bases, &run->tools, err);
    part->split = run->options->split > 0;
    part->replace = run->options->replace;
    if (!run->asked || dr_part_open(part, run->options->output, run->asked, &run->past, err) < 0)
        return -1;
    if (run->options->fresh)
        return begin_anew(run, "--fresh", err);
    if (!run->past.journal)
        return begin_anew(run, *run->past.why ? run->past.why : "it has no journal", err);
    /* Volumes have something behind their slices. */
    if (part->split ? part->size < run->past.total : part->size != run->past.total)
        return begin_anew(run, "it has another size than its journal says", err);
    part->keep = true;
    return 0;
}

static int plan_layers(struct run *run, uint64_t total, struct dr_err *err)
{
    struct dr_layers *layers = &run->layers;
    char kept[16];
    char size[16];

    if (run->past.journal && (run->past.total != total || run->past.slice != run->set.slice) &&
        begin_anew(run, "its images have another layout now", err) < 0)
        return -1;
    *layers = (struct dr_layers){.pieces = &run->part.pieces,
                                 .blobs = run->writer.blobs,
                                 .blob_count = run->writer.blob_count,
                                 .fetched = run->fetched,
                                 .fetched_count = run->wanted.count,
                                 .sources = &run->sources,
                                 .unpacking = &run->unpacking};
    if (dr_layers_plan(layers, &run->past, err) < 0)
        return -1;
    dr_text_size(total, size);
    dr_log_detail(run->log, "%zu blobs, %s: reserve '%s'", run->writer.blob_count, size,
                  run->part.shown);
    if (!run->past.journal)
        return 0;
    dr_text_size(layers->kept, kept);
    dr_text_size(layers->bytes, size);
    dr_log_say(run->log, "going on with '%s': %s of %s are there, to be hashed again",
               run->part.shown, kept, size);
    return 0;
}

static int reserve(struct run *run, uint64_t total, struct dr_err *err)
{
    uint64_t behind;

    if (!run->options->split)
        return dr_part_reserve(&run->part, total, err);
    if (dr_volume_behind(&run->set, &behind, err) < 0)
        return -1;
    return dr_part_reserve_split(&run->part, total, run->set.slice, behind, err);
}

static int fetch_layers(struct run *run, struct dr_err *err)
{
    uint64_t total = dr_layout_total(&run->writer.layout);
    json_auto_t *found = NULL;
    int done;

    if (plan_layers(run, total, err) < 0 || reserve(run, total, err) < 0)
        return -1;
    found = dr_asked_found(&run->wanted, run->fetched, err);
    if (!found || dr_ledger_begin(&run->ledger, &run->part, run->asked, found, total,
                                  run->layers.rows, run->layers.count, run->log, err) < 0)
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
    if (make_frame(run, err) < 0 ||
        dr_frame_copy(run->frame, run->writer.blobs, run->writer.blob_count,
                      dr_layout_total(&run->writer.layout), &run->part.pieces, err) < 0 ||
        dr_stop_check(err, "the bundle was written") < 0)
        return -1;
    if (run->options->split &&
        dr_split_seal(&run->set, &run->part.pieces, run->frame, run->key, run->log, err) < 0)
        return -1;
    return dr_part_commit(&run->part, err);
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
        .volumes = run->options->split ? &run->set : NULL,
        .seconds = dr_clock() - run->started,
    };

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
    if (!run->part.ready || !run->part.draft || !run->part.keep)
        return -1;
    dr_text_size(done, size);
    if (done > 0)
        return dr_err_advise(err, "'%s' keeps the %s that came: the same command goes on with them",
                             run->part.shown, size);
    return dr_err_advise(err, "'%s' stays: the same command goes on with it", run->part.shown);
}

/* Straight into the pipe. */
static int pour(struct run *run, struct dr_err *err)
{
    if (fetch_images(run, err) < 0 || leave_out(run, err) < 0 || plan(run, err) < 0)
        return -1;
    if (run->unpacking.count > 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "an image has to be converted from schema 1, and what it becomes is known "
                       "only when its layers were read: name a folder with room for the bundle by "
                       "--spool-dir");
    run->layers = (struct dr_layers){.blobs = run->writer.blobs,
                                     .blob_count = run->writer.blob_count,
                                     .fetched = run->fetched,
                                     .fetched_count = run->wanted.count,
                                     .sources = &run->sources};
    if (make_frame(run, err) < 0)
        return -1;
    return dr_pipe_send(STDOUT_FILENO, run->frame, &run->layers,
                        dr_layout_total(&run->writer.layout), run->log, err);
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
        .volumes = options->split ? &run->set : NULL,
        .split = options->split,
        .parity = options->parity,
        .set = &run->set,
        .bases = run->bases.list,
        .base_files = options->bases,
        .past = &run->past,
        .pace = options->pace,
    };

    run->asked = dr_asked_new(run->options, &run->wanted, &run->bases, &run->tools, err);
    if (!run->asked || (options->output && !options->fresh &&
                        dr_rehearsal_look(options->output, run->asked, &run->past, err) < 0))
        return -1;
    if (fetch_images(run, err) < 0 || leave_out(run, err) < 0 || plan(run, err) < 0 ||
        cut(run, err) < 0)
        return -1;
    rehearsal.delta = run->delta;
    rehearsal.images = run->images;
    return dr_rehearsal_print(&rehearsal, options->json, stdout, err);
}

int dr_bundle_run(const struct dr_bundle_options *options, const struct dr_log *log,
                  struct dr_err *err)
{
    struct dr_protect_options protect = {.path = options->output,
                                         .limit = options->split,
                                         .percent = options->parity,
                                         .replace = options->replace};
    __attribute__((cleanup(release))) struct run run = {
        .options = options,
        .log = log,
        .wanted = DR_WANTED_INIT,
        .unpacking = DR_UNPACKING_INIT,
        .bases = DR_BASES_INIT,
        .tools = DR_TOOLS_INIT,
        .writer = DR_WRITER_INIT,
        .set = DR_VOLUME_SET_INIT,
        .part = DR_PART_INIT,
        .frame = -1,
        .past = DR_PAST_INIT,
        .ledger = DR_LEDGER_INIT,
        .started = dr_clock(),
    };

    if (options->remake)
        return dr_remake_run(options, log, err);
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
        plan(&run, err) < 0 || cut(&run, err) < 0 || write_file(&run, err) < 0)
        return explain(&run, err);
    if ((options->pipe && pour_file(&run, err) < 0) || report(&run, err) < 0)
        return -1;
    protect.key = run.key;
    return dr_protect_new(&protect, options->json ? stderr : stdout, log, err);
}
