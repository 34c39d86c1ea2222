/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/push.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/stop.h"
#include "mirror/audit/audit.h"
#include "mirror/survey.h"

void dr_mirror_push_count(struct dr_mirror_push *push, const struct dr_blob_put *puts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        switch (puts[i].outcome) {
        case DR_BLOB_SENT:
            push->sent++;
            push->bytes_sent += puts[i].size;
            break;
        case DR_BLOB_MOUNTED:
            push->mounted++;
            break;
        case DR_BLOB_PRESENT:
            push->present++;
            break;
        }
    }
}

static int push_blobs(struct dr_mirror_push *push, struct dr_err *err)
{
    struct dr_mirror_plan *plan = push->plan;
    struct dr_requires *requires = push->requires;
    struct dr_progress progress;
    int done;

    if (dr_registry_put_blobs(push->registry, requires->mounts, requires->mount_count,
                              DR_REGISTRY_PARALLEL, NULL, err) < 0)
        return -1;
    dr_mirror_push_count(push, requires->mounts, requires->mount_count);
    if (plan->first_count + plan->more_count == 0)
        return 0;
    dr_mirror_plan_resume(plan, &push->journal->uploads);
    dr_progress_start(&progress, push->log, "push", plan->bytes);
    done = dr_registry_put_blobs(push->registry, plan->first, plan->first_count,
                                 DR_REGISTRY_PARALLEL, &progress, err);
    if (done == 0)
        done = dr_registry_put_blobs(push->registry, plan->more, plan->more_count,
                                     DR_REGISTRY_PARALLEL, &progress, err);
    dr_progress_end(&progress);
    if (done < 0)
        return -1;
    dr_mirror_push_count(push, plan->first, plan->first_count);
    dr_mirror_push_count(push, plan->more, plan->more_count);
    return 0;
}

static bool has_foreign(const struct dr_bundle_image *image)
{
    const struct dr_image_manifest *content;

    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        for (size_t j = 0; j < content->layer_count; j++) {
            if (dr_layer_is_foreign(content->layers[j].media_type))
                return true;
        }
    }
    return false;
}

static int advise_foreign(struct dr_err *err)
{
    return dr_err_advise(
        err, "the image has foreign layers, and whether a registry takes manifests that "
             "name addresses is a matter of its policy (validation.manifests.urls of "
             "docker-registry)");
}

/* Under its digest, or a tag. */
static int put_manifest(struct dr_mirror_push *push, size_t image,
                        const struct dr_descriptor *manifest, const char *reference,
                        struct dr_err *err)
{
    const char *repository = push->plan->images[image].target.repository;
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_MANIFEST_MAX);

    if (dr_bundle_blob_load(push->bundle, &manifest->digest, &body, err) < 0)
        return -1;
    if (dr_registry_put_manifest(push->registry, repository, reference, manifest->media_type,
                                 body.data, body.size, err) < 0)
        return err && err->code == DR_ERR_NET && has_foreign(push->plan->images[image].image)
                   ? advise_foreign(err)
                   : -1;
    push->written[image] = true;
    return 0;
}

static int push_manifests(struct dr_mirror_push *push, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];

    for (size_t i = 0; i < push->plan->manifest_count; i++) {
        struct dr_mirror_manifest *manifest = &push->plan->manifests[i];

        if (dr_stop_check(err, "pushing manifests") < 0)
            return -1;
        if (manifest->there)
            continue;
        if (put_manifest(push, manifest->image, manifest->manifest,
                         dr_digest_text(&manifest->manifest->digest, digest), err) < 0)
            return -1;
        manifest->there = true;
    }
    return 0;
}

