/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/reader.h"
#include "bundle/file/sums.h"
#include "bundle/file/volumes.h"
#include "bundle/part.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/stop.h"
#include "lib/text.h"

#define CHUNK ((size_t)256 << 10)

struct merge {
    const struct dr_merge_options *options;
    const struct dr_log *log;
    struct dr_bundle *delta;
    struct dr_bundle **olds;
    size_t old_count;
    struct dr_buf list;      /* SHA256SUMS of the whole */
    struct dr_buf document;  /* its bundle.json */
    struct dr_buf signature; /* its one signature */
    char *index;
    char *docker;
    struct dr_part part;
    struct dr_layout layout; /* of what comes out: list, slots, listed members */
    struct dr_slots slots;
    struct dr_hash *hash;
    char *chunk;
    struct dr_progress progress;
};

static void release(struct merge *merge)
{
    dr_hash_free(merge->hash);
    free(merge->chunk);
    dr_layout_release(&merge->layout);
    dr_part_release(&merge->part);
    free(merge->index);
    free(merge->docker);
    dr_buf_release(&merge->list);
    dr_buf_release(&merge->document);
    dr_buf_release(&merge->signature);
    for (size_t i = 0; i < merge->old_count; i++)
        dr_bundle_free(merge->olds[i]);
    free(merge->olds);
    dr_bundle_free(merge->delta);
}

/* Old bundles are older, and may have expired. */
static int open_bundles(struct merge *merge, struct dr_err *err)
{
    struct dr_bundle_trust trust = *merge->options->trust;

    trust.state = NULL;
    trust.max_age = 0;
    trust.min_serial = 0;
    merge->delta = dr_bundle_open(merge->options->delta, &trust, err);
    if (!merge->delta)
        return -1;
    if (!dr_bundle_about(merge->delta)->delta)
        return dr_fail(err, DR_ERR_USAGE,
                       "'%s' is no delta: it is whole already; the delta comes last, behind the "
                       "bundles that it builds on",
                       merge->options->delta);
    merge->olds = calloc(merge->options->old_count, sizeof *merge->olds);
    if (!merge->olds)
        return dr_fail_memory(err);
    trust.ignore_clock = true;
    trust.channel = NULL;
    for (; merge->old_count < merge->options->old_count; merge->old_count++) {
        merge->olds[merge->old_count] =
            dr_bundle_open(merge->options->olds[merge->old_count], &trust, err);
        if (!merge->olds[merge->old_count])
            return -1;
    }
    return 0;
}

static int load(const struct merge *merge, const char *name, struct dr_buf *ret_data,
                struct dr_err *err)
{
    const struct dr_member *member = dr_bundle_find_member(merge->delta, name);
    struct dr_digest digest;

    for (uint64_t done = 0; done < member->size;) {
        uint64_t left = member->size - done;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;

        if (dr_bundle_file_read(merge->delta, member->offset + done, merge->chunk, size, err) < 0 ||
            dr_buf_add(ret_data, merge->chunk, size, err) < 0)
            return -1;
        done += size;
    }
    dr_digest_of(ret_data->data, ret_data->size, &digest);
    return dr_digest_equal(&digest, &member->digest)
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "'%s' of '%s' was changed while it was read", name,
                         merge->options->delta);
}

/* The signature that the whole bundle is going to have must be one that is believed here. */
static int sign(struct merge *merge, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(merge->delta);
    struct dr_bundle_trust trust = *merge->options->trust;
    struct dr_signers signers;

    merge->slots.count = about->signatures + about->free_slots;
    if (dr_slots_add(&merge->slots, NULL, merge->signature.data, merge->signature.size, err) < 0)
        return -1;
    trust.threshold = 1;
    if (dr_trust_check(&trust, merge->list.data, merge->list.size, &merge->slots, &signers, err) <
        0)
        return dr_err_wrap(err, "the whole bundle that '%s' is a delta of", merge->options->delta);
    return 0;
}

static int load_texts(struct merge *merge, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(merge->delta, &count);

    merge->hash = dr_hash_new(err);
    merge->chunk = malloc(CHUNK);
    if (!merge->hash || !merge->chunk)
        return merge->hash ? dr_fail_memory(err) : -1;
    if (load(merge, DR_NAME_WHOLE_SUMS, &merge->list, err) < 0 ||
        load(merge, DR_NAME_WHOLE_SIGNATURE, &merge->signature, err) < 0 ||
        load(merge, DR_NAME_WHOLE_DOCUMENT, &merge->document, err) < 0)
        return -1;
    merge->index = dr_images_index(images, count, err);
    merge->docker = merge->index ? dr_images_docker(images, count, err) : NULL;
    return merge->docker ? sign(merge, err) : -1;
}

