/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/split.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle/file/media.h"
#include "bundle/file/sums.h"
#include "bundle/frame.h"
#include "bundle/part.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/* Layers, and what is as large: programs. */
static void mark_large(const struct dr_writer *writer, bool *left_out)
{
    const struct dr_layout *layout = &writer->layout;
    size_t blobs = 0;

    while (blobs < layout->count &&
           !dr_sums_is_blob(layout->members[blobs].name)) /* the first one is at least a manifest */
        blobs++;
    for (size_t i = 0; i < writer->blob_count; i++)
        left_out[blobs + i] = writer->blobs[i].layer;
    for (size_t i = layout->count - writer->extra_count; i < layout->count; i++)
        left_out[i] = dr_text_starts(layout->members[i].name, DR_NAME_PROGRAM);
}

int dr_split_describe(struct dr_volume_set *set, const struct dr_writer *writer,
                      const struct dr_bundle_about *about, struct dr_err *err)
{
    dr_autofree bool *left_out = calloc(writer->layout.count, sizeof *left_out);

    if (!left_out)
        return dr_fail_memory(err);
    dr_volume_set_release(set);
    mark_large(writer, left_out);
    dr_digest_of(writer->sums.data, writer->sums.size, &set->sums);
    return dr_volume_set_name(set, about, err) < 0
               ? -1
               : dr_volume_set_frame(set, &writer->layout, left_out, err);
}

void dr_split_at(struct dr_volume_set *set, uint64_t slice)
{
    set->slice = slice;
    set->count = (set->total + slice - 1) / slice;
}

int dr_split_seal(const struct dr_volume_set *set, const struct dr_pieces *pieces, int frame,
                  const struct dr_key *key, const struct dr_log *log, struct dr_err *err)
{
    struct dr_progress progress;
    uint64_t bytes = 0;
    int done = 0;

    for (uint64_t i = 0; i < pieces->count; i++)
        bytes += pieces->items[i].fd >= 0 ? dr_slice_size(set, i + 1) : 0;
    dr_progress_start(&progress, log, "seal", bytes);
    for (uint64_t i = 0; done == 0 && i < pieces->count; i++) {
        const struct dr_piece *piece = &pieces->items[i];

        if (piece->fd >= 0)
            done = dr_volume_seal(set, i + 1, piece->fd, frame, key, piece->draft, &progress, err);
    }
    dr_progress_end(&progress);
    return done;
}

/* ---- of a bundle that exists */

static void warn_of_key(const struct dr_bundle *bundle, const struct dr_key *key,
                        const struct dr_log *log)
{
    const struct dr_signers *signers = &dr_bundle_about(bundle)->signers;
    struct dr_digest id;
    char hex[DR_DIGEST_TEXT];

    if (dr_key_id(key, &id, NULL) < 0)
        return;
    for (size_t i = 0; i < signers->count; i++) {
        if (dr_digest_equal(&signers->ids[i], &id))
            return;
    }
    dr_log_warn(log,
                "the key %.16s did not sign the bundle itself: whoever is to read the volumes has "
                "to believe this key too",
                dr_digest_hex(&id, hex));
}

struct dr_bundle *dr_split_open(const char *path, const struct dr_key *key,
                                const struct dr_key *const *others, size_t count,
                                const struct dr_log *log, struct dr_err *err)
{
    dr_autofree const struct dr_key **keys = calloc(count + 1, sizeof *keys);
    const struct dr_bundle_trust trust = {
        .keys = keys, .key_count = count + 1, .ignore_clock = true};
    struct dr_bundle *bundle;

    if (!keys) {
        dr_fail_memory(err);
        return NULL;
    }
    keys[0] = key;
    for (size_t i = 0; i < count; i++)
        keys[1 + i] = others[i];
    bundle = dr_bundle_open(path, &trust, err);
    if (bundle)
        warn_of_key(bundle, key, log);
    return bundle;
}

static int copy_extent(const struct dr_extent *extent, const struct dr_bundle *bundle, int to,
                       struct dr_err *err)
{
    char chunk[65536];

