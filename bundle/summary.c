/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/summary.h"

#include <stdio.h>

#include "bundle/file/reader.h"
#include "bundle/inspect.h"
#include "bundle/part.h"
#include "bundle/split.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

/* What is to be done now: further signatures, or a look at it. */
static void say_next(const struct dr_summary *summary, const struct dr_log *log)
{
    size_t missing = summary->signers - (summary->key ? 1 : 0);

    if (summary->volumes)
        dr_log_say(log,
                   "next: drover verify %s.001 --pubkey PUB, and each on its medium with --alone",
                   summary->output);
    else if (missing == 0)
        dr_log_say(log, "next: drover verify %s --pubkey PUB", summary->output);
    else
        dr_log_say(
            log,
            "next, for each of %zu signature%s: drover sign %s --key KEY, then drover attach "
            "%s SIG --pubkey PUB",
            missing, missing == 1 ? "" : "s", summary->output, summary->output);
}

static void print_tools(const struct dr_writer *writer)
{
    for (size_t i = 0; i < writer->extra_count; i++) {
        char size[16];

        dr_text_size(writer->extras[i].size, size);
        printf("  %-14s  %s, %s\n", i ? "" : "carries", writer->extras[i].name, size);
    }
}

static int print_result(const struct dr_summary *summary, struct dr_err *err)
{
    char volumes[32] = "";
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;
    char size[16];

    if (summary->key && dr_key_id(summary->key, &id, err) < 0)
        return -1;
    dr_text_size(dr_layout_total(&summary->writer->layout), size);
    if (summary->volumes)
        snprintf(volumes, sizeof volumes, "%llu volume%s, ",
                 (unsigned long long)summary->volumes->count,
                 summary->volumes->count == 1 ? "" : "s");
    printf("%s  %s, %s%s%.16s\n", summary->output, size, volumes,
           summary->key ? "signed by key " : "not signed",
           summary->key ? dr_digest_hex(&id, hex) : "");
    for (size_t i = 0; i < summary->count; i++) {
        char name[DR_REFERENCE_TEXT];

        printf("  %-14s  %s\n  %14s  %s\n", summary->images[i].role,
               dr_reference_text(&summary->images[i].reference, name), "",
               dr_digest_text(&summary->images[i].manifest.digest, hex));
    }
    dr_delta_print(summary->delta, stdout);
    print_tools(summary->writer);
    return summary->volumes ? dr_split_print(summary->volumes, summary->output, stdout, err) : 0;
}

/* Read back from the disk, so that it is what others will find. */
static int print_json(const struct dr_summary *summary, struct dr_err *err)
{
    const struct dr_key *key = summary->key;
    const struct dr_bundle_trust trust = {
        .keys = &key, .key_count = 1, .ignore_clock = true, .unverified = !key};
    dr_autofree char *first = summary->volumes ? dr_volume_path(summary->output, 1, err)
                                               : dr_text_copy(summary->output, err);
    dr_auto_bundle struct dr_bundle *bundle = first ? dr_bundle_open(first, &trust, err) : NULL;
    json_auto_t *object = bundle ? dr_inspect_json(bundle, err) : NULL;

    if (!object || (summary->volumes &&
                    dr_json_set(object, "volumes",
                                dr_split_json(summary->volumes, summary->output, err), err) < 0))
        return -1;
    return dr_json_print(object, stdout, err);
}

int dr_summary_print(const struct dr_summary *summary, const struct dr_log *log, struct dr_err *err)
{
    double seconds = summary->seconds > 0 ? summary->seconds : 1;
    char rate[16];
    char took[16];

    if (summary->output &&
        (summary->json ? print_json(summary, err) : print_result(summary, err)) < 0)
        return -1;
    dr_text_size((uint64_t)((double)summary->writer->blob_bytes / seconds), rate);
    dr_text_seconds(summary->seconds, took);
    dr_log_say(log, "%zu image%s in %zu blobs, in %s (%s/s)", summary->count,
               summary->count == 1 ? "" : "s", summary->writer->blob_count, took, rate);
    if (summary->output)
        say_next(summary, log);
    return 0;
}
