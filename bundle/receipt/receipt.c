/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/receipt/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/text.h"

#define CONFIG_MAX (4u << 20)

void dr_receipt_release(struct dr_receipt *receipt)
{
    for (size_t i = 0; i < receipt->text_count; i++)
        free(receipt->texts[i]);
    free(receipt->texts);
    free(receipt->repositories);
    free(receipt->images);
    free(receipt->layers);
    *receipt = (struct dr_receipt)DR_RECEIPT_INIT;
}

const char *dr_receipt_keep(struct dr_receipt *receipt, const char *text, struct dr_err *err)
{
    size_t count = receipt->text_count;

    /* Room for a power of two. */
    if ((count & (count - 1)) == 0) {
        char **more = reallocarray(receipt->texts, count ? 2 * count : 1, sizeof *more);

        if (!more) {
            dr_fail_memory(err);
            return NULL;
        }
        receipt->texts = more;
    }
    receipt->texts[count] = dr_text_copy(text, err);
    if (!receipt->texts[count])
        return NULL;
    return receipt->texts[receipt->text_count++];
}

/* ---- what follows from a bundle */

/* An image on its way into its repository. */
struct entry {
    const char *repository;
    const char *reference;
    const struct dr_bundle_image *image;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a;
    const struct entry *other = b;
    int order = strcmp(one->repository, other->repository);

    return order ? order : strcmp(one->reference, other->reference);
}

/* Of one layer that several images have, what tells more comes first. */
static int compare_layers(const void *a, const void *b)
{
    const struct dr_receipt_layer *one = a;
    const struct dr_receipt_layer *other = b;
    int order = dr_digest_compare(&one->digest, &other->digest);

    return order ? order : other->has_diff_id - one->has_diff_id;
}

static int list_images(const struct dr_bundle *bundle, struct dr_receipt *receipt,
                       struct entry **ret_entries, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    dr_autofree struct entry *entries = calloc(count + 1, sizeof *entries);
    size_t layers = 0;

    if (!entries)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct dr_reference *reference = &images[i].reference;
        char name[DR_REFERENCE_TEXT];

        snprintf(name, sizeof name, "%s/%s", reference->host, reference->repository);
        entries[i].image = &images[i];
        entries[i].repository = dr_receipt_keep(receipt, name, err);
        entries[i].reference = dr_receipt_keep(receipt, dr_reference_text(reference, name), err);
        if (!entries[i].repository || !entries[i].reference)
            return -1;
        layers += dr_bundle_image_layer_count(&images[i]);
    }
    qsort(entries, count, sizeof *entries, compare_entries);
    receipt->images = calloc(count + 1, sizeof *receipt->images);
    receipt->layers = calloc(layers + 1, sizeof *receipt->layers);
    receipt->repositories = calloc(count + 1, sizeof *receipt->repositories);
    if (!receipt->images || !receipt->layers || !receipt->repositories)
        return dr_fail_memory(err);
    receipt->image_count = count;
    *ret_entries = dr_steal(entries);
    return 0;
}

static int tell_diff_ids(const struct dr_bundle *bundle, const struct dr_image_manifest *content,
                         struct dr_receipt_layer *layers, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(CONFIG_MAX);
    json_auto_t *config = NULL;
    const json_t *diff_ids;

    if (dr_bundle_blob_load(bundle, &content->config.digest, &text, err) < 0)
        return -1;
    config = dr_json_parse(text.data, text.size, "config", err);
    if (!config)
        return -1;
    diff_ids = dr_json_at(config, "rootfs", "diff_ids", NULL);
    for (size_t i = 0; i < content->layer_count; i++) {
        const char *diff_id = json_string_value(json_array_get(diff_ids, i));

        layers[i].has_diff_id = diff_id && dr_digest_parse(diff_id, &layers[i].diff_id, NULL) == 0;
        layers[i].plain =
            layers[i].has_diff_id && dr_text_ends(content->layers[i].media_type, ".tar");
    }
    return 0;
}

static int add_layers(const struct dr_bundle *bundle, const struct dr_bundle_image *image,
                      struct dr_receipt *receipt, struct dr_err *err)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        struct dr_receipt_layer *layers = &receipt->layers[receipt->layer_count];

        for (size_t j = 0; j < content->layer_count; j++) {
            layers[j].digest = content->layers[j].digest;
            layers[j].size = content->layers[j].size;
        }
        if (image->conversion && tell_diff_ids(bundle, content, layers, err) < 0)
            return -1;
        receipt->layer_count += content->layer_count;
    }
    return 0;
}

