/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/join.h"

#include <stdio.h>
#include <stdlib.h>

#include "bundle/file/reader.h"
#include "bundle/file/volumes.h"
#include "bundle/part.h"
#include "lib/cleanup.h"
#include "lib/stop.h"
#include "lib/text.h"

#define CHUNK ((size_t)256 << 10)

static int copy(const struct dr_bundle *bundle, const struct dr_part *part,
                struct dr_progress *progress, struct dr_err *err)
{
    dr_autofree char *chunk = malloc(CHUNK);
    uint64_t done = 0;
    long got;

    if (!chunk)
        return dr_fail_memory(err);
    while ((got = dr_bundle_file_read(bundle, done, chunk, CHUNK, err)) > 0) {
        if (dr_stop_check(err, "volumes were joined") < 0 ||
            dr_pieces_write(&part->pieces, chunk, (size_t)got, done, err) < 0)
            return -1;
        dr_progress_add(progress, (uint64_t)got);
        done += (uint64_t)got;
    }
    return got < 0 ? -1 : 0;
}

static int check(const char *path, const struct dr_bundle_trust *trust, struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(path, trust, err);

    return bundle ? dr_bundle_hash_layers(bundle, NULL, err) : -1;
}

/* Of a file that came out wrong, the volumes know which of them it is. */
static int write_all(struct dr_bundle *bundle, const struct dr_join_options *options,
                     struct dr_part *part, const struct dr_bundle_trust *trust,
                     const struct dr_log *log, struct dr_err *err)
{
    uint64_t total = dr_bundle_file_size(bundle);
    struct dr_progress progress;
    struct dr_err why = DR_ERR_INIT;
    int done;

    part->replace = options->replace;
    if (dr_part_open(part, options->output, NULL, NULL, err) < 0 || dr_part_empty(part, err) < 0 ||
        dr_part_reserve(part, total, err) < 0)
        return -1;
    dr_progress_start(&progress, log, "join", total);
    done = copy(bundle, part, &progress, &why);
    dr_progress_end(&progress);
    if (done == 0)
        done = check(part->draft, trust, &why);
    if (done < 0 && why.code == DR_ERR_VERIFY && dr_bundle_hash_layers(bundle, NULL, err) < 0)
        return -1;
    if (done < 0 && err)
        *err = why;
    return done < 0 ? -1 : dr_part_commit(part, err);
}

int dr_join_run(const struct dr_join_options *options, const struct dr_log *log, struct dr_err *err)
{
    dr_auto_part struct dr_part part = DR_PART_INIT;
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    struct dr_bundle_trust trust = *options->trust;
    char digest[DR_DIGEST_TEXT];
    char size[16];

    trust.state = NULL;
    trust.max_age = 0;
    trust.min_serial = 0;
    bundle = dr_bundle_open(options->volumes, &trust, err);
    if (!bundle)
        return -1;
    if (!dr_bundle_volumes(bundle) && dr_bundle_about(bundle)->delta)
        return dr_fail(err, DR_ERR_USAGE,
                       "'%s' is a delta: name the bundles that it builds on before it ('drover "
                       "inspect' tells which these are)",
                       options->volumes);
    if (!dr_bundle_volumes(bundle))
        return dr_fail(
            err, DR_ERR_USAGE,
            "'%s' is one file already: merge joins volumes, or makes the whole bundle of "
            "a delta and the bundles that it builds on, and that comes last",
            options->volumes);
    if (dr_volumes_demand_all(dr_bundle_volumes(bundle), err) < 0 ||
        write_all(bundle, options, &part, &trust, log, err) < 0)
        return -1;
    dr_text_size(dr_bundle_file_size(bundle), size);
    printf("%s  %s, joined of %llu volumes, signed, every byte checked\n  SHA256SUMS  %s\n",
           options->output, size,
           (unsigned long long)dr_volumes_set(dr_bundle_volumes(bundle))->count,
           dr_digest_text(&dr_bundle_about(bundle)->sums, digest));
    return 0;
}
