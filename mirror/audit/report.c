/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/audit/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bundle/file/reader.h"
#include "lib/json.h"
#include "lib/text.h"
#include "mirror/audit/audit.h"

struct report {
    const struct dr_audit_options *options;
    const struct dr_bundle *bundle;
    const struct dr_destination *destination;
    const struct dr_audit *audit;
    struct dr_receipt_saved receipt;
};

static size_t gaps_of(const struct dr_audit *audit, size_t image)
{
    size_t count = 0;

    for (size_t i = 0; i < audit->gap_count; i++)
        count += audit->gaps[i].image == image;
    return count;
}

static int print_image(const struct report *report, const struct dr_bundle_image *images,
                       size_t index, int width, struct dr_err *err)
{
    const struct dr_bundle_image *image = &images[index];
    size_t gaps = gaps_of(report->audit, index);
    struct dr_reference target;
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];

    if (dr_destination_place(report->destination, &image->reference, &target, err) < 0)
        return -1;
    printf("%-*s  %s  ", width, dr_reference_text(&target, name),
           dr_digest_text(&image->manifest.digest, digest));
    if (gaps == 0)
        puts("complete");
    else
        printf("%zu gap%s\n", gaps, gaps == 1 ? "" : "s");
    for (size_t i = 0; i < report->audit->gap_count; i++) {
        if (report->audit->gaps[i].image == index)
            printf("  %s\n", report->audit->gaps[i].text);
    }
    return 0;
}

static int print_lines(const struct report *report, struct dr_err *err)
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(report->bundle, &count);
    size_t width = 0;

    for (size_t i = 0; i < count; i++) {
        struct dr_reference target;
        char name[DR_REFERENCE_TEXT];
        size_t length;

        if (dr_destination_place(report->destination, &images[i].reference, &target, err) < 0)
            return -1;
        length = strlen(dr_reference_text(&target, name));
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < count; i++) {
        if (print_image(report, images, i, (int)width, err) < 0)
            return -1;
    }
    return 0;
}

static json_t *gap_json(const struct dr_audit_gap *gap)
{
    static const char *const kinds[] = {
        [DR_AUDIT_TAG] = "tag",
        [DR_AUDIT_MANIFEST] = "manifest",
        [DR_AUDIT_CONFIG] = "config",
        [DR_AUDIT_LAYER] = "layer",
    };
    char digest[DR_DIGEST_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s}", "kind", kinds[gap->kind], "digest",
                     dr_digest_text(&gap->digest, digest), "state",
                     gap->damaged ? "damaged" : "missing", "text", gap->text);
}

static int add_image(const struct report *report, const struct dr_bundle_image *images,
                     size_t index, json_t *to, struct dr_err *err)
{
    const struct dr_bundle_image *image = &images[index];
    struct dr_reference target;
    char source[DR_REFERENCE_TEXT];
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    json_t *entry;

    if (dr_destination_place(report->destination, &image->reference, &target, err) < 0)
        return -1;
    entry = json_pack("{s:s, s:s, s:s, s:b, s:[]}", "reference",
                      dr_reference_text(&image->reference, source), "target",
                      dr_reference_text(&target, name), "digest",
                      dr_digest_text(&image->manifest.digest, digest), "complete",
                      gaps_of(report->audit, index) == 0, "gaps");
    if (dr_json_append(to, entry, err) < 0)
        return -1;
    for (size_t i = 0; i < report->audit->gap_count; i++) {
        const struct dr_audit_gap *gap = &report->audit->gaps[i];

        if (gap->image == index &&
            dr_json_append(json_object_get(entry, "gaps"), gap_json(gap), err) < 0)
            return -1;
    }
    return 0;
}

