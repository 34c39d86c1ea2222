/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/schema1.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "manifests/v1image.h"

#define WHAT "the schema 1 manifest"

/* Docker wrote one signature; each costs us a copy of the tail. */
#define SIGNATURES_MAX 16

/* The tail is a few line breaks and a brace. */
#define TAIL_MAX 64
#define HEADER_MAX 4096

#define GZIP_LAYER "\"application/vnd.docker.image.rootfs.diff.tar.gzip\""
#define PLAIN_LAYER "\"application/vnd.docker.image.rootfs.diff.tar\"     "

_Static_assert(sizeof GZIP_LAYER == sizeof PLAIN_LAYER, "the manifest's size is known in advance");

/* What was signed: the first `length` bytes of the document, then `tail`. */
struct format {
    uint64_t length;
    char tail[TAIL_MAX];
    size_t tail_size;
};

/* base64url without padding (RFC 7515 §2). Writes at most `room` bytes. */
static int decode(const char *text, void *ret, size_t room, size_t *ret_size, struct dr_err *err)
{
    static const char *const padding[] = {"", NULL, "==", "="};
    size_t length = strlen(text);
    const char *missing = padding[length % 4];
    dr_autofree char *copy = NULL;

    *ret_size = 0;
    if (!length)
        return 0;
    if (!missing || length > 2 * HEADER_MAX || strpbrk(text, "+/="))
        return dr_fail(err, DR_ERR_FORMAT, "a signature is not in base64url");
    copy = dr_text_format(err, "%s%s", text, missing);
    if (!copy)
        return -1;
    for (char *c = copy; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    if (dr_text_unbase64(copy, ret, room, ret_size) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "a signature is not in base64url, or too long");
    return 0;
}

static int read_format(const json_t *signature, struct format *ret, struct dr_err *err)
{
    dr_autofree char *header = malloc(HEADER_MAX);
    json_auto_t *document = NULL;
    const char *text;
    size_t size;

    if (!header)
        return dr_fail_memory(err);
    if (dr_json_get_string(signature, "protected", &text, err) < 0 ||
        decode(text, header, HEADER_MAX, &size, err) < 0)
        return -1;
    document = dr_json_parse(header, size, "the protected header", err);
    if (!document || dr_json_get_uint64(document, "formatLength", &ret->length, err) < 0 ||
        dr_json_get_string(document, "formatTail", &text, err) < 0)
        return -1;
    return decode(text, ret->tail, sizeof ret->tail, &ret->tail_size, err);
}

static bool same_format(const struct format *a, const struct format *b)
{
    return a->length == b->length && a->tail_size == b->tail_size &&
           memcmp(a->tail, b->tail, a->tail_size) == 0;
}

static int read_signatures(const json_t *list, struct format *ret, struct dr_err *err)
{
    size_t count = json_array_size(list);

    if (count < 1 || count > SIGNATURES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "it has %zu signatures", count);
    for (size_t i = 0; i < count; i++) {
        struct format format;

        if (read_format(json_array_get(list, i), &format, err) < 0)
            return dr_err_wrap(err, "signature %zu", i);
        if (i > 0 && !same_format(&format, ret))
            return dr_fail(err, DR_ERR_FORMAT, "its signatures are over different documents");
        *ret = format;
    }
    return 0;
}

/* libtrust's "pretty signature": the signatures stand inside of the document that they sign. Without any, the
 * document is all there is. */
static int find_payload(const char *data, size_t size, struct dr_buf *ret_payload,
                        struct dr_err *err)
{
    json_auto_t *document = dr_json_parse(data, size, WHAT, err);
    const json_t *signatures = json_object_get(document, "signatures");
    struct format format = {.length = size};

    if (!document || (signatures && read_signatures(signatures, &format, err) < 0))
        return -1;
    if (format.length > size)
        return dr_fail(err, DR_ERR_FORMAT, "its signatures are over more bytes than it has");
    if (dr_buf_add(ret_payload, data, format.length, err) < 0)
        return -1;
    return dr_buf_add(ret_payload, format.tail, format.tail_size, err);
}

/* One entry of fsLayers and history; the newest comes first. */
struct entry {
    struct dr_v1_image v1;
    const char *text; /* borrowed from the payload's JSON */
    struct dr_digest blob;
    struct dr_buf item;
    bool kept; /* false: its older neighbour has the same ID */
};

static void free_entries(struct entry **entries)
{
    for (size_t i = 0; *entries && (*entries)[i].text; i++)
        dr_buf_release(&(*entries)[i].item);
    free(*entries);
}

static int read_entry(const json_t *layer, const json_t *history, struct entry *ret,
                      struct dr_err *err)
{
    const char *digest;

    if (dr_json_get_string(layer, "blobSum", &digest, err) < 0 ||
        dr_digest_parse(digest, &ret->blob, err) < 0)
        return -1;
    ret->item = (struct dr_buf)DR_BUF_INIT(DR_SCHEMA1_CONFIG_MAX);
    if (dr_json_get_string(history, "v1Compatibility", &ret->text, err) < 0)
        return -1;
    return dr_v1_image_read(ret->text, strlen(ret->text), &ret->v1, &ret->item, err);
}

/* New array, ended by an entry without text. */
static struct entry *read_entries(const json_t *manifest, size_t *ret_count, struct dr_err *err)
{
    __attribute__((cleanup(free_entries))) struct entry *entries = NULL;
    json_t *layers;
    json_t *history;
    size_t count;

    if (dr_json_get_array(manifest, "fsLayers", &layers, err) < 0 ||
        dr_json_get_array(manifest, "history", &history, err) < 0)
        return NULL;
    count = json_array_size(layers);
    if (count != json_array_size(history) || count < 1 || count > DR_LAYERS_MAX) {
        dr_fail(err, DR_ERR_FORMAT, "it has %zu layers and %zu entries of history", count,
                json_array_size(history));
        return NULL;
    }
    entries = calloc(count + 1, sizeof *entries);
    if (!entries) {
        dr_fail_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (read_entry(json_array_get(layers, i), json_array_get(history, i), &entries[i], err) <
            0) {
            dr_err_wrap(err, "entry %zu", i);
            return NULL;
        }
    }
    *ret_count = count;
    return dr_steal(entries);
}

static bool is_seen(const struct entry *entries, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].v1.id, id) == 0)
            return true;
    }
    return false;
}