/* Sorted, each once. */
static void close_repository(struct dr_receipt *receipt, struct dr_receipt_repository *repository)
{
    size_t count = (size_t)(&receipt->layers[receipt->layer_count] - repository->layers);
    size_t kept = 0;

    qsort(repository->layers, count, sizeof *repository->layers, compare_layers);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 ||
            !dr_digest_equal(&repository->layers[kept - 1].digest, &repository->layers[i].digest))
            repository->layers[kept++] = repository->layers[i];
    }
    repository->layer_count = kept;
    receipt->layer_count -= count - kept;
    memset(&repository->layers[kept], 0, (count - kept) * sizeof *repository->layers);
}

static int list_repositories(const struct dr_bundle *bundle, struct dr_receipt *receipt,
                             const struct entry *entries, struct dr_err *err)
{
    struct dr_receipt_repository *last = NULL;

    for (size_t i = 0; i < receipt->image_count; i++) {
        if (!last || strcmp(last->name, entries[i].repository) != 0) {
            if (last)
                close_repository(receipt, last);
            last = &receipt->repositories[receipt->repository_count++];
            last->name = entries[i].repository;
            last->images = &receipt->images[i];
            last->layers = &receipt->layers[receipt->layer_count];
        }
        receipt->images[i] = (struct dr_receipt_image){.reference = entries[i].reference,
                                                       .digest = entries[i].image->manifest.digest};
        last->image_count++;
        if (add_layers(bundle, entries[i].image, receipt, err) < 0)
            return -1;
    }
    if (last)
        close_repository(receipt, last);
    return 0;
}

static int make(const struct dr_bundle *bundle, struct dr_receipt *receipt, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    dr_autofree struct entry *entries = NULL;

    receipt->sums = about->whole;
    receipt->id = about->id;
    receipt->serial = about->serial;
    receipt->channel = dr_receipt_keep(receipt, about->channel, err);
    receipt->created = dr_receipt_keep(receipt, about->created, err);
    if (!receipt->channel || !receipt->created)
        return -1;
    if (about->release && !(receipt->release = dr_receipt_keep(receipt, about->release, err)))
        return -1;
    return list_images(bundle, receipt, &entries, err) < 0
               ? -1
               : list_repositories(bundle, receipt, entries, err);
}

int dr_receipt_make(const struct dr_bundle *bundle, struct dr_receipt *ret_receipt,
                    struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    if (make(bundle, &receipt, err) < 0)
        return dr_err_wrap(err, "list what a receipt says");
    *ret_receipt = receipt;
    receipt = (struct dr_receipt)DR_RECEIPT_INIT;
    return 0;
}

/* ---- states */

const char *dr_receipt_state_text(enum dr_receipt_state state)
{
    static const char *const words[] = {
        [DR_RECEIPT_THERE] = "there",
        [DR_RECEIPT_MISSING] = "missing",
        [DR_RECEIPT_DAMAGED] = "damaged",
    };

    return words[state];
}

static void worsen(enum dr_receipt_state *state, enum dr_receipt_state by)
{
    if (by > *state)
        *state = by;
}

void dr_receipt_set_image(struct dr_receipt *receipt, const char *reference,
                          enum dr_receipt_state state)
{
    for (size_t i = 0; i < receipt->image_count; i++) {
        if (strcmp(receipt->images[i].reference, reference) == 0)
            worsen(&receipt->images[i].state, state);
    }
}

void dr_receipt_set_layer(struct dr_receipt *receipt, const char *repository,
                          const struct dr_digest *digest, enum dr_receipt_state state)
{
    for (size_t i = 0; i < receipt->repository_count; i++) {
        struct dr_receipt_repository *of = &receipt->repositories[i];

        for (size_t j = 0; strcmp(of->name, repository) == 0 && j < of->layer_count; j++) {
            if (dr_digest_equal(&of->layers[j].digest, digest))
                worsen(&of->layers[j].state, state);
        }
    }
}

enum dr_receipt_state *dr_receipt_next(const struct dr_receipt *receipt,
                                       struct dr_receipt_cursor *cursor)
{
    while (cursor->repository < receipt->repository_count) {
        const struct dr_receipt_repository *of = &receipt->repositories[cursor->repository];
        size_t line = cursor->line++;

        if (line < of->image_count)
            return &of->images[line].state;
        if (line - of->image_count < of->layer_count)
            return &of->layers[line - of->image_count].state;
        cursor->repository++;
        cursor->line = 0;
    }
    return NULL;
}

void dr_receipt_count(const struct dr_receipt *receipt, struct dr_receipt_totals *ret_totals)
{
    *ret_totals =
        (struct dr_receipt_totals){.images = receipt->image_count, .layers = receipt->layer_count};
    for (size_t i = 0; i < receipt->image_count; i++)
        ret_totals->images_there += receipt->images[i].state == DR_RECEIPT_THERE;
    for (size_t i = 0; i < receipt->layer_count; i++) {
        bool there = receipt->layers[i].state == DR_RECEIPT_THERE;

        ret_totals->layers_there += there;
        ret_totals->bytes += receipt->layers[i].size;
        ret_totals->bytes_there += there ? receipt->layers[i].size : 0;
    }
}
