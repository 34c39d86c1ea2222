/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/document.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/delta.h"
#include "bundle/file/sums.h"
#include "lib/json.h"
#include "lib/text.h"

#define TEXT_MAX 1024

static json_t *text_of_digest(const struct dr_digest *digest)
{
    char text[DR_DIGEST_TEXT];

    return json_string(dr_digest_text(digest, text));
}

/* `texts` may be NULL. */
static int write_texts(json_t *object, const char *key, const char *const *texts,
                       struct dr_err *err)
{
    json_t *list = json_array();

    if (dr_json_set(object, key, list, err) < 0)
        return -1;
    for (; texts && *texts; texts++) {
        if (dr_json_append(list, json_string(*texts), err) < 0)
            return -1;
    }
    return 0;
}

static int write_origin(json_t *object, const struct dr_bundle_image *image, struct dr_err *err)
{
    if (image->has_source &&
        dr_json_set(object, "source_digest", text_of_digest(&image->source), err) < 0)
        return -1;
    return image->conversion
               ? dr_json_set(object, "conversion", json_string(image->conversion), err)
               : 0;
}

static json_t *write_image(const struct dr_bundle_image *image, struct dr_err *err)
{
    const char *const platform[] = {image->platform, NULL};
    char name[DR_REFERENCE_TEXT];
    json_auto_t *object = json_pack(
        "{s:s, s:s, s:o, s:s, s:I}", "ref", dr_reference_text(&image->reference, name), "role",
        image->role, "digest", text_of_digest(&image->manifest.digest), "mediaType",
        image->manifest.media_type, "size", (json_int_t)image->manifest.size);

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (write_texts(object, "platform", image->platforms ? image->platforms : platform, err) < 0 ||
        (dr_bundle_image_is_list(image) &&
         dr_json_set(object, "chosen", text_of_digest(&image->chosen), err) < 0) ||
        write_origin(object, image, err) < 0 ||
        write_texts(object, "warnings", image->warnings, err) < 0)
        return NULL;
    return json_incref(object);
}

static json_t *write_totals(const struct dr_bundle_image *images, size_t count, struct dr_err *err)
{
    struct dr_bundle_blob *blobs = NULL;
    size_t blob_count;
    uint64_t bytes = 0;

    if (dr_images_blobs(images, count, &blobs, &blob_count, err) < 0)
        return NULL;
    for (size_t i = 0; i < blob_count; i++)
        bytes += blobs[i].size;
    free(blobs);
    return json_pack("{s:I, s:I}", "blobs", (json_int_t)blob_count, "bytes", (json_int_t)bytes);
}

/* What a reader must be able to, so that an older one says that it can't. */
int dr_document_reader(const struct dr_bundle_image *images, size_t count, bool delta)
{
    for (size_t i = 0; i < count; i++) {
        if (dr_bundle_image_is_list(&images[i]))
            return DR_READER_LISTS;
    }
    return delta ? DR_READER_DELTA : DR_READER_FIRST;
}

static int write_head(json_t *object, const struct dr_bundle_about *about, int reader,
                      struct dr_err *err)
{
    if (dr_json_set(object, "format", json_string(DR_DOCUMENT_FORMAT), err) < 0 ||
        dr_json_set(object, "id", text_of_digest(&about->id), err) < 0 ||
        dr_json_set(object, "channel", json_string(about->channel), err) < 0 ||
        dr_json_set(object, "serial", json_integer((json_int_t)about->serial), err) < 0 ||
        dr_json_set(object, "created", json_string(about->created), err) < 0)
        return -1;
    if (about->expires && dr_json_set(object, "expires", json_string(about->expires), err) < 0)
        return -1;
    if (dr_json_set(object, "builder", json_string(about->builder), err) < 0 ||
        dr_json_set(object, "min_reader", json_integer(reader), err) < 0)
        return -1;
    return about->release ? dr_json_set(object, "release", json_string(about->release), err) : 0;
}

static int write_requires(json_t *object, const struct dr_delta *delta, struct dr_err *err)
{
    if (!delta)
        return dr_json_set(object, "requires", json_array(), err);
    if (dr_json_set(object, "bases", json_incref(delta->bases_json), err) < 0)
        return -1;
    return dr_json_set(object, "requires", json_incref(delta->requires_json), err);
}

char *dr_document_write(const struct dr_bundle_about *about, const struct dr_bundle_image *images,
                        size_t count, struct dr_err *err)
{
    json_auto_t *object = json_object();
    json_t *list = json_array();

    if (write_head(object, about, dr_document_reader(images, count, about->delta), err) < 0 ||
        dr_json_set(object, "images", list, err) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        json_t *image = write_image(&images[i], err);

        if (!image || dr_json_append(list, image, err) < 0)
            return NULL;
    }
    if (dr_json_set(object, "totals", write_totals(images, count, err), err) < 0 ||
        write_requires(object, about->delta, err) < 0)
        return NULL;
    return dr_json_text(object, true, err);
}

