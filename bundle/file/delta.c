/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/text.h"

#define TEXT_MAX 1024

/* One line of what people can see: these texts are shown. */
static int read_text(const json_t *object, const char *key, const char **ret, struct dr_err *err)
{
    const char *text;

    if (dr_json_get_string(object, key, &text, err) < 0)
        return -1;
    if (strlen(text) > TEXT_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is longer than %d bytes", key, TEXT_MAX);
    for (const char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~')
            return dr_fail(err, DR_ERR_FORMAT, "'%s' is not plain text", key);
    }
    *ret = text;
    return 0;
}

static int read_digest(const json_t *object, const char *key, struct dr_digest *ret,
                       struct dr_err *err)
{
    const char *text;

    return dr_json_get_string(object, key, &text, err) < 0 ? -1 : dr_digest_parse(text, ret, err);
}

/* Another version's may say more. */
static int read_receipt(const json_t *object, struct dr_base_receipt *receipt, struct dr_err *err)
{
    json_t *told;

    if (!json_object_get(object, "receipt"))
        return 0;
    if (dr_json_get_object(object, "receipt", &told, err) < 0 ||
        read_text(told, "registry", &receipt->registry, err) < 0 ||
        read_text(told, "time", &receipt->time, err) < 0)
        return -1;
    return read_digest(told, "digest", &receipt->digest, err);
}

static int read_base(const json_t *object, struct dr_base *base, struct dr_err *err)
{
    if (read_text(object, "created", &base->created, err) < 0 ||
        read_text(object, "channel", &base->channel, err) < 0 ||
        dr_json_get_uint64(object, "serial", &base->serial, err) < 0 ||
        read_digest(object, "id", &base->id, err) < 0)
        return -1;
    if ((json_object_get(object, "release") &&
         read_text(object, "release", &base->release, err) < 0) ||
        read_receipt(object, &base->receipt, err) < 0)
        return -1;
    base->has_sums = json_object_get(object, "sums");
    return base->has_sums ? read_digest(object, "sums", &base->sums, err) : 0;
}

static int read_bases(struct dr_delta *delta, struct dr_err *err)
{
    size_t count = json_array_size(delta->bases_json);

    if (count < 1 || count > DR_BASES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "it names %zu bases", count);
    delta->bases = calloc(count, sizeof *delta->bases);
    if (!delta->bases)
        return dr_fail_memory(err);
    for (; delta->base_count < count; delta->base_count++) {
        if (read_base(json_array_get(delta->bases_json, delta->base_count),
                      &delta->bases[delta->base_count], err) < 0)
            return dr_err_wrap(err, "base %zu", delta->base_count);
    }
    return 0;
}

static int read_holder(const struct dr_delta *delta, const json_t *object, struct dr_holder *holder,
                       struct dr_err *err)
{
    struct dr_reference reference;
    char again[DR_REFERENCE_TEXT];
    uint64_t base;

    if (dr_json_get_uint64(object, "base", &base, err) < 0 ||
        read_text(object, "image", &holder->image, err) < 0 ||
        dr_reference_parse(holder->image, &reference, err) < 0)
        return -1;
    if (base >= delta->base_count)
        return dr_fail(err, DR_ERR_FORMAT, "there is no base %llu", (unsigned long long)base);
    if (strcmp(dr_reference_text(&reference, again), holder->image) != 0)
        return dr_fail(err, DR_ERR_FORMAT, "'%s' is not a whole reference", holder->image);
    holder->base = (size_t)base;
    return 0;
}

static int read_required(const struct dr_delta *delta, const json_t *object,
                         struct dr_required *item, struct dr_holder **cursor, struct dr_err *err)
{
    json_t *holders;
    json_t *holder;
    size_t i;

    if (read_digest(object, "digest", &item->digest, err) < 0 ||
        dr_json_get_uint64(object, "size", &item->size, err) < 0 ||
        dr_json_get_array(object, "known", &holders, err) < 0)
        return -1;
    item->holders = *cursor;
    json_array_foreach(holders, i, holder)
    {
        if (read_holder(delta, holder, (*cursor)++, err) < 0)
            return -1;
    }
    item->holder_count = i;
    return i > 0 ? 0 : dr_fail(err, DR_ERR_FORMAT, "no base has it");
}

static size_t count_holders(const json_t *list)
{
    size_t count = 0;
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) count += json_array_size(json_object_get(item, "known"));
    return count;
}

