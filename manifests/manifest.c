/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/text.h"

#define WHAT "the manifest"

/* The documents' own names for what they are. */
static const struct {
    const char *media_type;
    enum dr_manifest_kind kind;
} types[] = {
    {DR_MEDIA_DOCKER_MANIFEST, DR_MANIFEST_IMAGE},
    {DR_MEDIA_OCI_MANIFEST, DR_MANIFEST_IMAGE},
    {DR_MEDIA_DOCKER_LIST, DR_MANIFEST_INDEX},
    {DR_MEDIA_OCI_INDEX, DR_MANIFEST_INDEX},
    {"application/vnd.docker.distribution.manifest.v1+prettyjws", DR_MANIFEST_SCHEMA1},
    {"application/vnd.docker.distribution.manifest.v1+json", DR_MANIFEST_SCHEMA1},
};

bool dr_manifest_is_list(const char *media_type)
{
    return strcmp(media_type, DR_MEDIA_DOCKER_LIST) == 0 ||
           strcmp(media_type, DR_MEDIA_OCI_INDEX) == 0;
}

bool dr_manifest_is_carried(const char *media_type)
{
    return dr_manifest_is_list(media_type) || strcmp(media_type, DR_MEDIA_DOCKER_MANIFEST) == 0 ||
           strcmp(media_type, DR_MEDIA_OCI_MANIFEST) == 0;
}

/* Registries without schema information say these; nothing follows from them. */
static bool is_generic(const char *media_type)
{
    return !*media_type || strcmp(media_type, "application/json") == 0 ||
           strcmp(media_type, "application/octet-stream") == 0 ||
           dr_text_starts(media_type, "text/");
}

static int check_type(const char *media_type, enum dr_manifest_kind kind, struct dr_err *err)
{
    if (!*media_type)
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(media_type, types[i].media_type) == 0)
            return types[i].kind == kind
                       ? 0
                       : dr_fail(err, DR_ERR_FORMAT, WHAT " is typed '%s' but is not one",
                                 media_type);
    }
    return dr_fail(err, DR_ERR_FORMAT, "'%.128s' is no kind of image that drover knows",
                   media_type);
}

/* What is in the document decides, and only one answer may be possible: readers that disagree about
 * the kind of a document would see different images under one digest. */
static int kind_of(const json_t *document, enum dr_manifest_kind *ret_kind, struct dr_err *err)
{
    bool list = json_object_get(document, "manifests");
    bool image = json_object_get(document, "config") || json_object_get(document, "layers");
    bool old = json_object_get(document, "fsLayers") || json_object_get(document, "history");
    int64_t version = dr_json_int_or(document, "schemaVersion", 0);
    int kinds = list + image + old;

    if (kinds != 1)
        return dr_fail(err, DR_ERR_FORMAT, WHAT " is %s",
                       kinds ? "of two kinds at once" : "neither image nor list");
    if (version != (old ? 1 : 2))
        return dr_fail(err, DR_ERR_FORMAT, WHAT " has schemaVersion %lld, which does not fit",
                       (long long)version);
    *ret_kind = old ? DR_MANIFEST_SCHEMA1 : list ? DR_MANIFEST_INDEX : DR_MANIFEST_IMAGE;
    return 0;
}

static json_t *parse(const void *data, size_t size, enum dr_manifest_kind *ret_kind,
                     struct dr_err *err)
{
    json_auto_t *document = dr_json_parse(data, size, WHAT, err);

    if (!document || kind_of(document, ret_kind, err) < 0 ||
        check_type(dr_json_string_or(document, "mediaType", ""), *ret_kind, err) < 0)
        return NULL;
    return json_incref(document);
}

int dr_manifest_classify(const void *data, size_t size, const char *content_type,
                         enum dr_manifest_kind *ret_kind, struct dr_err *err)
{
    enum dr_manifest_kind kind;
    json_auto_t *document = parse(data, size, &kind, err);
    const char *served = content_type && !is_generic(content_type) ? content_type : NULL;
    const char *own;

    if (!document || (served && check_type(served, kind, err) < 0))
        return -1;
    own = dr_json_string_or(document, "mediaType", "");
    if (served && *own && kind != DR_MANIFEST_SCHEMA1 && strcmp(own, served) != 0)
        return dr_fail(err, DR_ERR_FORMAT, WHAT " says '%s' but the registry says '%s'", own,
                       served);
    *ret_kind = kind;
    return 0;
}

/* A media type goes into other documents and onto terminals: printable, no quotes. */
static int put_media_type(char to[DR_MEDIA_TYPE_MAX], const char *text, struct dr_err *err)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return dr_fail(err, DR_ERR_FORMAT, "a media type is not one");
    }
    if (dr_text_put(to, DR_MEDIA_TYPE_MAX, text) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "a media type is longer than %d bytes",
                       DR_MEDIA_TYPE_MAX - 1);
    return 0;
}