/* Docker's fixManifestLayers(): of neighbours with one ID the oldest stays; every other has its parent next to it. */
static int check_chain(struct entry *entries, size_t count, struct dr_err *err)
{
    if (*entries[count - 1].v1.parent)
        return dr_fail(err, DR_ERR_FORMAT, "its base layer has a parent, which is not in it");
    for (size_t i = 0; i < count; i++) {
        const struct dr_v1_image *v1 = &entries[i].v1;
        const struct dr_v1_image *older = i + 1 < count ? &entries[i + 1].v1 : NULL;

        if (i > 0 && strcmp(entries[i - 1].v1.id, v1->id) != 0 && is_seen(entries, i, v1->id))
            return dr_fail(err, DR_ERR_FORMAT, "the ID %s is there several times", v1->id);
        entries[i].kept = !older || strcmp(older->id, v1->id) != 0;
        if (older && entries[i].kept && strcmp(v1->parent, older->id) != 0)
            return dr_fail(err, DR_ERR_FORMAT, "the parent of %s is '%s', but %s follows", v1->id,
                           v1->parent, older->id);
    }
    return 0;
}

/* Oldest first, as everywhere but here. */
static int take_entries(const struct entry *entries, size_t count, struct dr_schema1 *image,
                        struct dr_err *err)
{
    dr_auto_buf struct dr_buf history = DR_BUF_INIT(DR_SCHEMA1_CONFIG_MAX);
    const struct entry *newest = &entries[count - 1];

