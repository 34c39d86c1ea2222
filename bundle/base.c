/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle/base_receipt.h"
#include "bundle/fetched.h"
#include "bundle/file/document.h"
#include "bundle/file/reader.h"
#include "bundle/file/stream.h"
#include "bundle/receipt/text.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/* One run over the bases. */
struct reading {
    struct dr_bases *bases;
    const struct dr_bundle_options *options;
    struct dr_sources *sources;
    struct dr_bundle_trust trust;
};

void dr_bases_release(struct dr_bases *bases)
{
    json_decref(bases->list);
    json_decref(bases->names);
    free(bases->layers);
    *bases = (struct dr_bases)DR_BASES_INIT;
}

int dr_bases_add_layer(struct dr_bases *bases, const struct dr_descriptor *layer,
                       const char *diff_id, struct dr_err *err)
{
    struct dr_base_layer *added;

    if (bases->count == bases->room) {
        size_t room = bases->room ? 2 * bases->room : 64;
        struct dr_base_layer *more = reallocarray(bases->layers, room, sizeof *more);

        if (!more)
            return dr_fail_memory(err);
        bases->layers = more;
        bases->room = room;
    }
    added = &bases->layers[bases->count++];
    *added = (struct dr_base_layer){
        .digest = layer->digest,
        .base = json_array_size(bases->list) - 1,
        .image = json_array_size(bases->names) - 1,
        .plain = dr_text_ends(layer->media_type, ".tar"),
    };
    added->has_diff_id = diff_id && dr_digest_parse(diff_id, &added->diff_id, NULL) == 0;
    return 0;
}

/* The layers of one image of the base that was added last. Its config has their diff IDs, in the same order. */
static int add_image(struct dr_bases *bases, const struct dr_reference *reference,
                     const struct dr_image_manifest *content, const struct dr_buf *config,
                     struct dr_err *err)
{
    json_auto_t *parsed =
        config->size ? dr_json_parse(config->data, config->size, "config", NULL) : NULL;
    const json_t *diff_ids = dr_json_at(parsed, "rootfs", "diff_ids", NULL);
    bool fits = json_array_size(diff_ids) == content->layer_count;
    char name[DR_REFERENCE_TEXT];

    if (dr_json_append(bases->names, json_string(dr_reference_text(reference, name)), err) < 0)
        return -1;
    for (size_t i = 0; i < content->layer_count; i++) {
        const char *diff_id = fits ? json_string_value(json_array_get(diff_ids, i)) : NULL;

        if (dr_bases_add_layer(bases, &content->layers[i], diff_id, err) < 0)
            return -1;
    }
    return 0;
}

static json_t *digest_json(const struct dr_digest *digest)
{
    char text[DR_DIGEST_TEXT];

    return json_string(dr_digest_text(digest, text));
}

int dr_bases_add(struct dr_bases *bases, const struct dr_bundle_about *about,
                 const struct dr_digest *sums, struct dr_err *err)
{
    json_t *base = json_pack("{s:s*, s:s, s:s, s:I, s:o}", "release", about->release, "created",
                             about->created, "channel", about->channel, "serial",
                             (json_int_t)about->serial, "id", digest_json(&about->id));

    if (dr_json_append(bases->list, base, err) < 0)
        return -1;
    return sums ? dr_json_set(base, "sums", digest_json(sums), err) : 0;
}

/* With all images of a list. */
static int add_bundle_image(struct dr_bases *bases, const struct dr_bundle *bundle,
                            const struct dr_bundle_image *image, struct dr_err *err)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        dr_auto_buf struct dr_buf config = DR_BUF_INIT(DR_MANIFEST_MAX);

        if (dr_bundle_blob_load(bundle, &content->config.digest, &config, err) < 0 ||
            add_image(bases, &image->reference, content, &config, err) < 0)
            return -1;
    }
    return 0;
}

