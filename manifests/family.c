/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/family.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

struct walk {
    dr_family_load_fn *load;
    void *context;
    struct dr_family_member *images;
    size_t image_count;
    struct dr_family_member *lists; /* those that are complete; deeper ones first */
    size_t list_count;
    struct dr_descriptor *seen; /* all, lists that are being walked included */
    size_t seen_count;
    uint64_t bytes;
};

static void release(struct walk *walk)
{
    for (size_t i = 0; i < walk->image_count; i++)
        dr_image_manifest_release(&walk->images[i].content);
    free(walk->images);
    free(walk->lists);
    free(walk->seen);
}

/* 1: it is new; 0: it was named before. */
static int note(struct walk *walk, const struct dr_descriptor *manifest, struct dr_err *err)
{
    for (size_t i = 0; i < walk->seen_count; i++) {
        const struct dr_descriptor *other = &walk->seen[i];

        if (!dr_digest_equal(&other->digest, &manifest->digest))
            continue;
        if (other->size == manifest->size && strcmp(other->media_type, manifest->media_type) == 0)
            return 0;
        return dr_fail(err, DR_ERR_FORMAT, "a list names one manifest in two ways");
    }
    if (walk->seen_count == DR_FAMILY_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "a list names more than %d manifests", DR_FAMILY_MAX);
    walk->bytes += manifest->size;
    if (walk->bytes > DR_FAMILY_BYTES)
        return dr_fail(err, DR_ERR_FORMAT, "the manifests of a list have more than %u bytes",
                       DR_FAMILY_BYTES);
    walk->seen[walk->seen_count++] = *manifest;
    return 1;
}

/* The bytes of an entry, which must be what the list says they are. */
static const struct dr_buf *load(struct walk *walk, const struct dr_family_member *member,
                                 enum dr_manifest_kind *ret_kind, struct dr_err *err)
{
    const struct dr_descriptor *manifest = &member->manifest;
    const struct dr_buf *bytes;

    if (!dr_manifest_is_carried(manifest->media_type)) {
        dr_fail(err, DR_ERR_FORMAT,
                "it is typed '%s', and drover carries lists of schema 2 and OCI images only",
                manifest->media_type);
        return NULL;
    }
    bytes = walk->load(walk->context, manifest, err);
    if (!bytes)
        return NULL;
    if (bytes->size != manifest->size) {
        dr_fail(err, DR_ERR_FORMAT, "it has %zu bytes where the list says %llu", bytes->size,
                (unsigned long long)manifest->size);
        return NULL;
    }
    return dr_manifest_classify(bytes->data, bytes->size, manifest->media_type, ret_kind, err) < 0
               ? NULL
               : bytes;
}

static int walk_list(struct walk *walk, const void *data, size_t size, unsigned depth,
                     struct dr_err *err);

static int take_entry(struct walk *walk, const struct dr_family_member *entry, unsigned depth,
                      struct dr_err *err)
{
    struct dr_family_member member = *entry;
    enum dr_manifest_kind kind;
    const struct dr_buf *bytes = load(walk, &member, &kind, err);

    if (!bytes)
        return -1;
    if (kind == DR_MANIFEST_INDEX) {
        if (walk_list(walk, bytes->data, bytes->size, depth + 1, err) < 0)
            return -1;
        walk->lists[walk->list_count++] = member;
        return 0;
    }
    if (dr_image_manifest_parse(bytes->data, bytes->size, &member.content, err) < 0)
        return -1;
    memcpy(member.content.media_type, member.manifest.media_type, sizeof member.content.media_type);
    walk->images[walk->image_count++] = member;
    return 0;
}

static int walk_list(struct walk *walk, const void *data, size_t size, unsigned depth,
                     struct dr_err *err)
{
    dr_auto_index struct dr_index index = DR_INDEX_INIT;

    if (depth > DR_FAMILY_DEPTH)
        return dr_fail(err, DR_ERR_FORMAT, "there are more than %d lists in each other",
                       DR_FAMILY_DEPTH);
    if (dr_index_parse(data, size, &index, err) < 0)
        return -1;
    for (size_t i = 0; i < index.count; i++) {
        const struct dr_family_member member = {.manifest = index.entries[i].manifest,
                                                .platform = index.entries[i].platform};
        char digest[DR_DIGEST_TEXT];
        int fresh = note(walk, &member.manifest, err);

        if (fresh < 0)
            return -1;
        if (fresh > 0 && take_entry(walk, &member, depth, err) < 0)
            return err && err->code == DR_ERR_STOPPED
                       ? -1
                       : dr_err_wrap(err, "%s in the list",
                                     dr_digest_text(&member.manifest.digest, digest));
    }
    return 0;
}

int dr_family_read(const void *list, size_t size, dr_family_load_fn *load_bytes, void *context,
                   struct dr_family *ret_family, struct dr_err *err)
{
    __attribute__((cleanup(release))) struct walk walk = {
        .load = load_bytes,
        .context = context,
        .images = calloc(DR_FAMILY_MAX, sizeof *walk.images),
        .lists = calloc(DR_FAMILY_MAX, sizeof *walk.lists),
        .seen = calloc(DR_FAMILY_MAX, sizeof *walk.seen),
    };

    if (!walk.images || !walk.lists || !walk.seen)
        return dr_fail_memory(err);
    if (walk_list(&walk, list, size, 1, err) < 0)
        return -1;
    memcpy(walk.images + walk.image_count, walk.lists, walk.list_count * sizeof *walk.lists);
    dr_family_release(ret_family);
    *ret_family = (struct dr_family){.members = walk.images,
                                     .count = walk.image_count + walk.list_count,
                                     .image_count = walk.image_count};
    walk.images = NULL;
    walk.image_count = 0;
    return 0;
}

void dr_family_release(struct dr_family *family)
{
    for (size_t i = 0; i < family->count; i++)
        dr_image_manifest_release(&family->members[i].content);
    free(family->members);
    *family = (struct dr_family)DR_FAMILY_INIT;
}

const struct dr_family_member *dr_family_choose(const struct dr_family *family,
                                                const struct dr_platform *platform, bool *ret_fits)
{
    const struct dr_family_member *chosen = NULL;
    unsigned best = 0;

    for (size_t i = 0; i < family->image_count; i++) {
        const struct dr_family_member *member = &family->members[i];
        unsigned rank = dr_platform_rank(platform, &member->platform);

        if (rank > best || (best == 0 && dr_platform_is_known(&member->platform) &&
                            !(chosen && dr_platform_is_known(&chosen->platform))))
            chosen = member;
        best = rank > best ? rank : best;
    }
    *ret_fits = best > 0;
    return chosen || family->image_count == 0 ? chosen : &family->members[0];
}

const struct dr_family_member *dr_family_find(const struct dr_family *family,
                                              const struct dr_digest *digest)
{
    for (size_t i = 0; i < family->count; i++) {
        if (dr_digest_equal(&family->members[i].manifest.digest, digest))
            return &family->members[i];
    }
    return NULL;
}