/* Where a member of the whole comes from. */
struct source {
    const struct dr_bundle *bundle; /* NULL: `text` */
    const char *path;
    const char *text;
    uint64_t offset;
    uint64_t size;
};

/* Of a bundle in volumes all need not be here, as long as another has what is missing. */
static bool find_blob(const struct dr_bundle *bundle, const char *path,
                      const struct dr_digest *digest, struct source *ret_source)
{
    const struct dr_bundle_blob *blob = dr_bundle_find_blob(bundle, digest);
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);

    if (blob && blob->layer && volumes && !dr_volumes_has(volumes, blob->offset, blob->size))
        return false;
    if (blob)
        *ret_source = (struct source){
            .bundle = bundle, .path = path, .offset = blob->offset, .size = blob->size};
    return blob;
}

static int fail_absent(const struct merge *merge, const struct dr_digest *digest,
                       struct dr_err *err)
{
    const struct dr_delta *delta = dr_bundle_about(merge->delta)->delta;
    const struct dr_required *item = dr_delta_find(delta, digest);
    char base[DR_BASE_TEXT];
    char text[DR_DIGEST_TEXT];

    for (size_t i = 0; i <= merge->old_count; i++) {
        const struct dr_bundle *bundle = i < merge->old_count ? merge->olds[i] : merge->delta;

        if (dr_bundle_find_blob(bundle, digest))
            return dr_volumes_demand_all(dr_bundle_volumes(bundle), err);
    }
    return dr_fail(err, DR_ERR_ABSENT,
                   "no bundle that was named has the layer %s of %s; it is in the bundle %s: name "
                   "that before '%s'",
                   dr_digest_text(digest, text), item ? item->holders[0].image : "?",
                   item ? dr_base_text(&delta->bases[item->holders[0].base], base) : "?",
                   merge->options->delta);
}

static int find_source(const struct merge *merge, const struct dr_sum *line,
                       struct source *ret_source, struct dr_err *err)
{
    const struct dr_member *member;

    if (dr_sums_is_blob(line->name)) {
        bool found = find_blob(merge->delta, merge->options->delta, &line->digest, ret_source);

        for (size_t i = 0; i < merge->old_count && !found; i++)
            found = find_blob(merge->olds[i], merge->options->olds[i], &line->digest, ret_source);
        return found ? 0 : fail_absent(merge, &line->digest, err);
    }
    *ret_source = (struct source){.size = merge->document.size, .text = merge->document.data};
    if (strcmp(line->name, DR_NAME_OCI_LAYOUT) == 0)
        *ret_source = (struct source){.size = strlen(DR_OCI_LAYOUT), .text = DR_OCI_LAYOUT};
    else if (strcmp(line->name, DR_NAME_INDEX) == 0)
        *ret_source = (struct source){.size = strlen(merge->index), .text = merge->index};
    else if (strcmp(line->name, DR_NAME_DOCKER) == 0)
        *ret_source = (struct source){.size = strlen(merge->docker), .text = merge->docker};
    else if (strcmp(line->name, DR_NAME_DOCUMENT) != 0) {
        member = dr_bundle_find_member(merge->delta, line->name);
        *ret_source = (struct source){.bundle = merge->delta,
                                      .path = merge->options->delta,
                                      .offset = member->offset,
                                      .size = member->size};
    }
    return 0;
}

static int place(struct merge *merge, const struct dr_sums *sums, struct source *sources,
                 struct dr_err *err)
{
    struct dr_layout *layout = &merge->layout;

    if (dr_layout_add(layout, DR_NAME_SUMS, merge->list.size, NULL, err) < 0)
        return -1;
    layout->end += merge->slots.count * DR_SLOT;
    for (size_t i = 0; i < sums->count; i++) {
        if (find_source(merge, &sums->lines[i], &sources[i], err) < 0 ||
            dr_layout_add(layout, sums->lines[i].name, sources[i].size, &sums->lines[i].digest,
                          err) < 0)
            return -1;
    }
    return 0;
}

static int write_header(const struct merge *merge, const struct dr_member *member,
                        struct dr_err *err)
{
    unsigned char block[DR_BLOCK];

    dr_header_make(member->name, member->size, block);
    return dr_pieces_write(&merge->part.pieces, block, sizeof block, member->offset - DR_BLOCK,
                           err);
}

static int write_head(const struct merge *merge, struct dr_err *err)
{
    const struct dr_member *list = &merge->layout.members[0];
    unsigned char row[DR_SLOTS_MAX * DR_SLOT];

    dr_slots_make(&merge->slots, row);
    if (write_header(merge, list, err) < 0 ||
        dr_pieces_write(&merge->part.pieces, merge->list.data, merge->list.size, list->offset,
                        err) < 0)
        return -1;
    return dr_pieces_write(&merge->part.pieces, row, merge->slots.count * DR_SLOT,
                           list->offset + list->size + dr_padding(list->size), err);
}

