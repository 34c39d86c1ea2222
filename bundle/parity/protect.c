/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/parity/protect.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/check.h"
#include "bundle/file/reader.h"
#include "bundle/file/volume.h"
#include "bundle/file/volumes.h"
#include "bundle/parity/candidates.h"
#include "bundle/parity/make.h"
#include "bundle/parity/scheme.h"
#include "lib/cleanup.h"
#include "lib/text.h"

int dr_protect_read_percent(const char *text, unsigned *ret_percent, struct dr_err *err)
{
    dr_autofree char *digits = dr_text_copy(text, err);
    uint64_t value = 0;

    if (!digits)
        return -1;
    if (dr_text_ends(digits, "%"))
        digits[strlen(digits) - 1] = '\0';
    if (dr_text_uint64(digits, DR_SCHEME_PERCENT_MAX, &value, NULL) < 0 || value == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "parity is a percentage of the bundle from 1%% to %d%%, not '%.40s'",
                       DR_SCHEME_PERCENT_MAX, text);
    *ret_percent = (unsigned)value;
    return 0;
}

int dr_protect_measure(const struct dr_volume_set *set, unsigned percent, uint64_t limit,
                       uint64_t *ret_bytes, struct dr_err *err)
{
    struct dr_volume_set one = *set; /* borrows from it */
    const struct dr_parity_wish wish = {
        .percent = percent, .limit = limit, .set = limit > 0 ? set : &one};
    uint64_t label = 0;

    dr_volume_set_whole(&one);
    if (limit > 0) {
        if (dr_volume_behind(set, &label, err) < 0)
            return -1;
        label -= 32 * dr_volume_chunks(set->slice) + set->frame_size;
    }
    return dr_parity_measure(&wish, set->count * label, ret_bytes, err);
}

static int read_bundle(void *context, uint64_t offset, void *ret_data, size_t size,
                       struct dr_err *err)
{
    char *to = ret_data;

    while (size > 0) {
        long got = dr_bundle_file_read(context, offset, to, size, err);

        if (got < 0)
            return -1;
        if (got == 0)
            return dr_fail(err, DR_ERR_VERIFY, "the bundle became shorter while it was read");
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

/* ---- volumes */

/* Copies of all labels, and the size of the largest file. */
static int read_labels(const struct dr_volumes *volumes, const struct dr_bundle_trust *trust,
                       struct dr_label *ret_labels, uint64_t *ret_largest, struct dr_err *err)
{
    uint64_t count = dr_volumes_set(volumes)->count;

    *ret_largest = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct dr_volumes_item *item = dr_volumes_item(volumes, i + 1);
        dr_auto_volume struct dr_volume volume = DR_VOLUME_INIT;
        uint64_t size;

        if (dr_volume_read(item->fd, trust, &volume, err) < 0)
            return dr_err_wrap(err, "read the label of '%s'", item->path);
        size = dr_volume_label_at(&volume) + dr_label_room(&volume.label);
        if (size > *ret_largest)
            *ret_largest = size;
        ret_labels[i] = volume.label;
        volume.label = (struct dr_label)DR_LABEL_INIT;
    }
    return 0;
}

static void free_labels(struct dr_label *labels, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        dr_label_release(&labels[i]);
    free(labels);
}

static int make_beside_volumes(const struct dr_protect_options *options, struct dr_bundle *bundle,
                               const struct dr_log *log, char **ret_output,
                               struct dr_parity_made *ret_made, struct dr_err *err)
{
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);
    const struct dr_volume_set *set = dr_volumes_set(volumes);
    struct dr_label *labels = calloc(set->count, sizeof *labels);
    struct dr_parity_wish wish = {.percent = options->percent,
                                  .replace = options->replace,
                                  .set = set,
                                  .labels = labels,
                                  .read = read_bundle,
                                  .context = bundle,
                                  .key = options->key};
    uint64_t largest;
    int done;

    *ret_output = dr_text_copy(dr_volumes_item(volumes, 1)->path, err);
    if (!labels || !*ret_output)
        return dr_fail_memory(err);
    dr_candidates_strip(*ret_output);
    done = read_labels(volumes, options->trust, labels, &largest, err);
    wish.output = *ret_output;
    wish.limit = options->limit ? options->limit : largest;
    if (done == 0)
        done = dr_parity_make(&wish, log, ret_made, err);
    free_labels(labels, set->count);
    return done;
}

/* ---- both */

static int make_beside_bundle(const struct dr_protect_options *options, struct dr_bundle *bundle,
                              const struct dr_log *log, char **ret_output,
                              struct dr_parity_made *ret_made, struct dr_err *err)
{
    dr_auto_volume_set struct dr_volume_set set = DR_VOLUME_SET_INIT;
    const struct dr_parity_wish wish = {.output = options->path,
                                        .percent = options->percent,
                                        .replace = options->replace,
                                        .set = &set,
                                        .read = read_bundle,
                                        .context = bundle,
                                        .key = options->key};

    *ret_output = dr_text_copy(options->path, err);
    if (!*ret_output || dr_bundle_describe_set(bundle, &set, err) < 0)
        return -1;
    dr_volume_set_whole(&set);
    return dr_parity_make(&wish, log, ret_made, err);
}

static void print(const struct dr_parity_made *made, const char *output, bool split, FILE *out)
{
    char size[16];

    dr_text_size(made->bytes, size);
    fprintf(out, "parity: %s.%s", output, split ? "p01" : "parity");
    if (made->files > 1)
        fprintf(out, " to .p%02u", made->files);
    fprintf(out, ", %s: of every %u chunks that belong together any %u may be lost\n", size,
            made->columns + made->rows, made->rows);
}

int dr_protect(const struct dr_protect_options *options, FILE *out, const struct dr_log *log,
               struct dr_err *err)
{
    dr_auto_bundle struct dr_bundle *bundle = dr_bundle_open(options->path, options->trust, err);
    dr_autofree char *output = NULL;
    struct dr_parity_made made;
    bool split = bundle && dr_bundle_volumes(bundle);

    if (!bundle || dr_bundle_check_layers(bundle, options->path, false, log, err) < 0)
        return -1;
    if ((split ? make_beside_volumes(options, bundle, log, &output, &made, err)
               : make_beside_bundle(options, bundle, log, &output, &made, err)) < 0)
        return dr_err_wrap(err, "make parity");
    print(&made, output, split, out);
    return 0;
}

int dr_protect_new(const struct dr_protect_options *options, FILE *out, const struct dr_log *log,
                   struct dr_err *err)
{
    const struct dr_bundle_trust trust = {
        .keys = &options->key, .key_count = 1, .threshold = 1, .ignore_clock = true};
    struct dr_protect_options all = *options;
    dr_autofree char *path = NULL;

    if (options->percent == 0)
        return 0;
    path = options->limit ? dr_text_format(err, "%s.001", options->path)
                          : dr_text_copy(options->path, err);
    if (!path)
        return -1;
    all.path = path;
    all.trust = &trust;
    if (dr_protect(&all, out, log, err) < 0)
        return dr_err_advise(err,
                             "the bundle itself is complete; 'drover parity %u%% %s --key KEY' "
                             "makes its parity",
                             options->percent, path);
    return 0;
}
