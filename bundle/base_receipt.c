/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/base_receipt.h"

#include <string.h>
#include <time.h>

#include "bundle/receipt/text.h"
#include "lib/json.h"
#include "lib/text.h"

/* Much can get lost in a registry in that time. */
#define DAYS_MAX 30

static int add_base(struct dr_bases *bases, const struct dr_receipt *receipt, struct dr_err *err)
{
    const struct dr_bundle_about about = {.release = receipt->release,
                                          .created = receipt->created,
                                          .channel = receipt->channel,
                                          .serial = receipt->serial,
                                          .id = receipt->id};
    char digest[DR_DIGEST_TEXT];
    char when[32];

    dr_text_time(receipt->time, when);
    if (dr_bases_add(bases, &about, &receipt->sums, err) < 0)
        return -1;
    return dr_json_set(json_array_get(bases->list, json_array_size(bases->list) - 1), "receipt",
                       json_pack("{s:s, s:s, s:s, s:s}", "registry", receipt->registry, "time",
                                 when, "look", receipt->hashed ? "hashed" : "asked", "digest",
                                 dr_digest_text(&receipt->digest, digest)),
                       err);
}

static int add_there(struct dr_bases *bases, const struct dr_receipt_repository *repository,
                     struct dr_err *err)
{
    if (dr_json_append(bases->names, json_string(repository->images[0].reference), err) < 0)
        return -1;
    for (size_t i = 0; i < repository->layer_count; i++) {
        const struct dr_receipt_layer *there = &repository->layers[i];
        struct dr_descriptor layer = {.digest = there->digest, .size = there->size};
        char diff_id[DR_DIGEST_TEXT];

        if (there->state != DR_RECEIPT_THERE)
            continue;
        if (dr_bases_add_layer(bases, &layer,
                               there->has_diff_id ? dr_digest_text(&there->diff_id, diff_id) : NULL,
                               err) < 0)
            return -1;
        bases->layers[bases->count - 1].plain = there->plain;
    }
    return 0;
}

static void warn_of_age(const struct dr_receipt *receipt, const char *path,
                        const struct dr_log *log)
{
    int64_t age = time(NULL) - receipt->time;
    char when[32];
    char span[32];

    dr_text_time(receipt->time, when);
    dr_text_age(age < 0 ? 0 : (uint64_t)age, span);
    if (age < 0)
        dr_log_warn(log,
                    "the receipt '%s' is of %s, which is yet to come: one of the clocks is wrong",
                    path, when);
    if (age > (int64_t)DAYS_MAX * 86400)
        dr_log_warn(log,
                    "the receipt '%s' is %s old: what the registry %s has lost since, mirror will "
                    "find missing there; 'drover audit --receipt' makes a new one",
                    path, span, receipt->registry);
}

/* Two of one registry, from different times: either is believed, since mirror will ask. */
static void warn_of_other(const struct dr_bases *bases, const struct dr_receipt *receipt,
                          const struct dr_log *log)
{
    json_t *base;
    char when[32];
    size_t i;

    dr_text_time(receipt->time, when);
    json_array_foreach(bases->list, i, base)
    {
        const json_t *other = json_object_get(base, "receipt");
        const char *time = dr_json_string_or(other, "time", when);

        if (strcmp(time, when) != 0 &&
            strcmp(dr_json_string_or(other, "registry", ""), receipt->registry) == 0)
            dr_log_warn(log,
                        "there are receipts of %s and of %s of the registry %s: what either says "
                        "is there is left out",
                        time, when, receipt->registry);
    }
}

static void tell(const struct dr_receipt *receipt, const char *path, const struct dr_log *log)
{
    struct dr_receipt_totals totals;
    char when[32];

    dr_text_time(receipt->time, when);
    dr_receipt_count(receipt, &totals);
    dr_log_say(log, "the receipt '%s': registry %s had %zu of %zu layers of %s%s at %s (%s)", path,
               receipt->registry, totals.layers_there, totals.layers,
               receipt->release ? "Rancher " : "its bundle",
               receipt->release ? receipt->release : "", when,
               receipt->hashed ? "hashed" : "as it said");
}

int dr_base_receipt_read(struct dr_bases *bases, const char *path,
                         const struct dr_bundle_trust *trust, const struct dr_log *log,
                         struct dr_err *err)
{
    dr_auto_receipt struct dr_receipt receipt = DR_RECEIPT_INIT;

    if (trust->key_count == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "it is a receipt, and --pubkey says whose are believed: the public half of "
                       "the far side's receipt key");
    if (dr_receipt_read(path, trust->keys, trust->key_count, &receipt, err) < 0)
        return -1;
    warn_of_age(&receipt, path, log);
    warn_of_other(bases, &receipt, log);
    tell(&receipt, path, log);
    if (add_base(bases, &receipt, err) < 0)
        return -1;
    for (size_t i = 0; i < receipt.repository_count; i++) {
        if (add_there(bases, &receipt.repositories[i], err) < 0)
            return -1;
    }
    return 0;
}
