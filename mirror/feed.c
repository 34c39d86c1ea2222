/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/feed.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/asking.h"
#include "bundle/file/damage.h"
#include "bundle/file/sums.h"
#include "bundle/file/volumes.h"
#include "lib/cleanup.h"
#include "lib/text.h"

enum state { WAITING, RUNNING, DONE, BAD };

/* A layer that is missing in a repository, or in several. */
struct layer {
    struct feed *feed;
    const struct dr_bundle_blob *blob;
    struct dr_blob_put *puts[2]; /* of the plan's `first` (at most one) and of its `more` */
    size_t counts[2];
    uint64_t begin; /* numbers of the volumes where it begins and ends */
    uint64_t end;
    enum state state;
};

struct feed {
    struct dr_mirror_push *push;
    struct dr_bundle *bundle;
    struct dr_volumes *volumes;
    struct dr_asking asking;
    struct dr_progress progress;
    struct layer *layers; /* in the order of the file */
    size_t count;
    uint64_t last; /* the volume that was read last; 0: none */
    size_t bad_count;
    bool bad[DR_VOLUMES_MAX];
};

/* ---- what there is to do */

static size_t count_same(const struct dr_blob_put *puts, size_t count,
                         const struct dr_bundle_blob *blob)
{
    size_t same = 0;

    while (same < count && dr_digest_equal(&puts[same].digest, &blob->digest))
        same++;
    return same;
}

/* Blobs and both lists of the plan are in the order of the file. */
static int list_layers(struct feed *feed, struct dr_err *err)
{
    struct dr_mirror_plan *plan = feed->push->plan;
    const struct dr_volume_set *set = dr_volumes_set(feed->volumes);
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(feed->bundle, &count);
    size_t first = 0;
    size_t more = 0;

    feed->layers = calloc(count + 1, sizeof *feed->layers);
    if (!feed->layers)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct layer *layer = &feed->layers[feed->count];
        uint64_t end = blobs[i].offset + (blobs[i].size > 0 ? blobs[i].size - 1 : 0);

        *layer = (struct layer){.feed = feed,
                                .blob = &blobs[i],
                                .puts = {plan->first + first, plan->more + more},
                                .begin = dr_slice_number(set, blobs[i].offset),
                                .end = dr_slice_number(set, end)};
        layer->counts[0] = count_same(layer->puts[0], plan->first_count - first, &blobs[i]);
        layer->counts[1] = count_same(layer->puts[1], plan->more_count - more, &blobs[i]);
        first += layer->counts[0];
        more += layer->counts[1];
        feed->count += blobs[i].layer && layer->counts[0] + layer->counts[1] > 0;
    }
    return 0;
}

/* ---- one that was read, and is not what was signed */

static const struct dr_member *member_of(const struct layer *layer)
{
    char name[DR_MEMBER_NAME];

    return dr_bundle_find_member(layer->feed->bundle,
                                 dr_sums_blob_name(&layer->blob->digest, name));
}

/* Says where, as far as its volumes are in; else it is on one of those that were. */
static int tell_bad(struct layer *layer, const struct dr_err *why, struct dr_err *err)
{
    struct feed *feed = layer->feed;
    const struct dr_member *member = member_of(layer);
    bool told = false;

    layer->state = BAD;
    feed->bad_count++;
    for (uint64_t i = layer->begin; i <= layer->end; i++) {
        struct dr_err found = DR_ERR_INIT;

        if (!dr_volumes_is_here(feed->volumes, i) ||
            dr_damage_look(feed->bundle, member, i, &found) == 0)
            continue;
        if (found.code != DR_ERR_VERIFY) {
            if (err)
                *err = found;
            return -1;
        }
        dr_log_warn(feed->push->log, "%s", found.text);
        told = feed->bad[i - 1] = true;
    }
    if (told)
        return 0;
    for (uint64_t i = layer->begin; i <= layer->end; i++)
        feed->bad[i - 1] |= layer->begin == layer->end || !dr_volumes_is_here(feed->volumes, i);
    dr_log_warn(feed->push->log, "%s: its first part, on volume %llu, is damaged", why->text,
                (unsigned long long)layer->begin);
    return 0;
}

