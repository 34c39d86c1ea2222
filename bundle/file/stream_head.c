/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bundle/file/reader_parts.h"
#include "bundle/file/sums.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/* Manifests and configs of all images stay in memory, as with who made the bundle. */
#define SMALL_BYTES_MAX (UINT64_C(80) << 20)

/* What has to come before them: manifests, the manifests that lists name, and their configs. */
struct wanted {
    struct dr_digest digest;
    bool manifest;
};

struct small {
    struct dr_bundle *bundle;
    struct wanted *items;
    size_t count;
    size_t room;
};

static int want(struct small *small, const struct dr_digest *digest, bool manifest,
                struct dr_err *err)
{
    for (size_t i = 0; i < small->count; i++) {
        if (dr_digest_equal(&small->items[i].digest, digest))
            return 0;
    }
    if (small->count == small->room) {
        size_t room = small->room ? 2 * small->room : 64;
        struct wanted *more = reallocarray(small->items, room, sizeof *more);

        if (!more)
            return dr_fail_memory(err);
        small->items = more;
        small->room = room;
    }
    small->items[small->count++] = (struct wanted){.digest = *digest, .manifest = manifest};
    return 0;
}

static int want_text(struct small *small, const json_t *object, bool manifest, struct dr_err *err)
{
    const char *text;
    struct dr_digest digest;

    if (dr_json_get_string(object, "digest", &text, err) < 0 ||
        dr_digest_parse(text, &digest, err) < 0)
        return -1;
    return want(small, &digest, manifest, err);
}

/* What is malformed here somebody has signed. */
static int blame(const struct dr_err *why, struct dr_err *err)
{
    return dr_fail(err, why->code == DR_ERR_FORMAT ? DR_ERR_VERIFY : why->code, "%s", why->text);
}

/* What a manifest names that comes before the layers too. It is looked at again when the images are made of it. */
static int follow(struct small *small, const struct dr_member *member, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_SMALL_MAX);
    json_auto_t *manifest = NULL;
    json_t *entry;
    size_t i;

    if (dr_envelope_load(&small->bundle->envelope, member, DR_SMALL_MAX, &text, err) < 0)
        return -1;
    manifest = dr_json_parse(text.data, text.size, member->name, err);
    if (!manifest)
        return -1;
    json_array_foreach(json_object_get(manifest, "manifests"), i, entry)
    {
        if (want_text(small, entry, true, err) < 0)
            return -1;
    }
    entry = json_object_get(manifest, "config");
    return entry ? want_text(small, entry, false, err) : 0;
}

static const struct dr_member *find_member(const struct small *small,
                                           const struct dr_digest *digest)
{
    const struct dr_layout *layout = &small->bundle->envelope.layout;

    for (size_t i = AT_BLOBS; i < layout->count; i++) {
        if (dr_digest_equal(&layout->members[i].digest, digest))
            return &layout->members[i];
    }
    return NULL;
}

static int step_small(struct small *small, const struct dr_digest *wanted, struct dr_err *err)
{
    struct dr_envelope *envelope = &small->bundle->envelope;
    char text[DR_DIGEST_TEXT];

    if (envelope->layout.count >= envelope->sums.count ||
        !dr_sums_is_blob(envelope->sums.lines[envelope->layout.count].name))
        return dr_fail(err, DR_ERR_VERIFY, "the bundle does not hold %s",
                       dr_digest_text(wanted, text));
    if (envelope->filled > SMALL_BYTES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "its manifests and configs have more than %llu bytes",
                       (unsigned long long)SMALL_BYTES_MAX);
    return dr_envelope_step(envelope, DR_SMALL_MAX, err);
}

/* Takes members until all that is small is there. */
static int take_small(struct small *small, struct dr_err *err)
{
    const struct dr_document *document = &small->bundle->document;

    for (size_t i = 0; i < document->image_count; i++) {
        if (want(small, &document->images[i].manifest.digest, true, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < small->count; i++) {
        const struct wanted item = small->items[i];
        const struct dr_member *member;
        struct dr_err why = DR_ERR_INIT;

        while (!(member = find_member(small, &item.digest))) {
            if (step_small(small, &item.digest, err) < 0)
                return -1;
        }
        if (item.manifest && follow(small, member, &why) < 0)
            return blame(&why, err);
    }
    return 0;
}

/* The layers' places follow from what the manifests say of their sizes. */
static int place_layers(struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_document *document = &bundle->document;
    struct dr_envelope *envelope = &bundle->envelope;
    dr_autofree struct dr_bundle_blob *blobs = NULL;
    size_t count;

    if (dr_images_blobs(document->images, document->image_count, &blobs, &count, err) < 0 ||
        dr_delta_leave_out(document->delta, blobs, &count, err) < 0)
        return -1;
    for (size_t i = envelope->layout.count - AT_BLOBS; i < count; i++) {
        const struct dr_sum *line = &envelope->sums.lines[AT_BLOBS + i];

        if (AT_BLOBS + i >= envelope->sums.count || !blobs[i].layer ||
            !dr_digest_equal(&line->digest, &blobs[i].digest))
            return dr_fail(err, DR_ERR_VERIFY, "its layers are not those that its images have");
        if (dr_layout_add(&envelope->layout, line->name, blobs[i].size, &line->digest, err) < 0)
            return -1;
    }
    if (AT_BLOBS + count < envelope->sums.count &&
        dr_sums_is_blob(envelope->sums.lines[AT_BLOBS + count].name))
        return dr_fail(err, DR_ERR_VERIFY, "it holds blobs that its images do not have");
    return 0;
}

static int open_small(struct dr_bundle *bundle, const struct dr_bundle_trust *trust,
                      struct dr_err *err)
{
    struct small small = {.bundle = bundle};
    int done = 0;

    for (int i = 0; i < AT_BLOBS && done == 0; i++)
        done = dr_envelope_step(&bundle->envelope, DR_SMALL_MAX, err);
    if (done == 0)
        done = dr_reader_load_document(bundle, trust, err);
    if (done == 0)
        done = take_small(&small, err);
    free(small.items);
    if (done < 0 || dr_reader_index_blobs(bundle, err) < 0 ||
        dr_reader_load_images(bundle, err) < 0)
        return -1;
    dr_reader_forget_blobs(bundle);
    return 0;
}

int dr_reader_open_head(struct dr_bundle *bundle, int pipe, const struct dr_bundle_trust *trust,
                        uint64_t *ret_end, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    if (dr_envelope_open_stream(&bundle->envelope, pipe, trust, err) < 0 ||
        open_small(bundle, trust, err) < 0)
        return -1;
    *ret_end = bundle->envelope.layout.end;
    if (place_layers(bundle, &why) < 0)
        return blame(&why, err);
    if (dr_reader_index_blobs(bundle, err) < 0 || dr_reader_check_blobs(bundle, err) < 0 ||
        dr_reader_check_indexes(bundle, err) < 0 || dr_reader_check_small(bundle, err) < 0)
        return -1;
    dr_reader_describe(bundle, trust);
    return 0;
}
