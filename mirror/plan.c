/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/plan.h"

#include <stdlib.h>
#include <string.h>

struct dr_mirror_source {
    const struct dr_bundle *bundle;
    const struct dr_bundle_blob *blob;
    const char *repository;
    struct dr_mirror_uploads *uploads;
};

void dr_mirror_plan_release(struct dr_mirror_plan *plan)
{
    free(plan->images);
    free(plan->manifests);
    free(plan->first);
    free(plan->more);
    free(plan->sources);
    *plan = (struct dr_mirror_plan)DR_MIRROR_PLAN_INIT;
}

static int read_source(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    const struct dr_mirror_source *source = context;

    return dr_bundle_blob_read(source->bundle, source->blob, offset, ret_data, size, err);
}

static void note_upload(void *context, const char *session)
{
    const struct dr_mirror_source *source = context;

    dr_mirror_uploads_set(source->uploads, source->repository, &source->blob->digest, session);
}

/* By place in the file, then by name of the repository. */
static int compare_sources(const void *a, const void *b)
{
    const struct dr_mirror_source *left = a;
    const struct dr_mirror_source *right = b;

    if (left->blob->offset != right->blob->offset)
        return left->blob->offset < right->blob->offset ? -1 : 1;
    return strcmp(left->repository, right->repository);
}

static int compare_targets(const void *a, const void *b)
{
    const struct dr_mirror_image *left = *(const struct dr_mirror_image *const *)a;
    const struct dr_mirror_image *right = *(const struct dr_mirror_image *const *)b;
    int order = strcmp(left->target.repository, right->target.repository);

    return order ? order : strcmp(left->target.tag, right->target.tag);
}

/* docker.io/a/b:1 and quay.io/a/b:1 both become HOST/a/b:1. */
static int refuse_collisions(const struct dr_mirror_plan *plan, struct dr_err *err)
{
    const struct dr_mirror_image **sorted = calloc(plan->image_count, sizeof *sorted);
    int done = 0;

    if (!sorted)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++)
        sorted[i] = &plan->images[i];
    qsort(sorted, plan->image_count, sizeof *sorted, compare_targets);
    for (size_t i = 1; i < plan->image_count && done == 0; i++) {
        const struct dr_bundle_image *one = sorted[i - 1]->image;
        const struct dr_bundle_image *other = sorted[i]->image;
        char names[3][DR_REFERENCE_TEXT];

        if (*sorted[i]->target.tag && compare_targets(&sorted[i - 1], &sorted[i]) == 0 &&
            !dr_digest_equal(&one->manifest.digest, &other->manifest.digest))
            done = dr_fail(err, DR_ERR_REFUSED,
                           "'%s' and '%s' are different images, but would both be %s",
                           dr_reference_text(&one->reference, names[0]),
                           dr_reference_text(&other->reference, names[1]),
                           dr_reference_text(&sorted[i]->target, names[2]));
    }
    free(sorted);
    return done;
}

static int place_images(struct dr_mirror_plan *plan, const struct dr_bundle *bundle,
                        const struct dr_destination *destination, struct dr_err *err)
{
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &plan->image_count);

    plan->images = calloc(plan->image_count + 1, sizeof *plan->images);
    if (!plan->images)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++) {
        plan->images[i].image = &images[i];
        if (dr_destination_place(destination, &images[i].reference, &plan->images[i].target, err) <
            0)
            return -1;
    }
    return plan->image_count ? refuse_collisions(plan, err) : 0;
}

static int add_source(struct dr_mirror_plan *plan, size_t *count, const struct dr_bundle *bundle,
                      const struct dr_descriptor *wanted, const char *repository,
                      struct dr_err *err)
{
    const struct dr_bundle_blob *blob = dr_bundle_find_blob(bundle, &wanted->digest);
    char digest[DR_DIGEST_TEXT];

    if (dr_delta_find(dr_bundle_about(bundle)->delta, &wanted->digest))
        return 0; /* for mirror/requires.h */
    if (!blob || blob->size != wanted->size)
        return dr_fail(err, DR_ERR_VERIFY, "the bundle lacks %s, which '%s' needs",
                       dr_digest_text(&wanted->digest, digest), repository);
    plan->sources[(*count)++] =
        (struct dr_mirror_source){.bundle = bundle, .blob = blob, .repository = repository};
    return 0;
}

static int add_image(struct dr_mirror_plan *plan, size_t *count, const struct dr_bundle *bundle,
                     const struct dr_mirror_image *mirrored, struct dr_err *err)
{
    const char *repository = mirrored->target.repository;
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(mirrored->image, i)); i++) {
        if (add_source(plan, count, bundle, &content->config, repository, err) < 0)
            return -1;
        for (size_t j = 0; j < content->layer_count; j++) {
            if (add_source(plan, count, bundle, &content->layers[j], repository, err) < 0)
                return -1;
        }
    }
    return 0;
}