/* What the tags are now, which the survey may have seen otherwise hours ago, is what they can be put back to. */
static int note_tags(struct dr_mirror_push *push, struct dr_err *err)
{
    struct dr_mirror_plan *plan = push->plan;
    dr_autofree struct dr_registry_look *looks = NULL;
    dr_autofree struct dr_mirror_move *moves = calloc(plan->image_count + 1, sizeof *moves);
    size_t count = 0;

    if (!moves)
        return dr_fail_memory(err);
    if (dr_mirror_survey_tags(push->registry, plan, &looks, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->image_count; i++) {
        const struct dr_mirror_image *image = &plan->images[i];

        if (!image->tagged)
            moves[count++] = (struct dr_mirror_move){.repository = image->target.repository,
                                                     .tag = image->target.tag,
                                                     .existed = looks[i].there,
                                                     .before = looks[i].digest,
                                                     .after = image->image->manifest.digest};
    }
    if (count == 0)
        return 0;
    return dr_mirror_journal_begin(push->journal, push->path, dr_bundle_about(push->bundle), moves,
                                   count, err);
}

static int push_tags(struct dr_mirror_push *push, struct dr_err *err)
{
    for (size_t i = 0; i < push->plan->image_count; i++) {
        struct dr_mirror_image *image = &push->plan->images[i];
        char name[DR_REFERENCE_TEXT];

        if (dr_stop_check(err, "writing tags") < 0)
            return -1;
        if (image->tagged)
            continue;
        if (put_manifest(push, i, &image->image->manifest, image->target.tag, err) < 0)
            return -1;
        image->tagged = true;
        push->tags_moved++;
        dr_log_detail(push->log, "tagged %s", dr_reference_text(&image->target, name));
    }
    return 0;
}

static int read_back(struct dr_mirror_push *push, struct dr_err *err)
{
    for (size_t i = 0; i < push->plan->image_count; i++) {
        const struct dr_mirror_image *mirrored = &push->plan->images[i];

        if (dr_stop_check(err, "reading back manifests") < 0 ||
            dr_audit_manifest(push->registry, push->bundle, mirrored->image, &mirrored->target,
                              err) < 0)
            return -1;
    }
    push->read_back = true;
    return 0;
}

/* What a failed run leaves behind, and how to go on. */
static int explain(const struct dr_mirror_push *push, struct dr_err *err)
{
    bool again = err && (err->code == DR_ERR_NET || err->code == DR_ERR_STOPPED);

    if (push->tags_moved > 0)
        dr_err_advise(err,
                      "%zu of %zu tags were written before that, all of complete images; what they "
                      "were is written down for drover mirror --rollback",
                      push->tags_moved, push->plan->image_count);
    else
        dr_err_advise(err, "no tag was changed");
    return again ? dr_err_advise(err, "run the same command again to go on") : -1;
}

/* The last word on tags, of this run or of one that was cut off. */
static int settle(struct dr_mirror_push *push, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(push->bundle);

    if (read_back(push, err) < 0) {
        if (err && err->code == DR_ERR_PROOF)
            dr_err_advise(err,
                          "the tags are written, but don't use this registry before that is clear");
        return -1;
    }
    return dr_mirror_journal_is_unfinished(push->journal, about)
               ? dr_mirror_journal_set(push->journal, DR_MIRROR_DONE, err)
               : 0;
}

bool dr_mirror_push_is_needed(const struct dr_mirror_push *push)
{
    const struct dr_mirror_plan *plan = push->plan;
    bool needed = plan->first_count > 0 || plan->more_count > 0 || push->requires->mount_count > 0;

    for (size_t i = 0; i < plan->manifest_count; i++)
        needed |= !plan->manifests[i].there;
    for (size_t i = 0; i < plan->image_count; i++)
        needed |= !plan->images[i].tagged;
    return needed;
}

int dr_mirror_push_all(struct dr_mirror_push *push, struct dr_err *err)
{
    if (!dr_mirror_push_is_needed(push) &&
        !dr_mirror_journal_is_unfinished(push->journal, dr_bundle_about(push->bundle)))
        return 0;
    if (push_blobs(push, err) < 0 || push_manifests(push, err) < 0 || note_tags(push, err) < 0 ||
        push_tags(push, err) < 0)
        return explain(push, err);
    return settle(push, err);
}
