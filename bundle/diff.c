/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/diff.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

static json_t *digest_json(const struct dr_digest *digest)
{
    char text[DR_DIGEST_TEXT];

    return json_string(dr_digest_text(digest, text));
}

/* By which an image is the same one in another bundle. Returns `ret`. */
static const char *name_of(const struct dr_bundle_image *image, char ret[DR_REFERENCE_TEXT])
{
    struct dr_reference reference = image->reference;

    if (*reference.tag)
        reference.has_digest = false;
    return dr_reference_text(&reference, ret);
}

/* name -> index of the image, so that two large bundles are compared in linear time. */
static json_t *index_names(const struct dr_bundle *bundle, struct dr_err *err)
{
    json_auto_t *names = json_object();
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        char name[DR_REFERENCE_TEXT];

        if (dr_json_set(names, name_of(&images[i], name), json_integer((json_int_t)i), err) < 0)
            return NULL;
    }
    return json_incref(names);
}

/* The image of that name in another bundle, NULL: there is none. */
static const struct dr_bundle_image *find_image(const struct dr_bundle *bundle, const json_t *names,
                                                const struct dr_bundle_image *image)
{
    char name[DR_REFERENCE_TEXT];
    const json_t *index = json_object_get(names, name_of(image, name));
    size_t count;

    return index ? &dr_bundle_images(bundle, &count)[json_integer_value(index)] : NULL;
}

/* Is the layer in it, or left out by it? Deltas are compared by what they stand for. */
static bool stands_for(const struct dr_bundle *bundle, const struct dr_digest *layer)
{
    return dr_bundle_find_blob(bundle, layer) ||
           dr_delta_find(dr_bundle_about(bundle)->delta, layer);
}

/* Adds those of one image to `seen` and `bytes`. */
static int add_layers(const struct dr_image_manifest *content, const struct dr_bundle *other,
                      json_t *seen, json_int_t *bytes, struct dr_err *err)
{
    for (size_t i = 0; i < content->layer_count; i++) {
        const struct dr_descriptor *layer = &content->layers[i];
        char text[DR_DIGEST_TEXT];

        dr_digest_text(&layer->digest, text);
        if (json_object_get(seen, text) || (other && stands_for(other, &layer->digest)))
            continue;
        if (dr_json_set(seen, text, json_true(), err) < 0)
            return -1;
        *bytes += (json_int_t)layer->size;
    }
    return 0;
}

/* The layers of an image or list, or only those that `other` (may be NULL) lacks, each once. */
static json_t *sum_layers(const struct dr_bundle_image *image, const struct dr_bundle *other,
                          struct dr_err *err)
{
    const struct dr_image_manifest *content;
    json_auto_t *seen = json_object();
    json_int_t bytes = 0;
    json_t *sum;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        if (add_layers(content, other, seen, &bytes, err) < 0)
            return NULL;
    }
    sum = json_pack("{s:I, s:I}", "layers", (json_int_t)json_object_size(seen), "bytes", bytes);
    if (!sum)
        dr_fail_memory(err);
    return sum;
}

/* An image that only one of the two has. */
static json_t *alone_json(const struct dr_bundle_image *image, const struct dr_bundle *other,
                          struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];
    json_auto_t *object =
        json_pack("{s:s, s:s, s:s, s:o}", "ref", name_of(image, name), "role", image->role,
                  "platform", image->platform, "digest", digest_json(&image->manifest.digest));

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_json_set(object, "all", sum_layers(image, NULL, err), err) < 0 ||
        dr_json_set(object, "only_here", sum_layers(image, other, err), err) < 0)
        return NULL;
    return json_incref(object);
}

static bool is_same(const struct dr_bundle_image *a, const struct dr_bundle_image *b)
{
    return dr_digest_equal(&a->manifest.digest, &b->manifest.digest) &&
           strcmp(a->role, b->role) == 0 && strcmp(a->platform, b->platform) == 0;
}

struct pair {
    const struct dr_bundle *from;
    const struct dr_bundle *to;
    json_t *from_names;
    json_t *to_names;
};

static json_t *moved_json(const struct pair *pair, const struct dr_bundle_image *from,
                          const struct dr_bundle_image *to, struct dr_err *err)
{
    char name[DR_REFERENCE_TEXT];
    json_auto_t *object = json_pack("{s:s}", "ref", name_of(to, name));

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_json_set(object, "from", alone_json(from, pair->to, err), err) < 0 ||
        dr_json_set(object, "to", alone_json(to, pair->from, err), err) < 0)
        return NULL;
    return json_incref(object);
}

