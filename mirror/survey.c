/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/survey.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* Questions without a body, so more of them at once than of blobs. */
#define PARALLEL 16

struct survey {
    struct dr_registry *registry;
    struct dr_mirror_plan *plan;
    struct dr_registry_look *looks; /* of `first`, of `more`, of manifests */
    char (*digests)[DR_DIGEST_TEXT];
    size_t present;
};

static void ask_for_blobs(struct dr_registry_look *looks, const struct dr_blob_put *puts,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        looks[i] =
            (struct dr_registry_look){.repository = puts[i].repository, .digest = puts[i].digest};
}

static int ask(struct survey *survey, struct dr_err *err)
{
    struct dr_mirror_plan *plan = survey->plan;
    size_t blobs = plan->first_count + plan->more_count;

    survey->looks = calloc(blobs + plan->manifest_count + 1, sizeof *survey->looks);
    survey->digests = calloc(plan->manifest_count + 1, sizeof *survey->digests);
    if (!survey->looks || !survey->digests)
        return dr_fail_memory(err);
    ask_for_blobs(survey->looks, plan->first, plan->first_count);
    ask_for_blobs(survey->looks + plan->first_count, plan->more, plan->more_count);
    for (size_t i = 0; i < plan->manifest_count; i++) {
        const struct dr_mirror_manifest *manifest = &plan->manifests[i];

        survey->looks[blobs + i] = (struct dr_registry_look){
            .repository = plan->images[manifest->image].target.repository,
            .manifest = dr_digest_text(&manifest->manifest->digest, survey->digests[i])};
    }
    return dr_registry_look(survey->registry, survey->looks, blobs + plan->manifest_count, PARALLEL,
                            err);
}

/* A different size under a digest is a store that is damaged, which sending would not mend, since
 * registries keep what they have. */
static int check_size(const struct survey *survey, const struct dr_registry_look *look,
                      const struct dr_blob_put *put, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    if (!look->there || look->size == UINT64_MAX || look->size == put->size)
        return 0;
    return dr_fail(err, DR_ERR_PROOF,
                   "%s in '%s' of registry '%s' has %" PRIu64 " bytes instead of %" PRIu64
                   ": its storage is damaged, delete that blob there",
                   dr_digest_text(&put->digest, digest), put->repository,
                   dr_registry_host(survey->registry), look->size, put->size);
}

static int check_sizes(const struct survey *survey, struct dr_err *err)
{
    const struct dr_mirror_plan *plan = survey->plan;

    for (size_t i = 0; i < plan->first_count; i++) {
        if (check_size(survey, &survey->looks[i], &plan->first[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < plan->more_count; i++) {
        if (check_size(survey, &survey->looks[plan->first_count + i], &plan->more[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Both lists are in the order of the file: what of `more` is the same blob stands together. */
static void find_neighbours(const struct survey *survey)
{
    struct dr_mirror_plan *plan = survey->plan;
    size_t next = 0;

    for (size_t i = 0; i < plan->first_count; i++) {
        struct dr_blob_put *put = &plan->first[i];

        for (; next < plan->more_count && dr_digest_equal(&plan->more[next].digest, &put->digest);
             next++) {
            if (survey->looks[plan->first_count + next].there)
                put->mount_from = plan->more[next].repository;
        }
    }
}

/* Keeps what is missing. */
static size_t keep(struct survey *survey, struct dr_blob_put *puts, size_t count,
                   const struct dr_registry_look *looks)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (looks[i].there) {
            survey->present++;
            survey->plan->bytes -= puts[i].size;
            continue;
        }
        puts[kept] = puts[i];
        puts[kept++].absent = true;
    }
    return kept;
}

static int mark_tags(struct survey *survey, struct dr_err *err)
{
    dr_autofree struct dr_registry_look *looks = NULL;

    return dr_mirror_survey_tags(survey->registry, survey->plan, &looks, err);
}

static int survey_all(struct survey *survey, struct dr_err *err)
{
    struct dr_mirror_plan *plan = survey->plan;
    size_t first = plan->first_count;
    size_t more = plan->more_count;

    if (ask(survey, err) < 0 || check_sizes(survey, err) < 0)
        return -1;
    find_neighbours(survey);
    plan->first_count = keep(survey, plan->first, first, survey->looks);
    plan->more_count = keep(survey, plan->more, more, survey->looks + first);
    for (size_t i = 0; i < plan->manifest_count; i++)
        plan->manifests[i].there = survey->looks[first + more + i].there;
    return mark_tags(survey, err);
}

int dr_mirror_survey(struct dr_registry *registry, struct dr_mirror_plan *plan, size_t *ret_present,
                     struct dr_err *err)
{
    struct survey survey = {.registry = registry, .plan = plan};
    int done = survey_all(&survey, err);

    free(survey.looks);
    free(survey.digests);
    *ret_present = survey.present;
    return done;
}

int dr_mirror_survey_tags(struct dr_registry *registry, struct dr_mirror_plan *plan,
                          struct dr_registry_look **ret_looks, struct dr_err *err)
{
    dr_autofree struct dr_registry_look *looks = calloc(plan->image_count + 1, sizeof *looks);
    dr_autofree struct dr_registry_look *all = calloc(plan->image_count + 1, sizeof *all);
    size_t count = 0;

    if (!looks || !all)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++) {
        const struct dr_reference *target = &plan->images[i].target;

        if (*target->tag)
            looks[count++] = (struct dr_registry_look){.repository = target->repository,
                                                       .manifest = target->tag};
    }
    if (dr_registry_look(registry, looks, count, PARALLEL, err) < 0)
        return -1;
    for (size_t i = 0, next = 0; i < plan->image_count; i++) {
        struct dr_mirror_image *image = &plan->images[i];

        if (*image->target.tag)
            all[i] = looks[next++];
        image->tagged =
            !*image->target.tag ||
            (all[i].there && dr_digest_equal(&all[i].digest, &image->image->manifest.digest));
    }
    *ret_looks = dr_steal(all);
    return 0;
}
