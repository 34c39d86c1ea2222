/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/report.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/reference.h"
#include "lib/text.h"
#include "mirror/forecast.h"

/* Whether something of the image is missing, before anything is written. */
static bool is_missing(const struct dr_mirror_plan *plan, size_t image)
{
    const char *repository = plan->images[image].target.repository;
    bool missing = !plan->images[image].tagged;

    for (size_t i = 0; i < plan->manifest_count; i++)
        missing |= plan->manifests[i].image == image && !plan->manifests[i].there;
    for (size_t i = 0; i < plan->first_count && !missing; i++)
        missing = strcmp(plan->first[i].repository, repository) == 0;
    for (size_t i = 0; i < plan->more_count && !missing; i++)
        missing = strcmp(plan->more[i].repository, repository) == 0;
    return missing;
}

static const char *result_of(const struct dr_mirror_target *target, size_t image, bool planned)
{
    if (planned)
        return is_missing(&target->plan, image) ? "missing" : "present";
    return target->push.written[image] ? "sent" : "present";
}

static void summarize(const struct dr_mirror_target *target)
{
    const struct dr_mirror_push *push = &target->push;
    char size[16];
    char took[16];

    dr_text_size(push->bytes_sent, size);
    dr_text_seconds(target->seconds, took);
    dr_log_say(&target->log, "blobs: %zu present%s, %zu sent%s%s%s, %zu mounted from a neighbour",
               push->present, push->present ? " (not re-hashed)" : "", push->sent,
               push->sent ? " (" : "", push->sent ? size : "", push->sent ? ")" : "",
               push->mounted);
    dr_log_say(&target->log, "tags: %zu written, %zu as they should be; %s; %s", push->tags_moved,
               target->plan.image_count - push->tags_moved,
               push->read_back ? "every manifest read back and compared"
                               : "nothing to do, so no layer of the bundle was read",
               took);
}

static void print_lines(const struct dr_mirror_target *target, bool planned)
{
    const struct dr_mirror_plan *plan = &target->plan;
    size_t width = 0;

    for (size_t i = 0; i < plan->image_count; i++) {
        char name[DR_REFERENCE_TEXT];
        size_t length = strlen(dr_reference_text(&plan->images[i].target, name));

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < plan->image_count; i++) {
        const struct dr_mirror_image *mirrored = &plan->images[i];
        char name[DR_REFERENCE_TEXT];
        char digest[DR_DIGEST_TEXT];

        printf("%-*s  %s  %s\n", (int)width, dr_reference_text(&mirrored->target, name),
               dr_digest_text(&mirrored->image->manifest.digest, digest),
               result_of(target, i, planned));
    }
}

void dr_mirror_report_lines(const struct dr_mirror_target *targets, size_t count, bool planned,
                            const struct dr_mirror_common *common)
{
    for (size_t i = 0; i < count; i++) {
        if (targets[i].failure.code != DR_OK)
            continue;
        if (planned)
            dr_mirror_forecast_say(&targets[i], &common->pace);
        else
            summarize(&targets[i]);
        print_lines(&targets[i], planned);
    }
}

static json_t *image_json(const struct dr_mirror_target *target, size_t image, bool planned)
{
    const struct dr_mirror_image *mirrored = &target->plan.images[image];
    char source[DR_REFERENCE_TEXT];
    char to[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s}", "reference",
                     dr_reference_text(&mirrored->image->reference, source), "target",
                     dr_reference_text(&mirrored->target, to), "digest",
                     dr_digest_text(&mirrored->image->manifest.digest, digest), "result",
                     result_of(target, image, planned));
}

static json_t *blobs_json(const struct dr_mirror_target *target)
{
    const struct dr_mirror_push *push = &target->push;

    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "present", (json_int_t)push->present, "missing",
                     (json_int_t)(target->plan.first_count + target->plan.more_count), "sent",
                     (json_int_t)push->sent, "mounted", (json_int_t)push->mounted, "bytes_sent",
                     (json_int_t)push->bytes_sent);
}

/* Of a delta whose registry was asked for what it leaves out. */
static json_t *requires_json(const struct dr_requires *requires)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "layers", (json_int_t) requires->count, "present",
                     (json_int_t) requires->present, "mount", (json_int_t) requires->mount_count,
                     "missing", (json_int_t) requires->missing);
}

static int add_target(const struct dr_mirror_target *target, bool planned,
                      const struct dr_mirror_common *common, json_t *to, struct dr_err *err)
{
    bool failed = target->failure.code != DR_OK;
    json_t *entry = json_pack("{s:s, s:i, s:s*, s:o, s:I, s:[]}", "registry", target->name,
                              "status", dr_code_status(target->failure.code), "error",
                              failed ? target->failure.text : NULL, "blobs", blobs_json(target),
                              "tags_written", (json_int_t)target->push.tags_moved, "images");

    if (dr_json_append(to, entry, err) < 0 ||
        (target->requires.count > 0 &&
         dr_json_set(entry, "requires", requires_json(&target->requires), err) < 0) ||
        (common->receipt.path &&
         dr_json_set(entry, "receipt", dr_receipt_describe(&common->receipt), err) < 0) ||
        (planned && !failed &&
         dr_json_set(entry, "plan", dr_mirror_forecast_json(target, &common->pace), err) < 0))
        return -1;
    for (size_t i = 0; i < target->plan.image_count && !failed; i++) {
        if (dr_json_append(json_object_get(entry, "images"), image_json(target, i, planned), err) <
            0)
            return -1;
    }
    return 0;
}

int dr_mirror_report_json(const struct dr_mirror_target *targets, size_t count, bool planned,
                          const struct dr_mirror_common *common, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(common->bundle);
    char sums[DR_DIGEST_TEXT];
    json_auto_t *report =
        json_pack("{s:{s:o, s:s, s:s*}, s:b, s:[]}", "bundle", "path", dr_json_name(common->path),
                  "sums", dr_digest_text(&about->sums, sums), "release", about->release, "dry_run",
                  planned, "targets");

    if (!report)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (add_target(&targets[i], planned, common, json_object_get(report, "targets"), err) < 0)
            return -1;
    }
    return dr_json_print(report, stdout, err);
}
