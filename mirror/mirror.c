/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/mirror.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bundle/file/check.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/registry/registry.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "mirror/plan.h"
#include "mirror/push.h"

static json_t *image_json(const struct dr_mirror_image *mirrored, bool written)
{
    char source[DR_REFERENCE_TEXT];
    char target[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s}", "reference",
                     dr_reference_text(&mirrored->image->reference, source), "target",
                     dr_reference_text(&mirrored->target, target), "digest",
                     dr_digest_text(&mirrored->image->manifest.digest, digest), "result",
                     written ? "sent" : "present");
}

static int print_json(const struct dr_mirror_push *push, const struct dr_mirror_options *options,
                      struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(push->bundle);
    char sums[DR_DIGEST_TEXT];
    json_auto_t *report = json_pack(
        "{s:{s:s, s:s, s:s*}, s:s, s:{s:I, s:I, s:I, s:I}, s:I, s:[]}", "bundle", "path",
        options->bundle, "sums", dr_digest_text(&about->sums, sums), "release", about->release,
        "registry", options->registry, "blobs", "present", (json_int_t)push->present, "sent",
        (json_int_t)push->sent, "mounted", (json_int_t)push->mounted, "bytes_sent",
        (json_int_t)push->bytes_sent, "tags_written", (json_int_t)push->tags_moved, "images");
    dr_autofree char *text = NULL;

    if (!report)
        return dr_fail_memory(err);
    for (size_t i = 0; i < push->plan->image_count; i++) {
        if (dr_json_append(json_object_get(report, "images"),
                           image_json(&push->plan->images[i], push->written[i]), err) < 0)
            return -1;
    }
    text = dr_json_text(report, true, err);
    if (!text)
        return -1;
    puts(text);
    return 0;
}

static void print_lines(const struct dr_mirror_push *push)
{
    size_t width = 0;

    for (size_t i = 0; i < push->plan->image_count; i++) {
        char name[DR_REFERENCE_TEXT];
        size_t length = strlen(dr_reference_text(&push->plan->images[i].target, name));

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < push->plan->image_count; i++) {
        const struct dr_mirror_image *mirrored = &push->plan->images[i];
        char name[DR_REFERENCE_TEXT];
        char digest[DR_DIGEST_TEXT];

        printf("%-*s  %s  %s\n", (int)width, dr_reference_text(&mirrored->target, name),
               dr_digest_text(&mirrored->image->manifest.digest, digest),
               push->written[i] ? "sent" : "present");
    }
}

static int report(const struct dr_mirror_push *push, const struct dr_mirror_options *options,
                  double seconds, const struct dr_log *log, struct dr_err *err)
{
    char size[16];
    char took[16];

    dr_text_size(push->bytes_sent, size);
    dr_text_seconds(seconds, took);
    dr_log_say(log, "blobs: %zu present%s, %zu sent%s%s%s, %zu mounted from a neighbour",
               push->present, push->present ? " (not re-hashed)" : "", push->sent,
               push->sent ? " (" : "", push->sent ? size : "", push->sent ? ")" : "",
               push->mounted);
    dr_log_say(
        log, "tags: %zu written, %zu as they should be; every manifest read back and compared; %s",
        push->tags_moved, push->plan->image_count - push->tags_moved, took);
    if (options->json)
        return print_json(push, options, err);
    print_lines(push);
    return 0;
}

static int push(const struct dr_bundle *bundle, struct dr_registry *registry,
                const struct dr_destination *destination, const struct dr_mirror_options *options,
                const struct dr_log *log, struct dr_err *err)
{
    dr_auto_mirror_plan struct dr_mirror_plan plan = DR_MIRROR_PLAN_INIT;
    dr_autofree bool *written = NULL;
    double started = dr_clock();
    struct dr_mirror_push push = {
        .registry = registry, .bundle = bundle, .plan = &plan, .log = log};

    if (dr_mirror_plan_make(bundle, destination, &plan, err) < 0)
        return -1;
    written = push.written = calloc(plan.image_count + 1, sizeof *written);
    if (!written)
        return dr_fail_memory(err);
    if (dr_mirror_push_all(&push, err) < 0)
        return -1;
    return report(&push, options, dr_clock() - started, log, err);
}

int dr_mirror_run(const struct dr_mirror_options *options, const struct dr_log *log,
                  struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    dr_auto_registry struct dr_registry *registry = NULL;
    dr_auto_destination struct dr_destination destination = DR_DESTINATION_INIT;

    if (dr_destination_read(options->registry, options->reach.maps, options->reach.map_count,
                            &destination, err) < 0)
        return -1;
    bundle = dr_bundle_open(options->bundle, options->trust, err);
    if (!bundle)
        return -1;
    dr_destination_warn(&destination, bundle, log);
    /* One question before the long hashing: a registry that isn't there should be said at once. */
    registry = dr_destination_connect(&destination, &options->reach, log, err);
    if (!registry || dr_registry_ping(registry, err) < 0 ||
        dr_bundle_check_layers(bundle, options->bundle, true, log, err) < 0)
        return -1;
    return push(bundle, registry, &destination, options, log, err);
}