static size_t count_blobs(const struct dr_bundle_image *image)
{
    const struct dr_image_manifest *content;
    size_t count = 0;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++)
        count += content->layer_count + 1;
    return count;
}

/* Every blob with every repository that needs it, sorted, each pair once. */
static int collect_sources(struct dr_mirror_plan *plan, const struct dr_bundle *bundle,
                           size_t *ret_count, struct dr_err *err)
{
    size_t room = 0;
    size_t count = 0;
    size_t kept = 0;

    for (size_t i = 0; i < plan->image_count; i++)
        room += count_blobs(plan->images[i].image);
    plan->sources = calloc(room + 1, sizeof *plan->sources);
    if (!plan->sources)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++) {
        if (add_image(plan, &count, bundle, &plan->images[i], err) < 0)
            return -1;
    }
    qsort(plan->sources, count, sizeof *plan->sources, compare_sources);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_sources(&plan->sources[kept - 1], &plan->sources[i]) != 0)
            plan->sources[kept++] = plan->sources[i];
    }
    *ret_count = kept;
    return 0;
}

/* Sources of one blob stand together: the first of them is sent, the others mount it. */
static int make_puts(struct dr_mirror_plan *plan, size_t count, struct dr_err *err)
{
    plan->first = calloc(count + 1, sizeof *plan->first);
    plan->more = calloc(count + 1, sizeof *plan->more);
    if (!plan->first || !plan->more)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct dr_mirror_source *source = &plan->sources[i];
        const struct dr_blob_put *last =
            plan->first_count ? &plan->first[plan->first_count - 1] : NULL;
        bool again = last && dr_digest_equal(&last->digest, &source->blob->digest);

        plan->bytes += source->blob->size;
        *(again ? &plan->more[plan->more_count++] : &plan->first[plan->first_count++]) =
            (struct dr_blob_put){
                .repository = source->repository,
                .mount_from = again ? last->repository : NULL,
                .digest = source->blob->digest,
                .size = source->blob->size,
                .read = read_source,
                .context = source,
            };
    }
    return 0;
}

static void resume(struct dr_blob_put *puts, size_t count, struct dr_mirror_uploads *uploads)
{
    for (size_t i = 0; i < count; i++) {
        struct dr_mirror_source *source = puts[i].context;

        if (puts[i].size < DR_MIRROR_UPLOAD_MIN)
            continue;
        source->uploads = uploads;
        puts[i].opened = note_upload;
        puts[i].session = dr_mirror_uploads_get(uploads, puts[i].repository, &puts[i].digest);
    }
}

void dr_mirror_plan_resume(struct dr_mirror_plan *plan, struct dr_mirror_uploads *uploads)
{
    resume(plan->first, plan->first_count, uploads);
    resume(plan->more, plan->more_count, uploads);
}

static void add_manifest(struct dr_mirror_plan *plan, size_t image,
                         const struct dr_descriptor *manifest)
{
    plan->manifests[plan->manifest_count++] =
        (struct dr_mirror_manifest){.image = image, .manifest = manifest};
}

/* What is below a list stands before it. */
static int list_manifests(struct dr_mirror_plan *plan, struct dr_err *err)
{
    size_t room = plan->image_count;

    for (size_t i = 0; i < plan->image_count; i++)
        room += plan->images[i].image->family.count;
    plan->manifests = calloc(room + 1, sizeof *plan->manifests);
    if (!plan->manifests)
        return dr_fail_memory(err);
    for (size_t i = 0; i < plan->image_count; i++) {
        const struct dr_bundle_image *image = plan->images[i].image;

        for (size_t j = 0; j < image->family.count; j++)
            add_manifest(plan, i, &image->family.members[j].manifest);
        add_manifest(plan, i, &image->manifest);
    }
    return 0;
}

int dr_mirror_plan_make(const struct dr_bundle *bundle, const struct dr_destination *destination,
                        struct dr_mirror_plan *ret_plan, struct dr_err *err)
{
    dr_auto_mirror_plan struct dr_mirror_plan plan = DR_MIRROR_PLAN_INIT;
    size_t count = 0;

    if (place_images(&plan, bundle, destination, err) < 0 || list_manifests(&plan, err) < 0 ||
        collect_sources(&plan, bundle, &count, err) < 0 || make_puts(&plan, count, err) < 0)
        return -1;
    *ret_plan = plan;
    plan = (struct dr_mirror_plan)DR_MIRROR_PLAN_INIT;
    return 0;
}