    image->layers = calloc(count, sizeof *image->layers);
    if (!image->layers)
        return dr_fail_memory(err);
    for (size_t i = count; i-- > 0;) {
        const struct entry *entry = &entries[i];

        if (!entry->kept)
            continue;
        if (dr_buf_add_text(&history, history.size ? "," : "[", err) < 0 ||
            dr_buf_add(&history, entry->item.data, entry->item.size, err) < 0)
            return -1;
        if (!entry->v1.throwaway)
            image->layers[image->layer_count++].blob = entry->blob;
        newest = entry;
    }
    if (dr_buf_add_text(&history, "]", err) < 0)
        return -1;
    image->has_version = newest->v1.has_version;
    return dr_v1_config(newest->text, strlen(newest->text), history.data, image->layer_count,
                        &image->before, &image->after, err);
}

static int parse(const char *data, size_t size, struct dr_schema1 *image, struct dr_err *err)
{
    dr_auto_buf struct dr_buf payload = DR_BUF_INIT(size + TAIL_MAX);
    __attribute__((cleanup(free_entries))) struct entry *entries = NULL;
    json_auto_t *manifest = NULL;
    enum dr_manifest_kind kind;
    size_t count = 0;

    if (find_payload(data, size, &payload, err) < 0)
        return -1;
    dr_digest_of(payload.data, payload.size, &image->digest);
    /* The document around it may say anything. */
    if (dr_manifest_classify(payload.data, payload.size, NULL, &kind, err) < 0)
        return -1;
    if (kind != DR_MANIFEST_SCHEMA1)
        return dr_fail(err, DR_ERR_FORMAT, "what is signed is no schema 1 manifest");
    manifest = dr_json_parse(payload.data, payload.size, WHAT, err);
    entries = manifest ? read_entries(manifest, &count, err) : NULL;
    if (!entries || check_chain(entries, count, err) < 0)
        return -1;
    return take_entries(entries, count, image, err);
}

int dr_schema1_parse(const void *data, size_t size, struct dr_schema1 *ret_image,
                     struct dr_err *err)
{
    dr_auto_schema1 struct dr_schema1 image = DR_SCHEMA1_INIT;

    if (parse(data, size, &image, err) < 0)
        return dr_err_wrap(err, "read " WHAT);
    dr_schema1_release(ret_image);
    *ret_image = image;
    image = (struct dr_schema1)DR_SCHEMA1_INIT;
    return 0;
}

void dr_schema1_release(struct dr_schema1 *image)
{
    free(image->layers);
    dr_buf_release(&image->before);
    dr_buf_release(&image->after);
    image->layers = NULL;
    image->layer_count = 0;
}

int dr_schema1_config(const struct dr_schema1 *image, struct dr_buf *ret_config, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    dr_buf_clear(ret_config);
    if (dr_buf_add(ret_config, image->before.data, image->before.size, err) < 0)
        return -1;
    for (size_t i = 0; i < image->layer_count; i++) {
        if (dr_buf_printf(ret_config, err, "%s\"%s\"", i ? "," : "",
                          dr_digest_text(&image->layers[i].diff_id, digest)) < 0)
            return -1;
    }
    return dr_buf_add(ret_config, image->after.data, image->after.size, err);
}

int dr_schema1_manifest(const struct dr_schema1 *image, const struct dr_digest *config,
                        uint64_t config_size, struct dr_buf *ret_manifest, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    dr_buf_clear(ret_manifest);
    if (dr_buf_printf(ret_manifest, err,
                      "{\"schemaVersion\":2,\"mediaType\":\"" DR_MEDIA_DOCKER_MANIFEST
                      "\",\"config\":{\"mediaType\":\"" DR_MEDIA_DOCKER_CONFIG
                      "\",\"size\":%llu,\"digest\":\"%s\"},\"layers\":[",
                      (unsigned long long)config_size, dr_digest_text(config, digest)) < 0)
        return -1;
    for (size_t i = 0; i < image->layer_count; i++) {
        const struct dr_schema1_layer *layer = &image->layers[i];

        if (dr_buf_printf(ret_manifest, err, "%s{\"mediaType\":%s,\"size\":%llu,\"digest\":\"%s\"}",
                          i ? "," : "", layer->plain ? PLAIN_LAYER : GZIP_LAYER,
                          (unsigned long long)layer->size,
                          dr_digest_text(&layer->blob, digest)) < 0)
            return -1;
    }
    return dr_buf_add_text(ret_manifest, "]}", err);
}