/* What people will see of a bundle: one line, no control characters, nothing that needs a font. */
static int check_text(const char *key, const char *text, struct dr_err *err)
{
    if (strlen(text) > TEXT_MAX)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' is longer than %d bytes", key, TEXT_MAX);
    for (const char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~')
            return dr_fail(err, DR_ERR_VERIFY, "'%s' is not plain text", key);
    }
    return 0;
}

static int read_text(const json_t *object, const char *key, const char **ret, struct dr_err *err)
{
    if (dr_json_get_string(object, key, ret, err) < 0)
        return -1;
    return check_text(key, *ret, err);
}

static int read_digest(const json_t *object, const char *key, struct dr_digest *ret,
                       struct dr_err *err)
{
    const char *text;

    if (dr_json_get_string(object, key, &text, err) < 0)
        return -1;
    return dr_digest_parse(text, ret, err);
}

static int read_time(const json_t *object, const char *key, const char **ret, int64_t *ret_time,
                     struct dr_err *err)
{
    const char *text;

    if (dr_json_get_string(object, key, &text, err) < 0)
        return -1;
    if (dr_text_untime(text, ret_time) < 0)
        return dr_fail(err, DR_ERR_VERIFY, "'%s' is no time", key);
    *ret = text;
    return 0;
}

/* Into `*cursor`, which it moves behind the NULL at their end. */
static int read_texts(const json_t *object, const char *key, const char *const **ret,
                      const char ***cursor, struct dr_err *err)
{
    json_t *list;
    json_t *item;
    size_t i;

    if (dr_json_get_array(object, key, &list, err) < 0)
        return -1;
    *ret = *cursor;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item))
            return dr_fail(err, DR_ERR_VERIFY, "one of '%s' is no text", key);
        if (check_text(key, json_string_value(item), err) < 0)
            return -1;
        *(*cursor)++ = json_string_value(item);
    }
    *(*cursor)++ = NULL;
    return 0;
}

static int read_reference(const json_t *object, struct dr_reference *ret, struct dr_err *err)
{
    char again[DR_REFERENCE_TEXT];
    const char *name;

    if (dr_json_get_string(object, "ref", &name, err) < 0 || dr_reference_parse(name, ret, err) < 0)
        return -1;
    return strcmp(dr_reference_text(ret, again), name) == 0
               ? 0
               : dr_fail(err, DR_ERR_VERIFY, "'%s' is not a whole reference", name);
}

static int read_manifest(const json_t *object, struct dr_descriptor *ret, struct dr_err *err)
{
    const char *type;

    if (read_digest(object, "digest", &ret->digest, err) < 0 ||
        read_text(object, "mediaType", &type, err) < 0 ||
        dr_json_get_uint64(object, "size", &ret->size, err) < 0)
        return -1;
    if (!dr_manifest_is_carried(type))
        return dr_fail(err, DR_ERR_VERIFY, "'%s' is no type of image", type);
    return dr_text_put(ret->media_type, sizeof ret->media_type, type);
}

/* Only lists have an image that is chosen from them. */
static int read_chosen(const json_t *object, struct dr_bundle_image *image, struct dr_err *err)
{
    bool is_list = dr_bundle_image_is_list(image);

    if (is_list != (json_object_get(object, "chosen") != NULL))
        return dr_fail(err, DR_ERR_VERIFY, "'chosen' %s", is_list ? "is missing" : "has no list");
    return is_list ? read_digest(object, "chosen", &image->chosen, err) : 0;
}

static int read_image(const json_t *object, struct dr_bundle_image *image, const char ***cursor,
                      struct dr_err *err)
{
    if (read_reference(object, &image->reference, err) < 0 ||
        read_text(object, "role", &image->role, err) < 0 ||
        read_manifest(object, &image->manifest, err) < 0 || read_chosen(object, image, err) < 0 ||
        read_texts(object, "platform", &image->platforms, cursor, err) < 0 ||
        read_texts(object, "warnings", &image->warnings, cursor, err) < 0)
        return -1;
    image->platform = image->platforms[0];
    if (!image->platform)
        return dr_fail(err, DR_ERR_VERIFY, "'platform' is empty");
    if (json_object_get(object, "conversion") &&
        read_text(object, "conversion", &image->conversion, err) < 0)
        return -1;
    image->has_source = json_object_get(object, "source_digest");
    return image->has_source ? read_digest(object, "source_digest", &image->source, err) : 0;
}

/* With room for the NULL behind each row. */
static size_t count_texts(const json_t *list)
{
    size_t count = 0;
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) count += 2 +
                                               json_array_size(json_object_get(item, "warnings")) +
                                               json_array_size(json_object_get(item, "platform"));
    return count;
}

static int read_images(struct dr_document *document, struct dr_err *err)
{
    const char **cursor;
    json_t *list;
    size_t count;

    if (dr_json_get_array(document->json, "images", &list, err) < 0)
        return -1;
    count = json_array_size(list);
    if (count < 1 || count > DR_IMAGES_MAX)
        return dr_fail(err, DR_ERR_VERIFY, "it names %zu images", count);
    document->images = calloc(count, sizeof *document->images);
    cursor = document->texts = calloc(count_texts(list), sizeof *document->texts);
    if (!document->images || !cursor)
        return dr_fail_memory(err);
    for (; document->image_count < count; document->image_count++) {
        if (read_image(json_array_get(list, document->image_count),
                       &document->images[document->image_count], &cursor, err) < 0)
            return dr_err_wrap(err, "image %zu", document->image_count);
    }
    return 0;
}