static int read_descriptor(const json_t *object, struct dr_descriptor *ret, struct dr_err *err)
{
    struct dr_descriptor descriptor;
    const char *digest;

    if (put_media_type(descriptor.media_type, dr_json_string_or(object, "mediaType", ""), err) <
            0 ||
        dr_json_get_string(object, "digest", &digest, err) < 0 ||
        dr_digest_parse(digest, &descriptor.digest, err) < 0 ||
        dr_json_get_uint64(object, "size", &descriptor.size, err) < 0)
        return -1;
    if (descriptor.size > DR_BLOB_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "a size of %llu bytes is nonsense",
                       (unsigned long long)descriptor.size);
    *ret = descriptor;
    return 0;
}

static int read_layers(const json_t *list, struct dr_image_manifest *image, struct dr_err *err)
{
    size_t count = json_array_size(list);

    if (count > DR_LAYERS_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "%zu layers are more than %d", count, DR_LAYERS_MAX);
    image->layers = calloc(count + 1, sizeof *image->layers);
    if (!image->layers)
        return dr_fail_memory(err);
    for (; image->layer_count < count; image->layer_count++) {
        if (read_descriptor(json_array_get(list, image->layer_count),
                            &image->layers[image->layer_count], err) < 0)
            return dr_err_wrap(err, "layer %zu", image->layer_count);
    }
    return 0;
}

/* OCI images need not name their type; docker's must. */
static const char *own_type(const json_t *document, const struct dr_image_manifest *image)
{
    const char *type = dr_json_string_or(document, "mediaType", "");

    if (*type)
        return type;
    return strcmp(image->config.media_type, DR_MEDIA_DOCKER_CONFIG) == 0 ? DR_MEDIA_DOCKER_MANIFEST
                                                                         : DR_MEDIA_OCI_MANIFEST;
}

int dr_image_manifest_parse(const void *data, size_t size, struct dr_image_manifest *ret_image,
                            struct dr_err *err)
{
    dr_auto_image_manifest struct dr_image_manifest image = DR_IMAGE_MANIFEST_INIT;
    enum dr_manifest_kind kind;
    json_auto_t *document = parse(data, size, &kind, err);
    json_t *config;
    json_t *layers;

    if (!document)
        return -1;
    if (kind != DR_MANIFEST_IMAGE)
        return dr_fail(err, DR_ERR_FORMAT, WHAT " is %s where an image was expected",
                       kind == DR_MANIFEST_INDEX ? "a list of images" : "schema 1");
    if (dr_json_get_object(document, "config", &config, err) < 0 ||
        dr_json_get_array(document, "layers", &layers, err) < 0 ||
        read_layers(layers, &image, err) < 0)
        return dr_err_wrap(err, "read " WHAT);
    if (read_descriptor(config, &image.config, err) < 0)
        return dr_err_wrap(err, "read " WHAT ": config");
    if (put_media_type(image.media_type, own_type(document, &image), err) < 0)
        return -1;
    dr_image_manifest_release(ret_image);
    *ret_image = image;
    image.layers = NULL;
    return 0;
}

void dr_image_manifest_release(struct dr_image_manifest *image)
{
    free(image->layers);
    image->layers = NULL;
    image->layer_count = 0;
}

static int fail_no_platform(const json_t *children, const struct dr_platform *wanted,
                            struct dr_err *err)
{
    dr_auto_buf struct dr_buf there = DR_BUF_INIT(1u << 20);
    char text[DR_PLATFORM_TEXT];
    size_t named = 0;
    size_t i;
    json_t *child;

    json_array_foreach(children, i, child)
    {
        struct dr_platform platform;

        dr_platform_read(json_object_get(child, "platform"), &platform);
        if (dr_platform_is_known(&platform) && named++ < 20 &&
            dr_buf_printf(&there, err, "%s%s", named > 1 ? ", " : "",
                          dr_platform_text(&platform, text)) < 0)
            return -1;
    }
    return dr_fail(err, DR_ERR_ABSENT, "there is no image for %s, only for: %s",
                   dr_platform_text(wanted, text), there.size ? there.data : "nothing");
}

static json_t *read_index(const void *data, size_t size, json_t **ret_children, struct dr_err *err)
{
    enum dr_manifest_kind kind;
    json_auto_t *document = parse(data, size, &kind, err);

    if (!document)
        return NULL;
    if (kind != DR_MANIFEST_INDEX) {
        dr_fail(err, DR_ERR_FORMAT, WHAT " is no list of images");
        return NULL;
    }
    if (dr_json_get_array(document, "manifests", ret_children, err) < 0) {
        dr_err_wrap(err, "read " WHAT);
        return NULL;
    }
    return json_incref(document);
}