    for (uint64_t done = 0; done < extent->size;) {
        uint64_t left = extent->size - done;
        long got = dr_bundle_file_read(bundle, extent->offset + done, chunk,
                                       left < sizeof chunk ? (size_t)left : sizeof chunk, err);

        if (got <= 0 ||
            dr_file_pwrite(to, chunk, (size_t)got, extent->offset + done, "the bundle", err) < 0)
            return -1;
        done += (uint64_t)got;
    }
    return 0;
}

int dr_split_frame(const struct dr_volume_set *set, const struct dr_bundle *bundle,
                   struct dr_err *err)
{
    dr_autoclose int fd = dr_file_in_memory(set->total, err);

    for (size_t i = 0; fd >= 0 && i < set->frame_count; i++) {
        if (copy_extent(&set->frame[i], bundle, fd, err) < 0)
            return -1;
    }
    return dr_steal_fd(&fd);
}

int dr_split_refuse(const char *path, struct dr_err *err)
{
    if (!dr_media_is_at(path))
        return 0;
    return dr_fail(err, DR_ERR_USAGE,
                   "'%s' is a volume of a bundle, or a folder with such: these were signed when "
                   "they were made and have no room for further signatures, which go into a bundle "
                   "in one file",
                   path);
}

/* ---- what is told */

const char *dr_split_label(const struct dr_volume_set *set, uint64_t number, const char *output,
                           char ret[DR_SPLIT_LABEL])
{
    snprintf(ret, DR_SPLIT_LABEL, "%s%.255s volume %llu of %llu", set->release ? "rancher-" : "",
             set->release ? set->release : dr_file_name(output), (unsigned long long)number,
             (unsigned long long)set->count);
    return ret;
}

/* Of the volume's file. */
static int measure(const char *path, uint64_t *ret_size, struct dr_err *err)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "look at '%s'", path);
    *ret_size = (uint64_t)info.st_size;
    return 0;
}

int dr_split_print_one(const struct dr_volume_set *set, uint64_t number, const char *output,
                       FILE *to, struct dr_err *err)
{
    dr_autofree char *path = dr_volume_path(output, number, err);
    char label[DR_SPLIT_LABEL];
    char size[16];
    uint64_t bytes = 0;

    if (!path || measure(path, &bytes, err) < 0)
        return -1;
    dr_text_size(bytes, size);
    fprintf(to, "%s  %s, to be labelled \"%s\"\n", path, size,
            dr_split_label(set, number, output, label));
    return 0;
}

int dr_split_print(const struct dr_volume_set *set, const char *output, FILE *to,
                   struct dr_err *err)
{
    for (uint64_t number = 1; number <= set->count; number++) {
        if (dr_split_print_one(set, number, output, to, err) < 0)
            return -1;
    }
    return 0;
}

json_t *dr_split_json_one(const struct dr_volume_set *set, uint64_t number, const char *output,
                          struct dr_err *err)
{
    dr_autofree char *path = dr_volume_path(output, number, err);
    char label[DR_SPLIT_LABEL];
    uint64_t bytes = 0;
    json_t *object;

    if (!path || measure(path, &bytes, err) < 0)
        return NULL;
    object = json_pack("{s:o, s:I, s:o, s:I, s:I, s:I}", "file", dr_json_name(path), "volume",
                       (json_int_t)number, "label",
                       dr_json_name(dr_split_label(set, number, output, label)), "bytes",
                       (json_int_t)bytes, "offset", (json_int_t)dr_slice_offset(set, number),
                       "slice", (json_int_t)dr_slice_size(set, number));
    if (!object)
        dr_fail_memory(err);
    return object;
}

json_t *dr_split_json(const struct dr_volume_set *set, const char *output, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (uint64_t number = 1; number <= set->count; number++) {
        json_t *object = dr_split_json_one(set, number, output, err);

        if (!object || dr_json_append(list, object, err) < 0)
            return NULL;
    }
    return json_incref(list);
}