/* Hashed on the way, so that a bad bundle is named before its layer is in another one. */
static int copy(struct merge *merge, const struct dr_member *member, const struct source *source,
                struct dr_err *err)
{
    struct dr_digest digest;

    if (write_header(merge, member, err) < 0)
        return -1;
    if (!source->bundle)
        return dr_pieces_write(&merge->part.pieces, source->text, member->size, member->offset,
                               err);
    for (uint64_t done = 0; done < member->size;) {
        uint64_t left = member->size - done;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;

        if (dr_stop_check(err, "bundles were merged") < 0 ||
            dr_bundle_file_read(source->bundle, source->offset + done, merge->chunk, size, err) <
                0 ||
            dr_pieces_write(&merge->part.pieces, merge->chunk, size, member->offset + done, err) <
                0)
            return -1;
        dr_hash_add(merge->hash, merge->chunk, size);
        dr_progress_add(&merge->progress, size);
        done += size;
    }
    dr_hash_end(merge->hash, &digest);
    if (!dr_digest_equal(&digest, &member->digest))
        return dr_fail(err, DR_ERR_VERIFY, "the content of '%s' in '%s' was changed", member->name,
                       source->path);
    return 0;
}

/* What came out is a bundle like any other: it is read as whoever receives it will. */
static int check(const struct merge *merge, struct dr_err *err)
{
    struct dr_bundle_trust trust = *merge->options->trust;
    dr_auto_bundle struct dr_bundle *bundle = NULL;

    trust.threshold = 1;
    trust.state = NULL;
    trust.min_serial = 0;
    trust.max_age = 0;
    bundle = dr_bundle_open(merge->part.draft, &trust, err);
    return bundle ? dr_bundle_hash_layers(bundle, NULL, err) : -1;
}

static int write_all(struct merge *merge, const struct dr_sums *sums, const struct source *sources,
                     struct dr_err *err)
{
    uint64_t total = dr_layout_total(&merge->layout);

    merge->part.replace = merge->options->replace;
    if (dr_part_open(&merge->part, merge->options->output, NULL, NULL, err) < 0 ||
        dr_part_empty(&merge->part, err) < 0 || dr_part_reserve(&merge->part, total, err) < 0 ||
        write_head(merge, err) < 0)
        return -1;
    dr_progress_start(&merge->progress, merge->log, "merge", total);
    for (size_t i = 0; i < sums->count; i++) {
        if (copy(merge, &merge->layout.members[i + 1], &sources[i], err) < 0) {
            dr_progress_end(&merge->progress);
            return -1;
        }
    }
    dr_progress_end(&merge->progress);
    if (check(merge, err) < 0)
        return dr_err_wrap(err, "what was merged");
    return dr_part_commit(&merge->part, err);
}

static void report(const struct merge *merge)
{
    const struct dr_bundle_about *about = dr_bundle_about(merge->delta);
    char digest[DR_DIGEST_TEXT];
    char size[16];

    dr_text_size(dr_layout_total(&merge->layout), size);
    printf("%s  %s, whole, signed, every byte checked\n  SHA256SUMS  %s\n", merge->options->output,
           size, dr_digest_text(&about->whole, digest));
    if (merge->options->trust->threshold > 1)
        dr_log_warn(merge->log,
                    "it has one signature, and here %llu are demanded: drover sign and drover "
                    "attach add the others",
                    (unsigned long long)merge->options->trust->threshold);
}

int dr_merge_run(const struct dr_merge_options *options, const struct dr_log *log,
                 struct dr_err *err)
{
    __attribute__((cleanup(release))) struct merge merge = {
        .options = options,
        .log = log,
        .list = DR_BUF_INIT(DR_SUMS_MAX),
        .document = DR_BUF_INIT(4u << 20),
        .signature = DR_BUF_INIT(DR_SIGNATURE_MAX),
        .part = DR_PART_INIT,
    };
    dr_auto_sums struct dr_sums sums = DR_SUMS_INIT;
    dr_autofree struct source *sources = NULL;

    if (open_bundles(&merge, err) < 0 || load_texts(&merge, err) < 0 ||
        dr_sums_parse(merge.list.data, merge.list.size, &sums, err) < 0)
        return -1;
    sources = calloc(sums.count, sizeof *sources);
    if (!sources)
        return dr_fail_memory(err);
    if (place(&merge, &sums, sources, err) < 0 || write_all(&merge, &sums, sources, err) < 0)
        return -1;
    report(&merge);
    return 0;
}