/* ---- what is wholly on what is in */

static bool is_whole(const struct layer *layer)
{
    return layer->state == WAITING &&
           dr_volumes_has(layer->feed->volumes, layer->blob->offset, layer->blob->size);
}

/* `which`: 0, into the repositories that get them; 1, into those that may take them over from there. */
static int send_all(struct feed *feed, int which, struct dr_err *err)
{
    struct dr_mirror_plan *plan = feed->push->plan;
    dr_autofree struct dr_blob_put *puts =
        calloc(plan->first_count + plan->more_count + 1, sizeof *puts);
    size_t count = 0;

    if (!puts)
        return dr_fail_memory(err);
    for (size_t i = 0; i < feed->count; i++) {
        const struct layer *layer = &feed->layers[i];

        for (size_t j = 0; is_whole(layer) && j < layer->counts[which]; j++)
            puts[count++] = layer->puts[which][j];
    }
    if (dr_registry_put_blobs(feed->push->registry, puts, count, DR_REGISTRY_PARALLEL,
                              &feed->progress, err) < 0)
        return -1;
    dr_mirror_push_count(feed->push, puts, count);
    return 0;
}

/* One by itself. */
static int send_layer(struct layer *layer, struct dr_err *err)
{
    struct feed *feed = layer->feed;
    struct dr_err why = DR_ERR_INIT;

    for (int i = 0; i < 2; i++) {
        if (dr_registry_put_blobs(feed->push->registry, layer->puts[i], layer->counts[i], 1,
                                  &feed->progress, &why) == 0) {
            dr_mirror_push_count(feed->push, layer->puts[i], layer->counts[i]);
            continue;
        }
        if (why.code == DR_ERR_VERIFY)
            return tell_bad(layer, &why, err);
        if (err)
            *err = why;
        return -1;
    }
    layer->state = DONE;
    return 0;
}

/* What has been sent meanwhile is there, so it is looked for. */
static int send_one_by_one(struct feed *feed, struct dr_err *err)
{
    for (size_t i = 0; i < feed->count; i++) {
        struct layer *layer = &feed->layers[i];

        if (!is_whole(layer))
            continue;
        for (size_t j = 0; j < layer->counts[0]; j++)
            layer->puts[0][j].absent = false;
        for (size_t j = 0; j < layer->counts[1]; j++)
            layer->puts[1][j].absent = false;
        if (send_layer(layer, err) < 0)
            return -1;
    }
    return 0;
}

static int send_whole(struct feed *feed, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (send_all(feed, 0, &why) < 0 || send_all(feed, 1, &why) < 0) {
        if (why.code == DR_ERR_VERIFY)
            return send_one_by_one(feed, err);
        if (err)
            *err = why;
        return -1;
    }
    for (size_t i = 0; i < feed->count; i++) {
        if (!is_whole(&feed->layers[i]))
            continue;
        feed->last = feed->layers[i].end;
        feed->layers[i].state = DONE;
    }
    return 0;
}

/* ---- one that goes on in another volume */

/* Whatever else comes gives what is wholly on it. */
static int change_to(struct feed *feed, uint64_t number, struct dr_err *err)
{
    while (!dr_volumes_is_here(feed->volumes, number)) {
        bool wanted[DR_VOLUMES_MAX] = {false};

        wanted[number - 1] = true;
        for (size_t i = 0; i < feed->count; i++) {
            const struct layer *layer = &feed->layers[i];

            if (layer->state == WAITING && layer->begin == layer->end)
                wanted[layer->begin - 1] = true;
        }
        if (dr_asking_volume(&feed->asking, feed->volumes, wanted, number, err) < 0)
            return -1;
        if (!dr_volumes_is_here(feed->volumes, number) && send_whole(feed, err) < 0)
            return -1;
    }
    feed->last = number;
    return 0;
}