static int read_bundle(struct reading *reading, const char *path, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open_begin(path, &reading->trust, err);
    const struct dr_bundle_image *images;
    size_t count;

    if (!bundle) {
        if (err && err->code == DR_ERR_VERIFY)
            dr_err_advise(err, "if somebody else signed it, name his key by --pubkey");
        return -1;
    }
    if (reading->trust.unverified)
        dr_log_warn(reading->sources->log,
                    "'%s' is NOT VERIFIED: --pubkey, or --key, checks who signed it", path);
    images = dr_bundle_images(bundle, &count);
    if (dr_bases_add(reading->bases, dr_bundle_about(bundle), &dr_bundle_about(bundle)->whole,
                     err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (add_bundle_image(reading->bases, bundle, &images[i], err) < 0)
            return -1;
    }
    return 0;
}

static int add_fetched(struct dr_bases *bases, const struct dr_reference *reference,
                       const struct dr_fetched *fetched, struct dr_err *err)
{
    static const struct dr_buf none;
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(&fetched->image, i)); i++) {
        const struct dr_buf *config = dr_fetched_find(fetched, &content->config.digest);

        if (add_image(bases, reference, content,
                      config && !fetched->image.conversion ? config : &none, err) < 0)
            return -1;
    }
    return 0;
}

/* What an image of a bundle.json consists of says the registry that it came from. One that is converted has no diff IDs
 * before its layers were read. */
static int ask_image(struct reading *reading, const struct dr_bundle_image *image,
                     struct dr_err *err)
{
    struct dr_wanted wanted = {.reference = image->reference, .role = image->role};
    struct dr_fetched fetched;
    struct dr_err why = DR_ERR_INIT;
    char name[DR_REFERENCE_TEXT];
    int done;

    wanted.reference.has_digest = true;
    wanted.reference.digest = image->conversion ? image->source : image->manifest.digest;
    done = dr_fetched_get(&fetched, reading->sources, &wanted, NULL, &why);
    if (done == 0)
        done = add_fetched(reading->bases, &image->reference, &fetched, &why);
    dr_fetched_release(&fetched);
    if (done == 0)
        return 0;
    if (why.code != DR_ERR_ABSENT) {
        if (err)
            *err = why;
        return -1;
    }
    dr_log_warn(reading->sources->log,
                "what %s consisted of can't be asked for any more, so its layers are not left out: "
                "%s",
                dr_reference_familiar(&image->reference, name), why.text);
    return 0;
}

static int read_document(struct reading *reading, const char *path, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_DOCUMENT_MAX);
    dr_auto_document struct dr_document document = DR_DOCUMENT_INIT;

    if (dr_file_read(path, &text, err) < 0 ||
        dr_document_parse(text.data, text.size, &document, err) < 0)
        return -1;
    dr_log_say(reading->sources->log,
               "'%s' bears no signature: what it names is taken as given, and mirror will ask the "
               "registry for it",
               path);
    if (dr_bases_add(reading->bases, &document.about, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < document.image_count; i++) {
        if (ask_image(reading, &document.images[i], err) < 0)
            return -1;
    }
    return 0;
}

static int read_base(struct reading *reading, const char *path, struct dr_err *err)
{
    dr_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char begin[64];
    ssize_t size;

    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "open it");
    size = read(fd, begin, sizeof begin);
    if (size < 0 && errno == EISDIR)
        return dr_fail(err, DR_ERR_USAGE,
                       "it is a folder: of a bundle in volumes name one of these, any is enough");
    if (size < 0)
        return dr_fail_errno(err, DR_ERR_IO, "read it");
    if (size > 0 && *begin == '{')
        return read_document(reading, path, err);
    if (size >= 2 && (memcmp(begin, "01", 2) == 0 || memcmp(begin, "# ", 2) == 0))
        return dr_fail(
            err, DR_ERR_USAGE,
            "it is the code of a receipt; 'drover receipt read' makes the receipt of it");
    if (dr_receipt_is_text(begin, (size_t)size))
        return dr_base_receipt_read(reading->bases, path, &reading->trust, reading->sources->log,
                                    err);
    return read_bundle(reading, path, err);
}

static int by_digest(const void *a, const void *b)
{
    const struct dr_base_layer *one = a;
    const struct dr_base_layer *other = b;
    int compared = dr_digest_compare(&one->digest, &other->digest);

    if (compared)
        return compared;
    if (one->base != other->base)
        return one->base < other->base ? -1 : 1;
    return one->image < other->image ? -1 : one->image > other->image;
}