/* Images of `of` that the other one lacks. */
static json_t *list_alone(const struct dr_bundle *of, const struct dr_bundle *other,
                          const json_t *other_names, struct dr_err *err)
{
    json_auto_t *list = json_array();
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(of, &count);

    for (size_t i = 0; i < count; i++) {
        if (!find_image(other, other_names, &images[i]) &&
            dr_json_append(list, alone_json(&images[i], other, err), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *list_moved(const struct pair *pair, size_t *ret_same, struct dr_err *err)
{
    json_auto_t *list = json_array();
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(pair->to, &count);

    *ret_same = 0;
    for (size_t i = 0; i < count; i++) {
        const struct dr_bundle_image *old = find_image(pair->from, pair->from_names, &images[i]);

        if (old && is_same(old, &images[i]))
            ++*ret_same;
        else if (old && dr_json_append(list, moved_json(pair, old, &images[i], err), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

/* Layers of `of` that the other one lacks, or has as well. */
static json_t *list_layers(const struct dr_bundle *of, const struct dr_bundle *other, bool shared,
                           struct dr_err *err)
{
    json_auto_t *list = json_array();
    json_int_t bytes = 0;
    size_t image_count;
    const struct dr_bundle_image *images = dr_bundle_images(of, &image_count);
    dr_autofree struct dr_bundle_blob *blobs = NULL;
    size_t count;
    json_t *object;

    if (dr_images_blobs(images, image_count, &blobs, &count, err) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct dr_bundle_blob *blob = &blobs[i];

        if (!blob->layer || shared != stands_for(other, &blob->digest))
            continue;
        bytes += (json_int_t)blob->size;
        if (dr_json_append(list,
                           json_pack("{s:o, s:I}", "digest", digest_json(&blob->digest), "size",
                                     (json_int_t)blob->size),
                           err) < 0)
            return NULL;
    }
    object = json_pack("{s:I, s:I, s:O}", "layers", (json_int_t)json_array_size(list), "bytes",
                       bytes, "list", list);
    if (!object)
        dr_fail_memory(err);
    return object;
}

static json_t *about_json(const struct dr_bundle *bundle, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    json_auto_t *object =
        json_pack("{s:b, s:s?, s:o, s:s, s:I, s:s, s:s?, s:I}", "verified", about->verified,
                  "release", about->release, "id", digest_json(&about->id), "channel",
                  about->channel, "serial", (json_int_t)about->serial, "created", about->created,
                  "expires", about->expires, "bytes", (json_int_t)about->bytes);
    json_t *keys = json_array();

    if (dr_json_set(object, "key_ids", keys, err) < 0)
        return NULL;
    for (size_t i = 0; i < about->signers.count; i++) {
        if (dr_json_append(keys, digest_json(&about->signers.ids[i]), err) < 0)
            return NULL;
    }
    return json_incref(object);
}

static json_t *compare(const struct pair *pair, struct dr_err *err)
{
    json_auto_t *object = json_object();
    const struct dr_bundle_about *from = dr_bundle_about(pair->from);
    const struct dr_bundle_about *to = dr_bundle_about(pair->to);
    size_t same;

    if (dr_json_set(object, "verified", json_boolean(from->verified && to->verified), err) < 0 ||
        dr_json_set(object, "from", about_json(pair->from, err), err) < 0 ||
        dr_json_set(object, "to", about_json(pair->to, err), err) < 0 ||
        dr_json_set(object, "added", list_alone(pair->to, pair->from, pair->from_names, err), err) <
            0 ||
        dr_json_set(object, "removed", list_alone(pair->from, pair->to, pair->to_names, err), err) <
            0 ||
        dr_json_set(object, "moved", list_moved(pair, &same, err), err) < 0 ||
        dr_json_set(object, "unchanged", json_integer((json_int_t)same), err) < 0 ||
        dr_json_set(object, "layers_added", list_layers(pair->to, pair->from, false, err), err) <
            0 ||
        dr_json_set(object, "layers_removed", list_layers(pair->from, pair->to, false, err), err) <
            0 ||
        dr_json_set(object, "layers_shared", list_layers(pair->to, pair->from, true, err), err) < 0)
        return NULL;
    return json_incref(object);
}

json_t *dr_diff_json(const struct dr_bundle *from, const struct dr_bundle *to, struct dr_err *err)
{
    json_auto_t *from_names = index_names(from, err);
    json_auto_t *to_names = index_names(to, err);
    const struct pair pair = {from, to, from_names, to_names};

    return from_names && to_names ? compare(&pair, err) : NULL;
}

/* "3 layers, 1.2 MB" */
static void print_sum(const char *before, const json_t *sum, const char *after, FILE *out)
{
    int64_t layers = dr_json_int_or(sum, "layers", 0);
    char size[16];

    dr_text_size((uint64_t)dr_json_int_or(sum, "bytes", 0), size);
    fprintf(out, "%s%lld layer%s, %s%s", before, (long long)layers, layers == 1 ? "" : "s", size,
            after);
}

static void print_about(const char *mark, const json_t *about, FILE *out)
{
    const char *release = dr_json_string_or(about, "release", NULL);
    const char *expires = dr_json_string_or(about, "expires", NULL);
    char size[16];

    dr_text_size((uint64_t)dr_json_int_or(about, "bytes", 0), size);
    fprintf(out, "%s  %s%s, created %s, serial %lld in channel %s, %s%s%s\n", mark,
            release ? "Rancher " : "images", release ? release : "",
            dr_json_string_or(about, "created", ""), (long long)dr_json_int_or(about, "serial", 0),
            dr_json_string_or(about, "channel", ""), size, expires ? ", expires " : "",
            expires ? expires : "");
    fprintf(out, "     id %s, %s\n", dr_json_string_or(about, "id", ""),
            dr_json_true(about, "verified") ? "signature verified" : "NOT VERIFIED");
}

static void print_alone(const char *mark, const json_t *list, FILE *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *image = json_array_get(list, i);

        fprintf(out, "%s %s  (%s, %s)\n    %s\n", mark, dr_json_string_or(image, "ref", ""),
                dr_json_string_or(image, "role", ""), dr_json_string_or(image, "platform", ""),
                dr_json_string_or(image, "digest", ""));
        print_sum("    ", json_object_get(image, "all"), ", of these ", out);
        print_sum("", json_object_get(image, "only_here"), " only in this bundle\n", out);
    }
}

static void print_moved(const json_t *list, FILE *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *image = json_array_get(list, i);

        fprintf(out, "moved    %s\n", dr_json_string_or(image, "ref", ""));
        for (int side = 0; side < 2; side++) {
            const json_t *state = json_object_get(image, side ? "to" : "from");

            fprintf(out, "    %s %s (%s, %s)\n", side ? "to  " : "from",
                    dr_json_string_or(state, "digest", ""), dr_json_string_or(state, "role", ""),
                    dr_json_string_or(state, "platform", ""));
            print_sum("         ", json_object_get(state, "only_here"), " only in this bundle\n",
                      out);
        }
    }
}

static void print_text(const json_t *diff, FILE *out)
{
    const json_t *from = json_object_get(diff, "from");
    const json_t *to = json_object_get(diff, "to");
    long long same = (long long)dr_json_int_or(diff, "unchanged", 0);

    print_about("from", from, out);
    print_about("to  ", to, out);
    if (strcmp(dr_json_string_or(from, "channel", ""), dr_json_string_or(to, "channel", "")) == 0 &&
        dr_json_int_or(to, "serial", 0) < dr_json_int_or(from, "serial", 0))
        fprintf(out, "the second bundle is OLDER than the first: its serial is lower\n");
    fprintf(out, "\n");
    print_alone("removed ", json_object_get(diff, "removed"), out);
    print_alone("added   ", json_object_get(diff, "added"), out);
    print_moved(json_object_get(diff, "moved"), out);
    fprintf(out, "unchanged  %lld image%s\n\n", same, same == 1 ? "" : "s");
    print_sum("only in the first   ", json_object_get(diff, "layers_removed"), "\n", out);
    print_sum("only in the second  ", json_object_get(diff, "layers_added"), "\n", out);
    print_sum("in both             ", json_object_get(diff, "layers_shared"), "\n", out);
}

int dr_diff_print(const struct dr_bundle *from, const struct dr_bundle *to, bool json, FILE *out,
                  struct dr_err *err)
{
    json_auto_t *diff = dr_diff_json(from, to, err);

    if (!diff)
        return -1;
    if (json)
        return dr_json_print(diff, out, err);
    print_text(diff, out);
    return 0;
}