static int read_items(struct dr_delta *delta, struct dr_err *err)
{
    size_t count = json_array_size(delta->requires_json);
    struct dr_holder *cursor;

    delta->items = calloc(count + 1, sizeof *delta->items);
    cursor = delta->holders = calloc(count_holders(delta->requires_json) + 1, sizeof *cursor);
    if (!delta->items || !cursor)
        return dr_fail_memory(err);
    for (; delta->count < count; delta->count++) {
        struct dr_required *item = &delta->items[delta->count];

        if (read_required(delta, json_array_get(delta->requires_json, delta->count), item, &cursor,
                          err) < 0)
            return dr_err_wrap(err, "required blob %zu", delta->count);
        if (delta->count > 0 && dr_digest_compare(&item[-1].digest, &item->digest) >= 0)
            return dr_fail(err, DR_ERR_FORMAT, "the required blobs are not in order");
        if (item->size > INT64_MAX - delta->bytes)
            return dr_fail(err, DR_ERR_FORMAT, "the required blobs are too large");
        delta->bytes += item->size;
    }
    return 0;
}

struct dr_delta *dr_delta_new(json_t *bases, json_t *required, struct dr_err *err)
{
    dr_auto_delta struct dr_delta *delta = calloc(1, sizeof *delta);

    if (!delta) {
        dr_fail_memory(err);
        return NULL;
    }
    delta->bases_json = json_incref(bases);
    delta->requires_json = json_incref(required);
    if (read_bases(delta, err) < 0 || read_items(delta, err) < 0)
        return NULL;
    return dr_steal(delta);
}

void dr_delta_free(struct dr_delta *delta)
{
    if (!delta)
        return;
    json_decref(delta->bases_json);
    json_decref(delta->requires_json);
    free(delta->bases);
    free(delta->items);
    free(delta->holders);
    free(delta);
}

static int compare_items(const void *a, const void *b)
{
    return dr_digest_compare(&((const struct dr_required *)a)->digest,
                             &((const struct dr_required *)b)->digest);
}

const struct dr_required *dr_delta_find(const struct dr_delta *delta,
                                        const struct dr_digest *digest)
{
    const struct dr_required wanted = {.digest = *digest};

    return delta ? bsearch(&wanted, delta->items, delta->count, sizeof wanted, compare_items)
                 : NULL;
}

int dr_delta_leave_out(const struct dr_delta *delta, struct dr_bundle_blob *blobs, size_t *count,
                       struct dr_err *err)
{
    size_t kept = 0;
    size_t left = 0;

    for (size_t i = 0; i < *count; i++) {
        const struct dr_required *item = dr_delta_find(delta, &blobs[i].digest);
        char digest[DR_DIGEST_TEXT];

        if (!item) {
            blobs[kept++] = blobs[i];
            continue;
        }
        if (!blobs[i].layer || blobs[i].size != item->size)
            return dr_fail(err, DR_ERR_FORMAT,
                           "it leaves out %s, which is no layer of that size in its images",
                           dr_digest_text(&item->digest, digest));
        left++;
    }
    if (delta && left != delta->count)
        return dr_fail(err, DR_ERR_FORMAT, "it leaves out %zu layers that its images do not have",
                       delta->count - left);
    *count = kept;
    return 0;
}

const char *dr_base_text(const struct dr_base *base, char ret[DR_BASE_TEXT])
{
    char sums[DR_DIGEST_TEXT];

    snprintf(ret, DR_BASE_TEXT, "%s%s (serial %llu of channel %s, created %s, %s %s)",
             base->release ? "Rancher " : "images", base->release ? base->release : "",
             (unsigned long long)base->serial, base->channel, base->created,
             base->has_sums ? "SHA256SUMS" : "id",
             dr_digest_text(base->has_sums ? &base->sums : &base->id, sums));
    return ret;
}

/* How much of it one base has. */
static void sum_base(const struct dr_delta *delta, size_t base, size_t *ret_count,
                     uint64_t *ret_bytes)
{
    *ret_count = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < delta->count; i++) {
        for (size_t j = 0; j < delta->items[i].holder_count; j++) {
            if (delta->items[i].holders[j].base != base)
                continue;
            ++*ret_count;
            *ret_bytes += delta->items[i].size;
            break;
        }
    }
}

void dr_delta_print(const struct dr_delta *delta, FILE *to)
{
    char text[DR_BASE_TEXT];
    char size[16];
    uint64_t bytes;
    size_t count;

    if (!delta)
        return;
    dr_text_size(delta->bytes, size);
    fprintf(to,
            "delta: %zu layer%s (%s) left out, which must be in the registry already; known from\n",
            delta->count, delta->count == 1 ? "" : "s", size);
    for (size_t i = 0; i < delta->base_count; i++) {
        const struct dr_base_receipt *receipt = &delta->bases[i].receipt;

        sum_base(delta, i, &count, &bytes);
        dr_text_size(bytes, size);
        if (receipt->registry)
            fprintf(to, "  the receipt of registry %s of %s, for the bundle\n", receipt->registry,
                    receipt->time);
        fprintf(to, "  %s: %zu layer%s, %s\n", dr_base_text(&delta->bases[i], text), count,
                count == 1 ? "" : "s", size);
    }
}