/* Called between two requests: while somebody changes the medium none is open. What a volume gave is compared with its
 * table before it goes: a layer that is damaged there needs no other one. */
static int reach(void *context, uint64_t from, uint64_t *ret_to, struct dr_err *err)
{
    const struct layer *layer = context;
    struct feed *feed = layer->feed;
    const struct dr_volume_set *set = dr_volumes_set(feed->volumes);
    uint64_t number = dr_slice_number(set, layer->blob->offset + from);

    if (number > layer->begin && !dr_volumes_is_here(feed->volumes, number) &&
        dr_volumes_is_here(feed->volumes, number - 1) &&
        dr_damage_look(feed->bundle, member_of(layer), number - 1, err) < 0)
        return -1;
    if (change_to(feed, number, err) < 0)
        return -1;
    while (number < layer->end && dr_volumes_is_here(feed->volumes, number + 1))
        number++;
    *ret_to = number >= layer->end ? layer->blob->size
                                   : dr_slice_offset(set, number + 1) - layer->blob->offset;
    return 0;
}

/* What an upload that broke reads again may be on a volume that is gone. Nothing else can be sent in here. */
static int read_layer(void *context, uint64_t offset, void *ret_data, size_t size,
                      struct dr_err *err)
{
    const struct layer *layer = context;
    struct feed *feed = layer->feed;
    const struct dr_volume_set *set = dr_volumes_set(feed->volumes);
    uint64_t at = layer->blob->offset + offset;
    char *to = ret_data;

    while (size > 0) {
        uint64_t number = dr_slice_number(set, at);
        uint64_t left = dr_slice_offset(set, number) + dr_slice_size(set, number) - at;
        size_t piece = left < size ? (size_t)left : size;
        bool wanted[DR_VOLUMES_MAX] = {false};

        wanted[number - 1] = true;
        if ((!dr_volumes_is_here(feed->volumes, number) &&
             dr_asking_volume(&feed->asking, feed->volumes, wanted, number, err) < 0) ||
            dr_volumes_read(feed->volumes, to, piece, at, err) < 0)
            return -1;
        to += piece;
        at += piece;
        size -= piece;
    }
    return 0;
}

static int send_spanning(struct layer *layer, struct dr_err *err)
{
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < layer->counts[i]; j++) {
            struct dr_blob_put *put = &layer->puts[i][j];

            put->read = read_layer;
            put->reach = reach;
            put->context = layer;
            put->opened = NULL;
            put->session = NULL;
        }
    }
    layer->state = RUNNING;
    return send_layer(layer, err);
}

/* ---- all of it */

/* Where a layer begins that was not sent yet, best first: the volumes behind the last one, in their order. */
static uint64_t mark_wanted(const struct feed *feed, bool *ret_wanted)
{
    uint64_t count = dr_volumes_set(feed->volumes)->count;

    memset(ret_wanted, 0, DR_VOLUMES_MAX * sizeof *ret_wanted);
    for (size_t i = 0; i < feed->count; i++) {
        if (feed->layers[i].state == WAITING)
            ret_wanted[feed->layers[i].begin - 1] = true;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = (feed->last + i) % count;

        if (ret_wanted[number])
            return number + 1;
    }
    return 0;
}

static struct layer *find_begun(struct feed *feed)
{
    for (size_t i = 0; i < feed->count; i++) {
        if (feed->layers[i].state == WAITING &&
            dr_volumes_is_here(feed->volumes, feed->layers[i].begin))
            return &feed->layers[i];
    }
    return NULL;
}

