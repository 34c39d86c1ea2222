/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bundle/receipt/text.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* Where the images of the bundle are in the registry; owned. */
static struct dr_reference *place_all(const struct dr_bundle *bundle,
                                      const struct dr_destination *destination, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    dr_autofree struct dr_reference *targets = calloc(count + 1, sizeof *targets);

    if (!targets) {
        dr_fail_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (dr_destination_place(destination, &images[i].reference, &targets[i], err) < 0)
            return NULL;
    }
    return dr_steal(targets);
}

/* Two names of the bundle may be one repository here: the gap is in both then. */
static void note_layer(struct dr_receipt *receipt, const struct dr_bundle *bundle,
                       const struct dr_reference *targets, const struct dr_audit_gap *gap,
                       enum dr_receipt_state state)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);
    char name[DR_REFERENCE_TEXT];

    for (size_t i = 0; i < count; i++) {
        if (strcmp(targets[i].repository, gap->target.repository) != 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", images[i].reference.host,
                 images[i].reference.repository);
        dr_receipt_set_layer(receipt, name, &gap->digest, state);
    }
}

static void note_gap(struct dr_receipt *receipt, const struct dr_bundle *bundle,
                     const struct dr_reference *targets, const struct dr_audit_gap *gap)
{
    enum dr_receipt_state state = gap->damaged ? DR_RECEIPT_DAMAGED : DR_RECEIPT_MISSING;
    size_t count;
    const struct dr_bundle_image *image = &dr_bundle_images(bundle, &count)[gap->image];
    char name[DR_REFERENCE_TEXT];

    if (gap->kind == DR_AUDIT_LAYER)
        note_layer(receipt, bundle, targets, gap, state);
    else
        dr_receipt_set_image(receipt, dr_reference_text(&image->reference, name), state);
}

static int fill(struct dr_receipt *receipt, const struct dr_bundle *bundle,
                const struct dr_destination *destination, const struct dr_audit *audit,
                struct dr_err *err)
{
    dr_autofree struct dr_reference *targets = place_all(bundle, destination, err);
    char registry[DR_RECEIPT_REGISTRY + 2];

    if (!targets)
        return -1;
    snprintf(registry, sizeof registry, "%s%s%s", destination->host,
             *destination->prefix ? "/" : "", destination->prefix);
    receipt->registry = dr_receipt_keep(receipt, registry, err);
    if (!receipt->registry)
        return -1;
    for (size_t i = 0; i < audit->gap_count; i++)
        note_gap(receipt, bundle, targets, &audit->gaps[i]);
    return 0;
}

void dr_receipt_tell(const struct dr_receipt_saved *saved, const struct dr_log *log)
{
    const struct dr_receipt_totals *totals = &saved->totals;
    char name[DR_DIGEST_TEXT];
    char size[16];

    if (!saved->path)
        return;
    dr_text_size(saved->size, size);
    dr_log_say(log,
               "receipt: '%s' (%s, %s) says that the registry has %zu of %zu images and %zu of "
               "%zu layers",
               saved->path, size, dr_digest_text(&saved->digest, name), totals->images_there,
               totals->images, totals->layers_there, totals->layers);
}

json_t *dr_receipt_describe(const struct dr_receipt_saved *saved)
{
    const struct dr_receipt_totals *totals = &saved->totals;
    char name[DR_DIGEST_TEXT];

    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", saved->path, "digest",
                     dr_digest_text(&saved->digest, name), "bytes", (json_int_t)saved->size,
                     "images", (json_int_t)totals->images, "images_there",
                     (json_int_t)totals->images_there, "layers", (json_int_t)totals->layers,
                     "layers_there", (json_int_t)totals->layers_there);
}

int dr_receipt_save(const struct dr_receipt_wish *wish, const struct dr_bundle *bundle,
                    const struct dr_destination *destination, const struct dr_audit *audit,
                    bool deep, int64_t when, struct dr_receipt_saved *ret_saved, struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(DR_RECEIPT_MAX);

    if (!wish->path)
        return 0;
    if (dr_receipt_make(bundle, &receipt, err) < 0 ||
        fill(&receipt, bundle, destination, audit, err) < 0)
        return -1;
    receipt.time = when;
    receipt.hashed = deep;
    if (dr_receipt_sign(&receipt, wish->key, &text, err) < 0 ||
        dr_file_save(wish->path, 0644, text.data, text.size, err) < 0)
        return dr_err_wrap(err, "write the receipt '%s'", wish->path);
    ret_saved->path = wish->path;
    ret_saved->size = text.size;
    dr_digest_of(text.data, text.size, &ret_saved->digest);
    dr_receipt_count(&receipt, &ret_saved->totals);
    return 0;
}

int dr_receipt_take(const struct dr_receipt_wish *wish, struct dr_registry *registry,
                    const struct dr_bundle *bundle, const struct dr_destination *destination,
                    const struct dr_log *log, struct dr_receipt_saved *ret_saved,
                    struct dr_err *err)
{
    dr_auto_audit struct dr_audit audit = DR_AUDIT_INIT;
    int64_t when = time(NULL);

    if (!wish->path)
        return 0;
    if (dr_audit_bundle(registry, bundle, destination, false, log, &audit, err) < 0 ||
        dr_receipt_save(wish, bundle, destination, &audit, false, when, ret_saved, err) < 0)
        return dr_err_advise(err, "the registry has all of the bundle; 'drover audit --receipt' "
                                  "makes the receipt");
    if (audit.gap_count > 0)
        return dr_fail(err, DR_ERR_PROOF,
                       "the registry took all of the bundle, and lacks %zu of it already: %s",
                       audit.gap_count, audit.gaps[0].text);
    return 0;
}