/* Later formats may add keys: those that an old reader may ignore begin with "x-". */
static int check_keys(json_t *object, struct dr_err *err)
{
    static const char *const known[] = {"format",  "id",      "channel",    "serial",  "created",
                                        "expires", "builder", "min_reader", "release", "images",
                                        "totals",  "bases",   "requires"};
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        bool found = dr_text_starts(key, "x-");

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found |= strcmp(key, known[i]) == 0;
        if (!found)
            return dr_fail(err, DR_ERR_VERIFY, "'%.64s' is no key of it", key);
    }
    return 0;
}

/* First of all: what follows is only defined for this format. */
static int check_format(const json_t *object, struct dr_err *err)
{
    const char *format;
    uint64_t version;

    if (read_text(object, "format", &format, err) < 0 ||
        dr_json_get_uint64(object, "min_reader", &version, err) < 0)
        return -1;
    if (strcmp(format, DR_DOCUMENT_FORMAT) != 0 || version > DR_READER_VERSION)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the bundle's format is %s for readers of version %llu; this drover reads "
                       "%s up to version %d, a newer one is needed",
                       format, (unsigned long long)version, DR_DOCUMENT_FORMAT, DR_READER_VERSION);
    return 0;
}

/* Only a delta has bases, and only a delta requires anything. */
static int read_delta(struct dr_document *document, struct dr_err *err)
{
    json_t *bases = json_object_get(document->json, "bases");
    json_t *required;

    if (dr_json_get_array(document->json, "requires", &required, err) < 0)
        return -1;
    if (!bases && json_array_size(required) == 0)
        return 0;
    if (!json_is_array(bases) || json_array_size(required) == 0)
        return dr_fail(err, DR_ERR_VERIFY, "'bases' and 'requires' do not fit each other");
    if (dr_json_int_or(document->json, "min_reader", 0) < DR_READER_DELTA)
        return dr_fail(err, DR_ERR_VERIFY,
                       "'min_reader' lets readers take it that know of no deltas");
    document->delta = dr_delta_new(bases, required, err);
    document->about.delta = document->delta;
    return document->delta ? 0 : -1;
}

static int read_head(struct dr_document *document, struct dr_err *err)
{
    struct dr_bundle_about *about = &document->about;
    const json_t *object = document->json;

    if (read_digest(object, "id", &about->id, err) < 0 ||
        read_text(object, "channel", &about->channel, err) < 0 ||
        dr_json_get_uint64(object, "serial", &about->serial, err) < 0 ||
        read_time(object, "created", &about->created, &about->created_at, err) < 0 ||
        read_text(object, "builder", &about->builder, err) < 0)
        return -1;
    if (json_object_get(object, "release") &&
        read_text(object, "release", &about->release, err) < 0)
        return -1;
    if (!json_object_get(object, "expires"))
        return 0;
    return read_time(object, "expires", &about->expires, &about->expires_at, err);
}

static int check_id(const struct dr_document *document, struct dr_err *err)
{
    struct dr_digest id;

    if (dr_images_id(document->images, document->image_count, &id, err) < 0)
        return -1;
    if (!dr_digest_equal(&id, &document->about.id))
        return dr_fail(err, DR_ERR_VERIFY, "'id' does not fit the images");
    return 0;
}

static int parse(const char *text, size_t size, struct dr_document *document, struct dr_err *err)
{
    document->json = dr_json_parse(text, size, DR_NAME_DOCUMENT, err);
    if (!document->json || check_format(document->json, err) < 0 ||
        check_keys(document->json, err) < 0 || read_head(document, err) < 0 ||
        read_delta(document, err) < 0 || read_images(document, err) < 0)
        return -1;
    if (dr_images_check_names(document->images, document->image_count, err) < 0)
        return -1;
    return check_id(document, err);
}

int dr_document_parse(const char *text, size_t size, struct dr_document *ret_document,
                      struct dr_err *err)
{
    dr_auto_document struct dr_document document = DR_DOCUMENT_INIT;
    struct dr_err why = DR_ERR_INIT;

    if (parse(text, size, &document, &why) < 0) {
        bool policy = why.code == DR_ERR_REFUSED || why.code == DR_ERR_INTERNAL;

        return dr_fail(err, policy ? why.code : DR_ERR_VERIFY, "%s%s",
                       policy ? "" : DR_NAME_DOCUMENT " is not what it must be: ", why.text);
    }
    *ret_document = document;
    document = (struct dr_document)DR_DOCUMENT_INIT;
    return 0;
}

void dr_document_release(struct dr_document *document)
{
    for (size_t i = 0; i < document->image_count; i++)
        dr_bundle_image_release(&document->images[i]);
    dr_delta_free(document->delta);
    json_decref(document->json);
    free(document->images);
    free(document->texts);
    *document = (struct dr_document)DR_DOCUMENT_INIT;
}
