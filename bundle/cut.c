/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/cut.h"

#include <stdio.h>
#include <stdlib.h>

#include "bundle/file/reader.h"
#include "bundle/frame.h"
#include "bundle/part.h"
#include "bundle/split.h"
#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

#define CHUNK ((size_t)256 << 10)

struct cut {
    const struct dr_cut_options *options;
    const struct dr_log *log;
    struct dr_key *key;
    struct dr_bundle *bundle;
    struct dr_volume_set set;
    struct dr_part part;
    int frame;
    char *chunk;
    struct dr_hash *hash;
    struct dr_progress progress;
};

static void release(struct cut *cut)
{
    free(cut->chunk);
    dr_hash_free(cut->hash);
    dr_cleanup_close(&cut->frame);
    dr_part_release(&cut->part);
    dr_volume_set_release(&cut->set);
    dr_bundle_free(cut->bundle);
    dr_key_free(cut->key);
}

/* Layers and programs, which are the one thing that is not in every volume. */
static int list_large(const struct cut *cut, struct dr_layout *layout, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(cut->bundle, &count);
    const struct dr_member *programs;

    for (size_t i = 0; i < count; i++) {
        if (!blobs[i].layer)
            continue;
        layout->end = blobs[i].offset - DR_BLOCK;
        if (dr_layout_add(layout, "layer", blobs[i].size, &blobs[i].digest, err) < 0)
            return -1;
    }
    programs = dr_bundle_programs(cut->bundle, &count);
    for (size_t i = 0; i < count; i++) {
        layout->end = programs[i].offset - DR_BLOCK;
        if (dr_layout_add(layout, programs[i].name, programs[i].size, &programs[i].digest, err) < 0)
            return -1;
    }
    return 0;
}

static int describe(struct cut *cut, struct dr_err *err)
{
    return dr_bundle_describe_set(cut->bundle, &cut->set, err) < 0
               ? -1
               : dr_volume_split(&cut->set, cut->options->size, err);
}

static int open_part(struct cut *cut, struct dr_err *err)
{
    dr_auto_ledger struct dr_ledger ledger = DR_LEDGER_INIT;
    dr_auto_past struct dr_past past = DR_PAST_INIT;
    char sums[DR_DIGEST_TEXT];
    json_auto_t *nothing = json_object();
    json_auto_t *asked = json_pack("{s:s, s:I}", "bundle", dr_digest_text(&cut->set.sums, sums),
                                   "split", (json_int_t)cut->options->size);
    uint64_t behind;

    if (!asked || !nothing)
        return dr_fail_memory(err);
    cut->part.split = true;
    cut->part.replace = cut->options->replace;
    if (dr_part_open(&cut->part, cut->options->output, asked, &past, err) < 0 ||
        dr_part_empty(&cut->part, err) < 0)
        return -1;
    cut->part.keep = false;
    if (dr_volume_behind(&cut->set, &behind, err) < 0 ||
        dr_part_reserve_split(&cut->part, cut->set.total, cut->set.slice, behind, err) < 0)
        return -1;
    /* For the renames alone: what is copied is copied anew. */
    return dr_ledger_begin(&ledger, &cut->part, asked, nothing, cut->set.total, NULL, 0, cut->log,
                           err);
}

static int copy(struct cut *cut, const struct dr_member *member, struct dr_err *err)
{
    struct dr_digest digest;
    char text[DR_DIGEST_TEXT];

    for (uint64_t done = 0; done < member->size;) {
        uint64_t left = member->size - done;
        long got = dr_bundle_file_read(cut->bundle, member->offset + done, cut->chunk,
                                       left < CHUNK ? (size_t)left : CHUNK, err);

        if (got <= 0 || dr_stop_check(err, "a bundle was split") < 0 ||
            dr_pieces_write(&cut->part.pieces, cut->chunk, (size_t)got, member->offset + done,
                            err) < 0)
            return -1;
        dr_hash_add(cut->hash, cut->chunk, (size_t)got);
        dr_progress_add(&cut->progress, (uint64_t)got);
        done += (uint64_t)got;
    }
    dr_hash_end(cut->hash, &digest);
    return dr_digest_equal(&digest, &member->digest)
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "the content of '%s' (%s) was changed", member->name,
                         dr_digest_text(&member->digest, text));
}

static int copy_large(struct cut *cut, const struct dr_layout *large, struct dr_err *err)
{
    uint64_t bytes = 0;
    int done = 0;

    for (size_t i = 0; i < large->count; i++)
        bytes += large->members[i].size;
    dr_progress_start(&cut->progress, cut->log, "split", bytes);
    for (size_t i = 0; done == 0 && i < large->count; i++)
        done = copy(cut, &large->members[i], err);
    dr_progress_end(&cut->progress);
    return done;
}

static int write_volumes(struct cut *cut, const struct dr_layout *large, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(cut->bundle, &count);

    cut->chunk = malloc(CHUNK);
    cut->hash = dr_hash_new(err);
    if (!cut->chunk)
        return dr_fail_memory(err);
    if (!cut->hash)
        return -1;
    cut->frame = dr_split_frame(&cut->set, cut->bundle, err);
    if (cut->frame < 0 || open_part(cut, err) < 0 ||
        dr_frame_copy(cut->frame, blobs, count, cut->set.total, &cut->part.pieces, err) < 0 ||
        copy_large(cut, large, err) < 0 ||
        dr_split_seal(&cut->set, &cut->part.pieces, cut->frame, cut->key, cut->log, err) < 0)
        return -1;
    return dr_part_commit(&cut->part, err);
}

static int report(const struct cut *cut, struct dr_err *err)
{
    const char *output = cut->options->output;
    char of[DR_VOLUME_SET_TEXT];
    json_t *volumes = NULL;
    json_auto_t *object = NULL;

    dr_log_say(cut->log, "%llu volumes of %s", (unsigned long long)cut->set.count,
               dr_volume_set_text(&cut->set, of));
    if (!cut->options->json)
        return dr_split_print(&cut->set, output, stdout, err);
    volumes = dr_split_json(&cut->set, output, err);
    object = volumes ? json_pack("{s:o}", "volumes", volumes) : NULL;
    return object ? dr_json_print(object, stdout, err) : -1;
}

int dr_cut_run(const struct dr_cut_options *options, const struct dr_log *log, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct cut cut = {
        .options = options,
        .log = log,
        .set = DR_VOLUME_SET_INIT,
        .part = DR_PART_INIT,
        .frame = -1,
    };
    dr_auto_layout struct dr_layout large = DR_LAYOUT_INIT;

    cut.key = dr_key_read_private(options->key, options->ask, options->ask_context, err);
    if (!cut.key)
        return -1;
    cut.bundle = dr_split_open(options->bundle, cut.key, options->believed, options->believed_count,
                               log, err);
    if (!cut.bundle || list_large(&cut, &large, err) < 0 || describe(&cut, err) < 0 ||
        write_volumes(&cut, &large, err) < 0)
        return -1;
    return report(&cut, err);
}