static int print_json(const struct report *report, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(report->bundle);
    const struct dr_audit *audit = report->audit;
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(report->bundle, &count);
    char sums[DR_DIGEST_TEXT];
    json_auto_t *document = json_pack(
        "{s:{s:o, s:s, s:s*}, s:s, s:b, s:b, s:I, s:I, s:I, s:[]}", "bundle", "path",
        dr_json_name(report->options->bundle), "sums", dr_digest_text(&about->sums, sums),
        "release", about->release, "registry", report->options->registry, "deep",
        report->options->deep, "complete", audit->gap_count == 0, "blobs", (json_int_t)audit->blobs,
        "bytes", (json_int_t)audit->bytes, "bytes_hashed", (json_int_t)audit->read, "images");

    if (!document)
        return dr_fail_memory(err);
    if (report->receipt.path &&
        dr_json_set(document, "receipt", dr_receipt_describe(&report->receipt), err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (add_image(report, images, i, json_object_get(document, "images"), err) < 0)
            return -1;
    }
    return dr_json_print(document, stdout, err);
}

static void summarize(const struct report *report, const struct dr_log *log)
{
    const struct dr_audit *audit = report->audit;
    char bytes[16];
    char read[16];

    dr_text_size(audit->bytes, bytes);
    dr_text_size(audit->read, read);
    dr_log_say(log, "%zu image%s: every manifest compared, %zu configs and layers (%s) %s%s%s",
               audit->images, audit->images == 1 ? "" : "s", audit->blobs, bytes,
               report->options->deep ? "asked for; downloaded and hashed "
                                     : "asked for, not downloaded; --deep hashes them",
               report->options->deep ? read : "",
               report->options->deep ? ", each once from every repository" : "");
}

/* What is damaged counts before what is missing: mirror sends nothing that the registry says it has. */
static int conclude(const struct report *report, struct dr_err *err)
{
    const struct dr_audit *audit = report->audit;
    size_t missing = audit->gap_count - audit->damaged;

    if (audit->damaged > 0)
        return dr_fail(err, DR_ERR_PROOF,
                       "the registry '%s' has %zu of what the bundle holds with other content%s: "
                       "its storage is damaged or was changed; delete these there (and let it "
                       "collect its garbage), then run 'drover mirror' again",
                       report->options->registry, audit->damaged,
                       missing > 0 ? ", and lacks more" : "");
    if (missing > 0)
        return dr_fail(err, DR_ERR_ABSENT,
                       "the registry '%s' lacks %zu of what the bundle holds; push it with 'drover "
                       "mirror %s %s'%s",
                       report->options->registry, missing, report->options->bundle,
                       report->options->registry,
                       report->destination->map_count > 0 ? " and the same --map" : "");
    return 0;
}

int dr_audit_run(const struct dr_audit_options *options, const struct dr_log *log,
                 struct dr_err *err)
{
    dr_auto_destination struct dr_destination destination = DR_DESTINATION_INIT;
    dr_auto_audit struct dr_audit audit = DR_AUDIT_INIT;
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    dr_auto_registry struct dr_registry *registry = NULL;
    struct report report = {.options = options, .destination = &destination, .audit = &audit};
    struct dr_err why = DR_ERR_INIT; /* no receipt; what was found is told all the same */
    int64_t when;

    if (dr_destination_read(options->registry, options->reach.maps, options->reach.map_count,
                            &destination, err) < 0)
        return -1;
    report.bundle = bundle = dr_bundle_open(options->bundle, options->trust, err);
    if (!bundle)
        return -1;
    dr_destination_warn(&destination, bundle, log);
    registry = dr_destination_connect(&destination, &options->reach, log, err);
    when = time(NULL);
    if (!registry || dr_registry_ping(registry, err) < 0 ||
        dr_audit_bundle(registry, bundle, &destination, options->deep, log, &audit, err) < 0)
        return -1;
    dr_receipt_save(&options->receipt, bundle, &destination, &audit, options->deep, when,
                    &report.receipt, &why);
    if ((options->json ? print_json(&report, err) : print_lines(&report, err)) < 0)
        return -1;
    summarize(&report, log);
    dr_receipt_tell(&report.receipt, log);
    if (why.code != DR_OK)
        return dr_fail(err, why.code, "%s", why.text);
    return conclude(&report, err);
}