int dr_index_choose(const void *data, size_t size, const struct dr_platform *wanted,
                    struct dr_descriptor *ret_child, struct dr_err *err)
{
    json_t *children = NULL;
    json_auto_t *document = read_index(data, size, &children, err);
    const json_t *chosen = NULL;
    const json_t *list = NULL;
    unsigned best = 0;
    json_t *child;
    size_t i;

    if (!document)
        return -1;
    json_array_foreach(children, i, child)
    {
        const json_t *said = json_object_get(child, "platform");
        struct dr_platform platform;
        unsigned rank;

        dr_platform_read(said, &platform);
        rank = dr_platform_rank(wanted, &platform);
        if (rank > best) {
            best = rank;
            chosen = child;
        }
        if (!said && !list && dr_manifest_is_list(dr_json_string_or(child, "mediaType", "")))
            list = child;
    }
    if (!chosen && !list)
        return fail_no_platform(children, wanted, err);
    return read_descriptor(chosen ? chosen : list, ret_child, err) < 0
               ? dr_err_wrap(err, "read " WHAT ": the entry for that platform")
               : 0;
}

int dr_index_parse(const void *data, size_t size, struct dr_index *ret_index, struct dr_err *err)
{
    dr_auto_index struct dr_index index = DR_INDEX_INIT;
    json_t *children = NULL;
    json_auto_t *document = read_index(data, size, &children, err);
    size_t count = json_array_size(children);

    if (!document)
        return -1;
    if (count > DR_INDEX_MAX)
        return dr_fail(err, DR_ERR_FORMAT, WHAT " lists %zu images, more than %d", count,
                       DR_INDEX_MAX);
    if (put_media_type(index.media_type, dr_json_string_or(document, "mediaType", ""), err) < 0)
        return -1;
    index.entries = calloc(count + 1, sizeof *index.entries);
    if (!index.entries)
        return dr_fail_memory(err);
    for (; index.count < count; index.count++) {
        struct dr_index_entry *entry = &index.entries[index.count];
        const json_t *child = json_array_get(children, index.count);

        if (read_descriptor(child, &entry->manifest, err) < 0)
            return dr_err_wrap(err, "read " WHAT ": entry %zu", index.count);
        dr_platform_read(json_object_get(child, "platform"), &entry->platform);
    }
    *ret_index = index;
    index = (struct dr_index)DR_INDEX_INIT;
    return 0;
}

void dr_index_release(struct dr_index *index)
{
    free(index->entries);
    *index = (struct dr_index)DR_INDEX_INIT;
}

bool dr_layer_is_foreign(const char *media_type)
{
    return strstr(media_type, "foreign") || strstr(media_type, "nondistributable");
}

static int add_urls(const json_t *layer, json_t *urls, struct dr_err *err)
{
    json_t *url;
    size_t i;

    json_array_foreach(json_object_get(layer, "urls"), i, url)
    {
        if (json_is_string(url) && dr_json_append(urls, json_incref(url), err) < 0)
            return -1;
    }
    return 0;
}

json_t *dr_image_manifest_urls(const void *data, size_t size, const struct dr_digest *layer,
                               struct dr_err *err)
{
    json_auto_t *document = dr_json_parse(data, size, WHAT, err);
    json_auto_t *urls = json_array();
    char digest[DR_DIGEST_TEXT];
    json_t *item;
    size_t i;

    if (!document)
        return NULL;
    dr_digest_text(layer, digest);
    json_array_foreach(json_object_get(document, "layers"), i, item)
    {
        if (strcmp(dr_json_string_or(item, "digest", ""), digest) == 0 &&
            add_urls(item, urls, err) < 0)
            return NULL;
    }
    return json_incref(urls);
}

size_t dr_image_manifest_warnings(const struct dr_image_manifest *image,
                                  const char *ret_warnings[DR_WARNINGS_MAX])
{
    const char *config = image->config.media_type;
    bool zstd = false;
    bool foreign = false;
    size_t count = 0;

    for (size_t i = 0; i < image->layer_count; i++) {
        zstd |= dr_text_ends(image->layers[i].media_type, "zstd");
        foreign |= dr_layer_is_foreign(image->layers[i].media_type);
    }
    if (strcmp(config, DR_MEDIA_DOCKER_CONFIG) != 0 && strcmp(config, DR_MEDIA_OCI_CONFIG) != 0)
        ret_warnings[count++] =
            "its config is not typed as one, as Docker 1.10 and 1.11 pushed it; engines of "
            "version 29 and containerd stores cannot pull it from a registry, older engines can";
    if (zstd)
        ret_warnings[count++] =
            "it has zstd layers, which only engines of version 23 and later read";
    if (foreign)
        ret_warnings[count++] =
            "it has foreign layers; they are in the bundle, but some registries refuse manifests "
            "that name them";
    return count;
}
