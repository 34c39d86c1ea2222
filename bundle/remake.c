/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/remake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bundle/file/reader.h"
#include "bundle/file/volumes.h"
#include "bundle/frame.h"
#include "bundle/layers.h"
#include "bundle/part.h"
#include "bundle/split.h"
#include "bundle/tools.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define WHAT "the bundle"

struct remake {
    const struct dr_bundle_options *options;
    const struct dr_log *log;
    struct dr_key *key;
    struct dr_bundle *bundle; /* all of it but the layers */
    const struct dr_volume_set *set;
    struct dr_sources sources;
    struct dr_fetched *fetched; /* one per image, of which only registry and image are there */
    size_t count;
    struct dr_part part;
    struct dr_pieces pieces; /* all of the set, only one of which has a file */
    struct dr_layers layers;
    int frame;
};

static void release(struct remake *remake)
{
    dr_cleanup_close(&remake->frame);
    dr_layers_release(&remake->layers);
    dr_pieces_release(&remake->pieces);
    dr_part_release(&remake->part);
    for (size_t i = 0; remake->fetched && i < remake->count; i++)
        dr_foreign_release(&remake->fetched[i].foreign);
    free(remake->fetched);
    dr_sources_release(&remake->sources);
    dr_bundle_free(remake->bundle);
    dr_key_free(remake->key);
}

/* ---- what the other volume tells */

static int open_like(struct remake *remake, struct dr_err *err)
{
    const struct dr_bundle_options *options = remake->options;

    remake->bundle = dr_split_open(options->like, remake->key, options->base_keys,
                                   options->base_key_count, remake->log, err);
    if (!remake->bundle)
        return -1;
    if (!dr_bundle_volumes(remake->bundle))
        return dr_fail(err, DR_ERR_USAGE, "--like: '%s' is no volume of a bundle", options->like);
    remake->set = dr_volumes_set(dr_bundle_volumes(remake->bundle));
    return options->remake <= remake->set->count
               ? 0
               : dr_fail(err, DR_ERR_USAGE, "--remake: there are only %llu volumes in this set",
                         (unsigned long long)remake->set->count);
}

/* ---- where layers come from */

/* Of an image that the bundle has: borrows from that. */
static void list_images(struct remake *remake, const struct dr_bundle_image *images)
{
    for (size_t i = 0; i < remake->count; i++)
        remake->fetched[i].image = images[i];
}

static int find_foreign(const struct remake *remake, struct dr_fetched *fetched, struct dr_err *err)
{
    const struct dr_bundle_image *image = &fetched->image;
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        dr_auto_buf struct dr_buf manifest = DR_BUF_INIT(DR_MANIFEST_MAX);
        const struct dr_digest *digest = dr_bundle_image_is_list(image)
                                             ? &image->family.members[i].manifest.digest
                                             : &image->manifest.digest;

        if (dr_bundle_blob_load(remake->bundle, digest, &manifest, err) < 0 ||
            dr_foreign_find(&fetched->foreign, fetched->registry, fetched->repository, content,
                            &manifest, err) < 0)
            return -1;
    }
    return 0;
}

/* The mirror of Docker Hub, if it has the layer; else where the reference leads. */
static int find_registry(struct remake *remake, struct dr_fetched *fetched,
                         const struct dr_digest *layer, struct dr_err *err)
{
    const struct dr_reference *reference = &fetched->image.reference;
    struct dr_registry *mirror =
        dr_sources_find_mirror(&remake->sources, reference, fetched->repository, NULL);
    bool there = false;

    if (mirror)
        dr_registry_head_blob(mirror, fetched->repository, layer, &there, NULL, NULL);
    fetched->registry =
        there ? mirror : dr_sources_find(&remake->sources, reference, fetched->repository, err);
    return fetched->registry ? find_foreign(remake, fetched, err) : -1;
}

static int find_sources(struct remake *remake, struct dr_err *err)
{
    for (size_t i = 0; i < remake->layers.count; i++) {
        const struct dr_digest *digest = &remake->layers.rows[i].digest;
        const struct dr_fetched *owner = dr_layers_owner(&remake->layers, digest);
        char name[DR_REFERENCE_TEXT];

        if (owner && !owner->registry &&
            find_registry(remake, &remake->fetched[owner - remake->fetched], digest, err) < 0)
            return dr_err_wrap(err, "image '%s'",
                               dr_reference_familiar(&owner->image.reference, name));
    }
    return 0;
}

/* ---- what is no layer */

static int fail_program(const struct remake *remake, const struct dr_member *program,
                        struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    return dr_fail(err, DR_ERR_ABSENT,
                   "the program '%s' is in volume %llu, and this drover is another one: give the "
                   "file with %s by --with-tool=FILE",
                   program->name, (unsigned long long)remake->options->remake,
                   dr_digest_text(&program->digest, digest));
}