static int send_layers(struct feed *feed, struct dr_err *err)
{
    bool wanted[DR_VOLUMES_MAX];

    for (;;) {
        struct layer *layer;
        uint64_t best;

        if (send_whole(feed, err) < 0)
            return -1;
        layer = find_begun(feed);
        if (layer && send_spanning(layer, err) < 0)
            return -1;
        if (layer)
            continue;
        best = mark_wanted(feed, wanted);
        if (best == 0)
            return 0;
        if (dr_asking_volume(&feed->asking, feed->volumes, wanted, best, err) < 0)
            return -1;
    }
}

/* Takes what was sent out of one list of the plan. */
static size_t leave_rest(const struct feed *feed, struct dr_blob_put *puts, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct dr_bundle_blob *blob = dr_bundle_find_blob(feed->bundle, &puts[i].digest);

        if (blob && blob->layer)
            feed->push->plan->bytes -= puts[i].size;
        else
            puts[kept++] = puts[i];
    }
    return kept;
}

static int fail_bad(const struct feed *feed, struct dr_err *err)
{
    char list[DR_VOLUMES_TEXT];
    char text[DR_VOLUME_SET_TEXT];

    dr_fail(err, DR_ERR_VERIFY, "%zu layer%s on volume %s of %s %s damaged, as said above",
            feed->bad_count, feed->bad_count == 1 ? "" : "s",
            dr_volumes_list(feed->volumes, feed->bad, list),
            dr_volume_set_text(dr_volumes_set(feed->volumes), text),
            feed->bad_count == 1 ? "is" : "are");
    return dr_err_advise(
        err,
        "all others are in the registry, and no tag was changed; bring volume %s "
        "again, or mended (drover repair), or made again (drover bundle --remake), "
        "and run the same command: it asks for what is missing only",
        list);
}

static void say_what(const struct feed *feed)
{
    bool wanted[DR_VOLUMES_MAX];
    char list[DR_VOLUMES_TEXT];
    uint64_t bytes = 0;
    char size[16];
    uint64_t first = mark_wanted(feed, wanted);
    bool one = true;

    for (size_t i = 0; i < feed->count; i++) {
        bytes += feed->layers[i].blob->size;
        for (uint64_t j = feed->layers[i].begin; j <= feed->layers[i].end; j++)
            wanted[j - 1] = true;
        one &= feed->layers[i].begin == first && feed->layers[i].end == first;
    }
    dr_text_size(bytes, size);
    if (feed->count > 0)
        dr_log_say(feed->push->log, "%zu layer%s (%s) to send, on volume%s %s of %llu", feed->count,
                   feed->count == 1 ? "" : "s", size, one ? "" : "s",
                   dr_volumes_list(feed->volumes, wanted, list),
                   (unsigned long long)dr_volumes_set(feed->volumes)->count);
}

static int run(struct feed *feed, struct dr_err *err)
{
    struct dr_mirror_plan *plan = feed->push->plan;
    int done;

    if (list_layers(feed, err) < 0)
        return -1;
    say_what(feed);
    dr_mirror_plan_resume(plan, &feed->push->journal->uploads);
    dr_progress_start(&feed->progress, feed->push->log, "push", plan->bytes);
    done = send_layers(feed, err);
    dr_progress_end(&feed->progress);
    if (done < 0)
        return dr_err_advise(err, "no tag was changed");
    if (feed->bad_count > 0)
        return fail_bad(feed, err);
    plan->first_count = leave_rest(feed, plan->first, plan->first_count);
    plan->more_count = leave_rest(feed, plan->more, plan->more_count);
    return 0;
}

int dr_mirror_feed(struct dr_mirror_push *push, struct dr_bundle *bundle, struct dr_err *err)
{
    struct feed feed = {.push = push,
                        .bundle = bundle,
                        .volumes = dr_bundle_volumes(bundle),
                        .asking = {.log = push->log, .progress = &feed.progress}};
    int done = run(&feed, err);

    free(feed.layers);
    return done;
}
