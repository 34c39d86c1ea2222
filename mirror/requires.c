/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/requires.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/stop.h"
#include "lib/text.h"

/* So many are named one by one. */
#define SHOWN_MAX 20

/* A layer that is left out, and a repository that needs it. */
struct need {
    const struct dr_required *item;
    const char *repository;
    const struct dr_bundle_image *image;
    bool there;
    char from[256]; /* the repository that it can be mounted from; "" when it is there or nowhere */
};

struct check {
    struct dr_registry *registry;
    const struct dr_delta *delta;
    const struct dr_destination *destination;
    const struct dr_log *log;
    struct need *needs; /* by digest, then by repository, each once */
    size_t count;
};

void dr_requires_release(struct dr_requires *requires)
{
    for (size_t i = 0; i < requires->mount_count; i++)
        free(requires->mounts[i].context);
    free(requires->mounts);
    *requires = (struct dr_requires)DR_REQUIRES_INIT;
}

static int compare_needs(const void *a, const void *b)
{
    const struct need *one = a;
    const struct need *other = b;

    if (one->item != other->item)
        return one->item < other->item ? -1 : 1;
    return strcmp(one->repository, other->repository);
}

static void add_needs(struct check *check, const struct dr_mirror_image *mirrored)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(mirrored->image, i)); i++) {
        for (size_t j = 0; j < content->layer_count; j++) {
            const struct dr_required *item =
                dr_delta_find(check->delta, &content->layers[j].digest);

            if (item)
                check->needs[check->count++] = (struct need){
                    .item = item,
                    .repository = mirrored->target.repository,
                    .image = mirrored->image,
                };
        }
    }
}

static int collect(struct check *check, const struct dr_mirror_plan *plan, struct dr_err *err)
{
    size_t room = 1;
    size_t kept = 0;

    for (size_t i = 0; i < plan->image_count; i++)
        room += dr_bundle_image_layer_count(plan->images[i].image);
    check->needs = calloc(room, sizeof *check->needs);
    if (!check->needs)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++)
        add_needs(check, &plan->images[i]);
    qsort(check->needs, check->count, sizeof *check->needs, compare_needs);
    for (size_t i = 0; i < check->count; i++) {
        if (kept == 0 || compare_needs(&check->needs[kept - 1], &check->needs[i]) != 0)
            check->needs[kept++] = check->needs[i];
    }
    check->count = kept;
    return 0;
}

static int ask(const struct check *check, const struct dr_required *item, const char *repository,
               bool *ret_there, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    uint64_t size;

    if (dr_stop_check(err, "asking for what the delta leaves out") < 0 ||
        dr_registry_head_blob(check->registry, repository, &item->digest, ret_there, &size, err) <
            0)
        return -1;
    if (*ret_there && size != item->size && size != UINT64_MAX)
        return dr_fail(err, DR_ERR_PROOF,
                       "%s is in the repository '%s' with %llu bytes instead of %llu",
                       dr_digest_text(&item->digest, digest), repository, (unsigned long long)size,
                       (unsigned long long)item->size);
    return 0;
}

/* Another repository of this bundle that has it. */
static bool find_neighbour(const struct check *check, struct need *need)
{
    for (size_t i = 0; i < check->count; i++) {
        const struct need *other = &check->needs[i];

        if (other->item == need->item && other->there)
            return dr_text_put(need->from, sizeof need->from, other->repository) == 0;
    }
    return false;
}

/* One of a base that has it. What it can't be asked for (a login may not reach so far) it is not mounted from. */
static int find_base(const struct check *check, struct need *need, struct dr_err *err)
{
    for (size_t i = 0; i < need->item->holder_count; i++) {
        struct dr_err why = DR_ERR_INIT;
        struct dr_reference image;
        struct dr_reference target;
        bool there = false;

        if (dr_reference_parse(need->item->holders[i].image, &image, err) < 0)
            return -1;
        if (dr_destination_place(check->destination, &image, &target, NULL) < 0)
            continue;
        if (ask(check, need->item, target.repository, &there, &why) < 0 &&
            why.code != DR_ERR_AUTH) {
            if (err)
                *err = why;
            return -1;
        }
        if (there)
            return dr_text_put(need->from, sizeof need->from, target.repository);
    }
    return 0;
}

static int find_all(struct check *check, size_t *ret_missing, struct dr_err *err)
{
    for (size_t i = 0; i < check->count; i++) {
        struct need *need = &check->needs[i];

        if (ask(check, need->item, need->repository, &need->there, err) < 0)
            return -1;
    }
    *ret_missing = 0;
    for (size_t i = 0; i < check->count; i++) {
        struct need *need = &check->needs[i];

        if (need->there || find_neighbour(check, need))
            continue;
        if (find_base(check, need, err) < 0)
            return -1;
        *ret_missing += !*need->from;
    }
    return 0;
}

/* ---- what to bring */

static bool is_missing(const struct need *need)
{
    return !need->there && !*need->from;
}

static bool has(const struct dr_required *item, size_t base)
{
    for (size_t i = 0; i < item->holder_count; i++) {
        if (item->holders[i].base == base)
            return true;
    }
    return false;
}

/* The base that has most of what is missing and in none of `chosen`; its number in `ret_base`, 0: none has any. */
static size_t choose_base(const struct check *check, const bool *chosen, size_t *ret_base)
{
    size_t most = 0;

    for (size_t base = 0; base < check->delta->base_count; base++) {
        size_t count = 0;

        for (size_t i = 0; i < check->count; i++) {
            bool covered = !is_missing(&check->needs[i]);

            for (size_t j = 0; j < check->delta->base_count && !covered; j++)
                covered = chosen[j] && has(check->needs[i].item, j);
            count += !covered && has(check->needs[i].item, base);
        }
        if (count > most) {
            most = count;
            *ret_base = base;
        }
    }
    return most;
}