/* The programs that are in the slice: from files on this machine. */
static int write_programs(const struct remake *remake, struct dr_err *err)
{
    static const char *const self[] = {DR_TOOL_SELF};
    struct dr_bundle_options options = *remake->options;
    dr_auto_tools struct dr_tools tools = DR_TOOLS_INIT;
    bool opened = false;
    size_t count;
    const struct dr_member *programs = dr_bundle_programs(remake->bundle, &count);

    if (options.tool_count == 0) {
        options.tools = self;
        options.tool_count = 1;
    }
    options.dynamic_tool = true;
    for (size_t i = 0; i < count; i++) {
        int done;

        if (dr_pieces_cover(&remake->pieces, programs[i].offset, programs[i].size) == DR_COVER_NONE)
            continue;
        if (!opened && dr_tools_open(&tools, &options, err) < 0)
            return -1;
        opened = true;
        done = dr_tools_write_same(&tools, &programs[i], remake->frame, WHAT, err);
        if (done <= 0)
            return done < 0 ? -1 : fail_program(remake, &programs[i], err);
    }
    return 0;
}

static int make_frame(struct remake *remake, struct dr_err *err)
{
    remake->frame = dr_split_frame(remake->set, remake->bundle, err);
    return remake->frame < 0 ? -1 : write_programs(remake, err);
}

/* ---- the volume */

static int open_volume(struct remake *remake, struct dr_err *err)
{
    uint64_t number = remake->options->remake;
    dr_autofree char *path = dr_volume_path(remake->options->output, number, err);
    struct dr_part *part = &remake->part;
    int fd;

    part->replace = remake->options->replace;
    if (!path || dr_part_open(part, path, NULL, NULL, err) < 0 || dr_part_empty(part, err) < 0 ||
        dr_pieces_init(&remake->pieces, remake->set->count, remake->set->slice, err) < 0)
        return -1;
    part->keep = false;
    fd = fcntl(part->pieces.items[0].fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "open '%s' once more", part->draft);
    return dr_pieces_set(&remake->pieces, number - 1, fd, path, part->draft, err);
}

static int plan(struct remake *remake, struct dr_err *err)
{
    static const struct dr_past nothing = DR_PAST_INIT;
    size_t blobs;
    const struct dr_bundle_blob *list = dr_bundle_blobs(remake->bundle, &blobs);
    const struct dr_bundle_image *images = dr_bundle_images(remake->bundle, &remake->count);

    remake->fetched = calloc(remake->count, sizeof *remake->fetched);
    if (!remake->fetched)
        return dr_fail_memory(err);
    list_images(remake, images);
    remake->layers = (struct dr_layers){.pieces = &remake->pieces,
                                        .blobs = list,
                                        .blob_count = blobs,
                                        .fetched = remake->fetched,
                                        .fetched_count = remake->count,
                                        .sources = &remake->sources};
    return dr_layers_plan(&remake->layers, &nothing, err);
}

static int write_volume(struct remake *remake, struct dr_err *err)
{
    const struct dr_layers *layers = &remake->layers;
    uint64_t behind;

    if (dr_volume_behind(remake->set, &behind, err) < 0 ||
        dr_pieces_reserve(&remake->pieces, remake->set->total, behind, remake->part.path, err) <
            0 ||
        dr_layers_fetch(&remake->layers, remake->log, err) < 0 ||
        dr_frame_copy(remake->frame, layers->blobs, layers->blob_count, remake->set->total,
                      &remake->pieces, err) < 0 ||
        dr_split_seal(remake->set, &remake->pieces, remake->frame, remake->key, remake->log, err) <
            0)
        return -1;
    return dr_part_commit(&remake->part, err);
}

static int report(const struct remake *remake, struct dr_err *err)
{
    const struct dr_bundle_options *options = remake->options;
    char of[DR_VOLUME_SET_TEXT];
    char size[16];
    json_auto_t *object = NULL;

    dr_text_size(remake->layers.bytes, size);
    dr_log_say(remake->log, "%zu layer%s (%s) fetched for it; it is of %s", remake->layers.count,
               remake->layers.count == 1 ? "" : "s", size, dr_volume_set_text(remake->set, of));
    if (!options->json)
        return dr_split_print_one(remake->set, options->remake, options->output, stdout, err);
    object = dr_split_json_one(remake->set, options->remake, options->output, err);
    return object ? dr_json_print(object, stdout, err) : -1;
}

int dr_remake_run(const struct dr_bundle_options *options, const struct dr_log *log,
                  struct dr_err *err)
{
    __attribute__((cleanup(release))) struct remake remake = {
        .options = options,
        .log = log,
        .part = DR_PART_INIT,
        .pieces = DR_PIECES_INIT,
        .frame = -1,
    };

    remake.key = dr_key_read_private(options->key, options->ask, options->ask_context, err);
    if (!remake.key || open_like(&remake, err) < 0 ||
        dr_sources_init(&remake.sources, options, log, err) < 0)
        return -1;
    if (open_volume(&remake, err) < 0 || plan(&remake, err) < 0 || make_frame(&remake, err) < 0 ||
        find_sources(&remake, err) < 0 || write_volume(&remake, err) < 0)
        return dr_err_wrap(err, "make volume %llu again", (unsigned long long)options->remake);
    return report(&remake, err);
}
