/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/layers.h"

#include <stdlib.h>

#include "lib/cleanup.h"

/* Layers at a time. On a long line that loses packets each connection has its own slow pace, so more of them are faster;
 * each costs half a MiB. */
#define PARALLEL 8

void dr_layers_release(struct dr_layers *layers)
{
    free(layers->rows);
    layers->rows = NULL;
}

int dr_layers_plan(struct dr_layers *layers, const struct dr_past *past, struct dr_err *err)
{
    layers->rows = calloc(layers->blob_count + 1, sizeof *layers->rows);
    if (!layers->rows)
        return dr_fail_memory(err);
    for (size_t i = 0; i < layers->blob_count; i++) {
        const struct dr_bundle_blob *blob = &layers->blobs[i];
        struct dr_ledger_layer *row = &layers->rows[layers->count];
        uint64_t kept;

        if (!blob->layer ||
            dr_pieces_cover(layers->pieces, blob->offset, blob->size) == DR_COVER_NONE)
            continue;
        kept = dr_past_done(past, &blob->digest, blob->offset, blob->size);
        row->digest = blob->digest;
        row->offset = blob->offset;
        row->size = blob->size;
        dr_ledger_note(row, kept);
        layers->bytes += blob->size;
        layers->kept += kept;
        layers->count++;
    }
    return 0;
}

/* Where a layer's bytes go. */
struct place {
    const struct dr_pieces *pieces;
    struct dr_ledger_layer *row;
    struct dr_unpacked *unpacked; /* NULL: only into the file */
};

static int write_layer(void *context, uint64_t offset, const void *data, size_t size,
                       struct dr_err *err)
{
    const struct place *place = context;

    if (dr_pieces_write(place->pieces, data, size, place->row->offset + offset, err) < 0)
        return -1;
    dr_ledger_note(place->row, offset + size);
    return place->unpacked ? dr_unpacked_take(place->unpacked, offset, data, size, err) : 0;
}

/* Out of turn, over another connection. */
static int write_ahead(void *context, uint64_t offset, const void *data, size_t size,
                       struct dr_err *err)
{
    const struct place *place = context;

    return dr_pieces_write(place->pieces, data, size, place->row->offset + offset, err);
}

/* What an earlier run left, or write_ahead() wrote. */
static int read_layer(void *context, uint64_t offset, void *ret_data, size_t size,
                      struct dr_err *err)
{
    const struct place *place = context;

    if (dr_pieces_read(place->pieces, ret_data, size, place->row->offset + offset, err) < 0)
        return -1;
    return place->unpacked ? dr_unpacked_take(place->unpacked, offset, ret_data, size, err) : 0;
}

const struct dr_fetched *dr_layers_owner(const struct dr_layers *layers,
                                         const struct dr_digest *digest)
{
    for (size_t i = 0; i < layers->fetched_count; i++) {
        if (dr_bundle_image_has_layer(&layers->fetched[i].image, digest))
            return &layers->fetched[i];
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const struct dr_blob_get *one = a;
    const struct dr_blob_get *other = b;

    return one->size == other->size ? 0 : one->size > other->size ? -1 : 1;
}

static void prepare(const struct dr_layers *layers, struct dr_ledger_layer *row,
                    const struct dr_fetched *owner, struct dr_blob_get *ret_get,
                    struct place *ret_place)
{
    bool all;

    *ret_place = (struct place){
        .pieces = layers->pieces,
        .row = row,
        .unpacked = layers->unpacking ? dr_unpacking_find(layers->unpacking, &row->digest) : NULL,
    };
    /* What is read back later must be there. */
    all = dr_pieces_cover(layers->pieces, row->offset, row->size) == DR_COVER_ALL;
    *ret_get = (struct dr_blob_get){
        .repository = owner->repository,
        .digest = row->digest,
        .size = row->size,
        .write = write_layer,
        .write_ahead = ret_place->unpacked || !all ? NULL : write_ahead,
        .have = atomic_load(&row->done),
        .read = read_layer,
        .context = ret_place,
    };
}

/* Everything that one registry has, many at a time. */
static int fetch_from(struct dr_layers *layers, struct dr_registry *registry,
                      struct dr_blob_get *gets, struct place *places, struct dr_progress *progress,
                      struct dr_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < layers->count; i++) {
        struct dr_ledger_layer *row = &layers->rows[i];
        const struct dr_fetched *owner = dr_layers_owner(layers, &row->digest);

        if (!owner || owner->registry != registry || dr_foreign_get(&owner->foreign, &row->digest))
            continue;
        prepare(layers, row, owner, &gets[count], &places[count]);
        count++;
    }
    /* The largest first, so that the last to end is a small one. */
    qsort(gets, count, sizeof *gets, by_size);
    return dr_registry_get_blobs(registry, gets, count, PARALLEL, progress, err);
}

/* First, since that is the likeliest to fail. */
static int fetch_foreign(struct dr_layers *layers, struct dr_progress *progress, struct dr_err *err)
{
    for (size_t i = 0; i < layers->count; i++) {
        struct dr_ledger_layer *row = &layers->rows[i];
        const struct dr_fetched *owner = dr_layers_owner(layers, &row->digest);
        const struct dr_foreign_layer *layer =
            owner ? dr_foreign_get(&owner->foreign, &row->digest) : NULL;
        struct dr_blob_get get;
        struct place place;

        if (!layer)
            continue;
        prepare(layers, row, owner, &get, &place);
        if (dr_foreign_fetch(layer, layers->sources, &get, progress, err) < 0)
            return -1;
    }
    return 0;
}

int dr_layers_fetch(struct dr_layers *layers, const struct dr_log *log, struct dr_err *err)
{
    dr_autofree struct dr_blob_get *gets = calloc(layers->count + 1, sizeof *gets);
    dr_autofree struct place *places = calloc(layers->count + 1, sizeof *places);
    struct dr_progress progress;
    int done;

    if (!gets || !places)
        return dr_fail_memory(err);
    dr_progress_start(&progress, log, "fetch", layers->bytes);
    done = fetch_foreign(layers, &progress, err);
    for (size_t i = 0; done == 0 && i < layers->sources->count; i++)
        done = fetch_from(layers, layers->sources->registries[i], gets, places, &progress, err);
    dr_progress_end(&progress);
    return done;
}

/* Only somebody who made these images for it can bring this about. */
static int fail_places(struct dr_err *err)
{
    return dr_fail(err, DR_ERR_FORMAT,
                   "the layers of the converted images do not lie where they should; bundle "
                   "these images one by one");
}

int dr_layers_move_up(struct dr_part *part, const struct dr_writer *planned,
                      const struct dr_writer *writer, const struct dr_log *log, struct dr_err *err)
{
    size_t skipped = planned->blob_count - writer->blob_count;

    if (planned->blob_count < writer->blob_count)
        return fail_places(err);
    if (skipped == 0)
        return 0;
    dr_log_detail(log, "%zu blobs turned out to be the same as others: move the layers up",
                  skipped);
    for (size_t i = 0; i < writer->blob_count; i++) {
        const struct dr_bundle_blob *from = &planned->blobs[i + skipped];
        const struct dr_bundle_blob *to = &writer->blobs[i];

        if (!to->layer)
            continue;
        if (!dr_digest_equal(&from->digest, &to->digest) || to->offset > from->offset)
            return fail_places(err);
        if (dr_part_move(part, from->offset, to->offset, to->size, err) < 0)
            return -1;
    }
    return dr_pieces_cut(&part->pieces, dr_layout_total(&writer->layout), err);
}