static void show_missing(const struct check *check, size_t missing)
{
    size_t shown = 0;

    for (size_t i = 0; i < check->count && shown < SHOWN_MAX; i++) {
        const struct need *need = &check->needs[i];
        char digest[DR_DIGEST_TEXT];
        char name[DR_REFERENCE_TEXT];
        char size[16];

        if (!is_missing(need))
            continue;
        dr_text_size(need->item->size, size);
        dr_log_warn(check->log, "missing: %s (%s), needed by %s, known from %s",
                    dr_digest_text(&need->item->digest, digest), size,
                    dr_reference_familiar(&need->image->reference, name),
                    need->item->holders[0].image);
        shown++;
    }
    if (missing > shown)
        dr_log_warn(check->log, "and %zu more are missing", missing - shown);
}

/* The destination as a receipt would call it. */
static void name_destination(const struct dr_destination *destination, char ret[513])
{
    snprintf(ret, 513, "%s%s%s", destination->host, *destination->prefix ? "/" : "",
             destination->prefix);
}

/* Why the connected side thought that the registry has it. */
static int tell_receipts(const struct check *check, const bool *chosen, struct dr_buf *to,
                         struct dr_err *err)
{
    char here[513];

    name_destination(check->destination, here);
    for (size_t i = 0; i < check->delta->base_count; i++) {
        const struct dr_base_receipt *receipt = &check->delta->bases[i].receipt;
        bool same = receipt->registry && strcmp(receipt->registry, here) == 0;

        if (!chosen[i] || !receipt->registry || to->size > DR_ERR_TEXT_MAX / 2)
            continue;
        if (dr_buf_printf(to, err,
                          " (What it has was known from the receipt of registry %s of %s; %s %s.)",
                          receipt->registry, receipt->time,
                          same ? "it has lost layers since; 'drover audit --receipt' makes a new "
                                 "one of"
                               : "this is another registry,",
                          here) < 0)
            return -1;
    }
    return 0;
}

static int fail_missing(const struct check *check, size_t missing, struct dr_err *err)
{
    bool chosen[DR_BASES_MAX] = {false};
    dr_auto_buf struct dr_buf bases = DR_BUF_INIT(65536);
    dr_auto_buf struct dr_buf receipts = DR_BUF_INIT(65536);
    size_t base;

    show_missing(check, missing);
    while (bases.size < DR_ERR_TEXT_MAX / 2 && choose_base(check, chosen, &base) > 0) {
        char text[DR_BASE_TEXT];

        if (dr_buf_printf(&bases, err, "%s%s", bases.size ? "; and " : "",
                          dr_base_text(&check->delta->bases[base], text)) < 0)
            return -1;
        chosen[base] = true;
    }
    if (tell_receipts(check, chosen, &receipts, err) < 0)
        return -1;
    return dr_fail(err, DR_ERR_REFUSED,
                   "this bundle is a delta, and the registry lacks %zu of the %zu layers that it "
                   "leaves out; nothing was written. They are in the bundle %s: mirror that first, "
                   "or make the whole bundle of it and this one by 'drover merge'%s",
                   missing, check->count, bases.data, receipts.size ? receipts.data : "");
}

/* ---- what to mount */

static int refuse_read(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    (void)offset;
    (void)ret_data;
    (void)size;
    return dr_fail(err, DR_ERR_REFUSED,
                   "the registry does not hand a layer on from its repository '%s' to another, and "
                   "this delta does not hold it; mirror the whole bundle ('drover merge' makes it)",
                   (const char *)context);
}

static int make_mounts(const struct check *check, struct dr_requires *requires, struct dr_err *err)
{
    requires->mounts = calloc(check->count + 1, sizeof *requires->mounts);
    if (!requires->mounts)
        return dr_fail_memory(err);
    for (size_t i = 0; i < check->count; i++) {
        const struct need *need = &check->needs[i];
        char *from;

        if (need->there)
            continue;
        from = dr_text_copy(need->from, err);
        if (!from)
            return -1;
        requires->mounts[requires->mount_count++] = (struct dr_blob_put){
            .repository = need->repository,
            .mount_from = from,
            .digest = need->item->digest,
            .size = need->item->size,
            .read = refuse_read,
            .context = from,
        };
    }
    return 0;
}

int dr_requires_check(struct dr_registry *registry, const struct dr_bundle *bundle,
                      const struct dr_mirror_plan *plan, const struct dr_destination *destination,
                      const struct dr_log *log, struct dr_requires *ret_requires,
                      struct dr_err *err)
{
    dr_auto_requires struct dr_requires requires = DR_REQUIRES_INIT;
    dr_autofree struct need *needs = NULL;
    struct check check = {.registry = registry,
                          .delta = dr_bundle_about(bundle)->delta,
                          .destination = destination,
                          .log = log};
    int done;

    if (!check.delta)
        return 0;
    done = collect(&check, plan, err);
    needs = check.needs;
    if (done < 0 || find_all(&check, &requires.missing, err) < 0)
        return -1;
    requires.count = check.count;
    for (size_t i = 0; i < check.count; i++)
    requires.present += check.needs[i].there;
    if (requires.missing > 0) {
        *ret_requires = requires;
        return fail_missing(&check, requires.missing, err);
    }
    if (make_mounts(&check, &requires, err) < 0)
        return -1;
    dr_log_say(log, "what this delta leaves out is there: %zu layers in place, %zu to be mounted",
               requires.present, requires.mount_count);
    *ret_requires = requires;
    requires = (struct dr_requires)DR_REQUIRES_INIT;
    return 0;
}