int dr_bases_read(struct dr_bases *bases, const struct dr_bundle_options *options,
                  const struct dr_key *key, struct dr_sources *sources, struct dr_err *err)
{
    dr_autofree const struct dr_key **keys = calloc(options->base_key_count + 1, sizeof *keys);
    size_t key_count = options->base_key_count;
    struct reading reading = {.bases = bases, .options = options, .sources = sources};

    if (options->base_count == 0)
        return 0;
    bases->list = json_array();
    bases->names = json_array();
    if (!keys || !bases->list || !bases->names)
        return dr_fail_memory(err);
    for (size_t i = 0; i < key_count; i++)
        keys[i] = options->base_keys[i];
    if (key)
        keys[key_count++] = key;
    /* It may have expired since: it is built on, not taken. */
    reading.trust = (struct dr_bundle_trust){.keys = keys,
                                             .key_count = key_count,
                                             .threshold = 1,
                                             .ignore_clock = true,
                                             .unverified = key_count == 0};
    for (size_t i = 0; i < options->base_count; i++) {
        if (read_base(&reading, options->bases[i], err) < 0)
            return dr_err_wrap(err, "the base '%s'", options->bases[i]);
    }
    if (bases->count > 0) /* a receipt may tell of nothing */
        qsort(bases->layers, bases->count, sizeof *bases->layers, by_digest);
    return 0;
}

/* The first of the base's layers with that digest; bases->count: none. */
static size_t find_layer(const struct dr_bases *bases, const struct dr_digest *digest)
{
    size_t low = 0;
    size_t high = bases->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (dr_digest_compare(&bases->layers[middle].digest, digest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < bases->count && dr_digest_equal(&bases->layers[low].digest, digest) ? low
                                                                                     : bases->count;
}

/* One image of each base that has the layer at `first`. */
static json_t *list_holders(const struct dr_bases *bases, size_t first, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = first; i < bases->count; i++) {
        const struct dr_base_layer *layer = &bases->layers[i];

        if (!dr_digest_equal(&layer->digest, &bases->layers[first].digest))
            break;
        if (i > first && layer->base == layer[-1].base)
            continue;
        if (dr_json_append(list,
                           json_pack("{s:I, s:O}", "base", (json_int_t)layer->base, "image",
                                     json_array_get(bases->names, layer->image)),
                           err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static int compare_blobs(const void *a, const void *b)
{
    return dr_digest_compare(&((const struct dr_bundle_blob *)a)->digest,
                             &((const struct dr_bundle_blob *)b)->digest);
}

/* A layer of a converted image whose diff ID no base tells has to be fetched. */
static bool can_unpack(const struct dr_bases *bases, size_t first,
                       const struct dr_unpacking *unpacking)
{
    const struct dr_digest *digest = &bases->layers[first].digest;
    struct dr_unpacked *unpacked = dr_unpacking_find(unpacking, digest);

    for (size_t i = first; unpacked && !unpacked->done && i < bases->count &&
                           dr_digest_equal(&bases->layers[i].digest, digest);
         i++) {
        if (!bases->layers[i].has_diff_id)
            continue;
        unpacked->diff_id = bases->layers[i].diff_id;
        unpacked->plain = bases->layers[i].plain;
        unpacked->done = true;
    }
    return !unpacked || unpacked->done;
}

static int list_required(const struct dr_bases *bases, const struct dr_bundle_blob *blobs,
                         size_t count, const struct dr_unpacking *unpacking, json_t *list,
                         struct dr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t found = blobs[i].layer ? find_layer(bases, &blobs[i].digest) : bases->count;
        json_t *holders;

        if (found == bases->count || !can_unpack(bases, found, unpacking))
            continue;
        holders = list_holders(bases, found, err);
        if (!holders ||
            dr_json_append(list,
                           json_pack("{s:o, s:I, s:o}", "digest", digest_json(&blobs[i].digest),
                                     "size", (json_int_t)blobs[i].size, "known", holders),
                           err) < 0)
            return -1;
    }
    return 0;
}

int dr_bases_delta(struct dr_bases *bases, const struct dr_bundle_image *images, size_t count,
                   struct dr_unpacking *unpacking, struct dr_delta **ret_delta, struct dr_err *err)
{
    dr_autofree struct dr_bundle_blob *blobs = NULL;
    json_auto_t *required = json_array();
    size_t blob_count;

    *ret_delta = NULL;
    if (!bases->list)
        return 0;
    if (dr_images_blobs(images, count, &blobs, &blob_count, err) < 0)
        return -1;
    qsort(blobs, blob_count, sizeof *blobs, compare_blobs);
    if (list_required(bases, blobs, blob_count, unpacking, required, err) < 0)
        return -1;
    if (json_array_size(required) == 0)
        return 0;
    *ret_delta = dr_delta_new(bases->list, required, err);
    return *ret_delta ? 0 : -1;
}
