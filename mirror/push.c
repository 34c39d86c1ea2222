/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/push.h"

#include <string.h>

#include "lib/stop.h"
#include "mirror/audit/audit.h"

static void count_outcomes(struct dr_mirror_push *push, const struct dr_blob_put *puts,
                           size_t count)
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
    struct dr_progress progress;
    int done;

    dr_progress_start(&progress, push->log, "push", plan->bytes);
    done = dr_registry_put_blobs(push->registry, plan->first, plan->first_count,
                                 DR_REGISTRY_PARALLEL, &progress, err);
    if (done == 0)
        done = dr_registry_put_blobs(push->registry, plan->more, plan->more_count,
                                     DR_REGISTRY_PARALLEL, &progress, err);
    dr_progress_end(&progress);
    if (done < 0)
        return -1;
    count_outcomes(push, plan->first, plan->first_count);
    count_outcomes(push, plan->more, plan->more_count);
    return 0;
}

/* Makes `reference` (a tag or the digest) serve the manifest of this image, unless it does. */
static int push_manifest(struct dr_mirror_push *push, size_t index, const char *reference,
                         bool *ret_written, struct dr_err *err)
{
    const struct dr_mirror_image *mirrored = &push->plan->images[index];
    const struct dr_descriptor *manifest = &mirrored->image->manifest;
    const char *repository = mirrored->target.repository;
    dr_auto_buf struct dr_buf body = DR_BUF_INIT(DR_MANIFEST_MAX);
    struct dr_digest digest;
    bool there;

    *ret_written = false;
    if (dr_stop_check(err, "pushing manifests") < 0 ||
        dr_registry_head_manifest(push->registry, repository, reference, &there, &digest, err) < 0)
        return -1;
    if (there && dr_digest_equal(&digest, &manifest->digest))
        return 0;
    if (dr_bundle_blob_load(push->bundle, &manifest->digest, &body, err) < 0 ||
        dr_registry_put_manifest(push->registry, repository, reference, manifest->media_type,
                                 body.data, body.size, err) < 0)
        return -1;
    *ret_written = push->written[index] = true;
    return 0;
}

static int push_manifests(struct dr_mirror_push *push, struct dr_err *err)
{
    char digest[DR_DIGEST_TEXT];
    bool written;

    for (size_t i = 0; i < push->plan->image_count; i++) {
        const struct dr_bundle_image *image = push->plan->images[i].image;

        if (push_manifest(push, i, dr_digest_text(&image->manifest.digest, digest), &written, err) <
            0)
            return -1;
    }
    return 0;
}

static int push_tags(struct dr_mirror_push *push, struct dr_err *err)
{
    for (size_t i = 0; i < push->plan->image_count; i++) {
        const struct dr_reference *target = &push->plan->images[i].target;
        char name[DR_REFERENCE_TEXT];
        bool written;

        if (!*target->tag)
            continue;
        if (push_manifest(push, i, target->tag, &written, err) < 0)
            return -1;
        push->tags_moved += written;
        if (written)
            dr_log_detail(push->log, "tagged %s", dr_reference_text(target, name));
    }
    return 0;
}

static int read_back(const struct dr_mirror_push *push, struct dr_err *err)
{
    for (size_t i = 0; i < push->plan->image_count; i++) {
        const struct dr_mirror_image *mirrored = &push->plan->images[i];

        if (dr_stop_check(err, "reading back manifests") < 0 ||
            dr_audit_manifest(push->registry, push->bundle, mirrored->image, &mirrored->target,
                              err) < 0)
            return -1;
    }
    return 0;
}

/* What a failed run leaves behind, and how to go on. */
static int explain(const struct dr_mirror_push *push, bool tagging, struct dr_err *err)
{
    bool again = err && (err->code == DR_ERR_NET || err->code == DR_ERR_STOPPED);

    if (tagging && push->tags_moved > 0)
        dr_err_advise(err, "%zu of %zu tags were written before that, all of complete images",
                      push->tags_moved, push->plan->image_count);
    else
        dr_err_advise(err, "no tag was changed");
    return again ? dr_err_advise(err, "run the same command again to go on") : -1;
}

int dr_mirror_push_all(struct dr_mirror_push *push, struct dr_err *err)
{
    if (push_blobs(push, err) < 0 || push_manifests(push, err) < 0)
        return explain(push, false, err);
    if (push_tags(push, err) < 0)
        return explain(push, true, err);
    if (read_back(push, err) == 0)
        return 0;
    if (err && err->code == DR_ERR_PROOF)
        dr_err_advise(err,
                      "the tags are written, but don't use this registry before that is clear");
    return -1;
}
