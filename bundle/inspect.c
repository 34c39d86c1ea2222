/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/inspect.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bundle/file/sums.h"
#include "bundle/sharing.h"
#include "lib/json.h"
#include "lib/text.h"

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *digest_json(const struct dr_digest *digest)
{
    char text[DR_DIGEST_TEXT];

    return json_string(dr_digest_text(digest, text));
}

static json_t *layers_json(const struct dr_image_manifest *content,
                           const struct dr_sharing *sharing, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < content->layer_count; i++) {
        const struct dr_descriptor *layer = &content->layers[i];

        if (dr_json_append(list,
                           json_pack("{s:o, s:I, s:s, s:I}", "digest", digest_json(&layer->digest),
                                     "size", (json_int_t)layer->size, "mediaType",
                                     layer->media_type, "images",
                                     (json_int_t)dr_sharing_of(sharing, &layer->digest)),
                           err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *texts_json(const char *const *texts, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (const char *const *text = texts; text && *text; text++) {
        if (dr_json_append(list, json_string(*text), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *signers_json(const struct dr_signers *signers, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < signers->count; i++) {
        if (dr_json_append(list, digest_json(&signers->ids[i]), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *sum_json(const struct dr_sharing_sum *sum)
{
    return json_pack("{s:I, s:I}", "layers", (json_int_t)sum->layers, "bytes",
                     (json_int_t)sum->bytes);
}

/* One of a list; `is_image` false: a list again. */
static json_t *member_json(const struct dr_family_member *member, bool is_image,
                           struct dr_sharing *sharing, struct dr_err *err)
{
    const struct dr_image_manifest *content = &member->content;
    char platform[DR_PLATFORM_TEXT];
    json_auto_t *object = json_pack(
        "{s:o, s:s, s:I, s:s}", "digest", digest_json(&member->manifest.digest), "mediaType",
        member->manifest.media_type, "size", (json_int_t)member->manifest.size, "platform",
        dr_platform_text(&member->platform, platform));

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (is_image &&
        (dr_json_set(object, "image_id", digest_json(&content->config.digest), err) < 0 ||
         dr_json_set(object, "layers", layers_json(content, sharing, err), err) < 0))
        return NULL;
    return json_incref(object);
}

/* What stands below a list; none for an image. */
static json_t *members_json(const struct dr_bundle_image *image, struct dr_sharing *sharing,
                            struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < image->family.count; i++) {
        json_t *member =
            member_json(&image->family.members[i], i < image->family.image_count, sharing, err);

        if (!member || dr_json_append(list, member, err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *image_json(const struct dr_bundle_image *image, struct dr_sharing *sharing,
                          struct dr_err *err)
{
    const struct dr_sharing_sum shared = dr_sharing_of_image(sharing, &image->content);
    char name[DR_REFERENCE_TEXT];
    json_auto_t *object =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:o}", "ref",
                  dr_reference_text(&image->reference, name), "role", image->role, "platform",
                  image->platform, "digest", digest_json(&image->manifest.digest), "mediaType",
                  image->manifest.media_type, "size", (json_int_t)image->manifest.size, "image_id",
                  digest_json(&image->content.config.digest), "source_digest",
                  image->has_source ? digest_json(&image->source) : json_null(), "conversion",
                  text_or_null(image->conversion));

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_json_set(object, "layers", layers_json(&image->content, sharing, err), err) < 0 ||
        dr_json_set(object, "shared", sum_json(&shared), err) < 0 ||
        dr_json_set(object, "platforms", texts_json(image->platforms, err), err) < 0 ||
        dr_json_set(object, "manifests", members_json(image, sharing, err), err) < 0 ||
        dr_json_set(object, "warnings", texts_json(image->warnings, err), err) < 0)
        return NULL;
    return json_incref(object);
}

static json_t *images_json(const struct dr_bundle *bundle, struct dr_sharing *sharing,
                           struct dr_err *err)
{
    json_auto_t *list = json_array();
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(list, image_json(&images[i], sharing, err), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

/* drover itself, by architecture. */
static json_t *tools_json(const struct dr_bundle *bundle, struct dr_err *err)
{
    json_auto_t *list = json_array();
    size_t count;
    const struct dr_member *programs = dr_bundle_programs(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(list,
                           json_pack("{s:s, s:o, s:I}", "architecture",
                                     programs[i].name + strlen(DR_NAME_PROGRAM), "digest",
                                     digest_json(&programs[i].digest), "size",
                                     (json_int_t)programs[i].size),
                           err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static bool is_expired(const struct dr_bundle_about *about, int64_t now)
{
    return about->expires && about->expires_at < now;
}

/* What a delta leaves out, in the words of its bundle.json; null for a bundle that is none. */
static json_t *delta_json(const struct dr_bundle_about *about)
{
    const struct dr_delta *delta = about->delta;

    return delta ? json_pack("{s:o, s:I, s:O, s:O}", "whole", digest_json(&about->whole), "bytes",
                             (json_int_t)delta->bytes, "bases", delta->bases_json, "requires",
                             delta->requires_json)
                 : json_null();
}

json_t *dr_inspect_json(const struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    dr_auto_sharing struct dr_sharing sharing = DR_SHARING_INIT;
    int64_t now = time(NULL);
    json_t *key_id;
    json_t *object;

    if (dr_sharing_count(&sharing, bundle, err) < 0)
        return NULL;
    key_id = about->verified ? digest_json(&about->signers.ids[0]) : json_null();
    object = json_pack("{s:b, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:I, s:s, s:o, s:I, s:b, "
                       "s:s, s:I, s:I, s:o, "
                       "s:o, s:I, s:o, s:o, s:o}",
                       "verified", about->verified, "key_id", key_id, "key_ids",
                       signers_json(&about->signers, err), "signatures",
                       (json_int_t)about->signatures, "free_slots", (json_int_t)about->free_slots,
                       "release", text_or_null(about->release), "id", digest_json(&about->id),
                       "sums", digest_json(&about->sums), "channel", about->channel, "serial",
                       (json_int_t)about->serial, "created", about->created, "expires",
                       text_or_null(about->expires), "age", (json_int_t)(now - about->created_at),
                       "expired", is_expired(about, now), "builder", about->builder, "bytes",
                       (json_int_t)about->bytes, "members", (json_int_t)about->members, "layers",
                       sum_json(&sharing.all), "shared", sum_json(&sharing.shared), "saved_bytes",
                       (json_int_t)sharing.saved, "delta", delta_json(about), "images",
                       images_json(bundle, &sharing, err), "tools", tools_json(bundle, err));
    if (!object)
        dr_fail_memory(err);
    return object;
}

static void print_signers(const struct dr_bundle_about *about, FILE *to)
{
    char hex[DR_DIGEST_TEXT];

    for (size_t i = 0; i < about->signers.count; i++)
        fprintf(to, "%-9s %s\n", i ? "" : "signed", dr_digest_hex(&about->signers.ids[i], hex));
    if (!about->verified)
        fprintf(to, "signed    %s\n", about->signatures ? "not checked" : "not yet");
    if (about->signatures != about->signers.count || about->free_slots)
        fprintf(to, "          %zu signature%s in it, %zu free slot%s\n", about->signatures,
                about->signatures == 1 ? "" : "s", about->free_slots,
                about->free_slots == 1 ? "" : "s");
}

/* How old it is, and how long it will be taken: before a maintenance window that is what counts. */
static void print_times(const struct dr_bundle_about *about, FILE *to)
{
    int64_t now = time(NULL);
    char span[32];

    dr_text_age((uint64_t)llabs(now - about->created_at), span);
    fprintf(to, "created   %s by %s, %s%s\n", about->created, about->builder, span,
            about->created_at > now ? " from now: some clock is wrong" : " ago");
    if (!about->expires)
        return;
    dr_text_age((uint64_t)llabs(now - about->expires_at), span);
    fprintf(to, "expires   %s, %s%s%s\n", about->expires,
            is_expired(about, now) ? "EXPIRED " : "in ", span,
            is_expired(about, now) ? " ago" : "");
}

static void print_sharing(const struct dr_sharing *sharing, FILE *to)
{
    char size[16];
    char saved[16];

    dr_text_size(sharing->all.bytes, size);
    fprintf(to, "layers    %zu, %s", sharing->all.layers, size);
    dr_text_size(sharing->shared.bytes, size);
    dr_text_size(sharing->saved, saved);
    if (sharing->shared.layers)
        fprintf(to, "; %zu of them, %s, in more than one image, which saves %s",
                sharing->shared.layers, size, saved);
    fprintf(to, "\n");
}

static void print_tools(const struct dr_bundle *bundle, FILE *to)
{
    size_t count;
    const struct dr_member *programs = dr_bundle_programs(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        char size[16];

        dr_text_size(programs[i].size, size);
        fprintf(to, "%-9s drover for %s, %s\n", i ? "" : "carries",
                programs[i].name + strlen(DR_NAME_PROGRAM), size);
    }
}

static void print_head(const struct dr_bundle *bundle, const struct dr_sharing *sharing, FILE *to)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    char hex[DR_DIGEST_TEXT];
    char size[16];
    size_t images;
    size_t blobs;

    dr_bundle_images(bundle, &images);
    dr_bundle_blobs(bundle, &blobs);
    dr_text_size(about->bytes, size);
    fprintf(to, "content   %s%s%s%zu image%s in %zu blobs, %s\n", about->release ? "Rancher " : "",
            about->release ? about->release : "", about->release ? ": " : "", images,
            images == 1 ? "" : "s", blobs, size);
    print_sharing(sharing, to);
    print_tools(bundle, to);
    print_times(about, to);
    fprintf(to, "serial    %llu in channel %s\n", (unsigned long long)about->serial,
            about->channel);
    fprintf(to, "id        %s\n", dr_digest_hex(&about->id, hex));
    print_signers(about, to);
}

static void print_required(const struct dr_bundle *bundle, FILE *to)
{
    const struct dr_delta *delta = dr_bundle_about(bundle)->delta;

    if (!delta)
        return;
    fprintf(to, "\n");
    dr_delta_print(delta, to);
    for (size_t i = 0; i < delta->count; i++) {
        const struct dr_required *item = &delta->items[i];
        char digest[DR_DIGEST_TEXT];
        char size[16];

        dr_text_size(item->size, size);
        fprintf(to, "  %s  %s, of %s\n", dr_digest_text(&item->digest, digest), size,
                item->holders[0].image);
    }
}

static void print_layers(const struct dr_image_manifest *content, struct dr_sharing *sharing,
                         int indent, FILE *to)
{
    const struct dr_sharing_sum shared = dr_sharing_of_image(sharing, content);
    uint64_t bytes = 0;
    char digest[DR_DIGEST_TEXT];
    char size[16];

    for (size_t i = 0; i < content->layer_count; i++)
        bytes += content->layers[i].size;
    dr_text_size(bytes, size);
    fprintf(to, "%*slayers    %zu, %s", indent, "", content->layer_count, size);
    dr_text_size(shared.bytes, size);
    if (shared.layers)
        fprintf(to, "; %zu of them, %s, shared with other images", shared.layers, size);
    fprintf(to, "\n");
    for (size_t i = 0; i < content->layer_count; i++) {
        const struct dr_descriptor *layer = &content->layers[i];

        dr_text_size(layer->size, size);
        fprintf(to, "%*s%s  %s%s\n", indent + 2, "", dr_digest_text(&layer->digest, digest), size,
                dr_sharing_of(sharing, &layer->digest) > 1 ? ", shared" : "");
    }
}

static void print_family(const struct dr_bundle_image *image, struct dr_sharing *sharing, FILE *to)
{
    for (size_t i = 0; i < image->family.image_count; i++) {
        const struct dr_family_member *member = &image->family.members[i];
        char platform[DR_PLATFORM_TEXT];
        char digest[DR_DIGEST_TEXT];

        fprintf(
            to, "  for %s%s\n    digest    %s\n",
            dr_platform_is_known(&member->platform) ? dr_platform_text(&member->platform, platform)
                                                    : "no platform",
            dr_digest_equal(&member->manifest.digest, &image->chosen) ? ", which docker load gets"
                                                                      : "",
            dr_digest_text(&member->manifest.digest, digest));
        fprintf(to, "    image ID  %s\n", dr_digest_text(&member->content.config.digest, digest));
        print_layers(&member->content, sharing, 4, to);
    }
}

static void print_image(const struct dr_bundle_image *image, struct dr_sharing *sharing, FILE *to)
{
    bool is_list = dr_bundle_image_is_list(image);
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    fprintf(to, "\n%s\n", dr_reference_text(&image->reference, name));
    if (is_list)
        fprintf(to, "  role      %s, a list of %zu images for %zu platforms\n", image->role,
                image->family.image_count, dr_bundle_image_platform_count(image));
    else
        fprintf(to, "  role      %s, for %s\n", image->role, image->platform);
    fprintf(to, "  digest    %s\n", dr_digest_text(&image->manifest.digest, digest));
    if (!is_list)
        fprintf(to, "  image ID  %s\n", dr_digest_text(&image->content.config.digest, digest));
    if (image->has_source)
        fprintf(to, "  %s %s\n",
                image->conversion ? "converted from the schema 1 manifest" : "chosen from the list",
                dr_digest_text(&image->source, digest));
    for (const char *const *text = image->warnings; text && *text; text++)
        fprintf(to, "  warning: %s\n", *text);
    if (is_list)
        print_family(image, sharing, to);
    else
        print_layers(&image->content, sharing, 2, to);
}

static int print_json(const struct dr_bundle *bundle, FILE *to, struct dr_err *err)
{
    json_auto_t *object = dr_inspect_json(bundle, err);

    return object ? dr_json_print(object, to, err) : -1;
}

int dr_inspect_print(const struct dr_bundle *bundle, bool json, FILE *to, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    dr_auto_sharing struct dr_sharing sharing = DR_SHARING_INIT;

    if (json)
        return print_json(bundle, to, err);
    if (dr_sharing_count(&sharing, bundle, err) < 0)
        return -1;
    print_head(bundle, &sharing, to);
    print_required(bundle, to);
    for (size_t i = 0; i < count; i++)
        print_image(&images[i], &sharing, to);
    return 0;
}
