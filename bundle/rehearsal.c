/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/rehearsal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/parity/protect.h"
#include "bundle/part.h"
#include "bundle/savings.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

struct sums {
    uint64_t total;  /* of the bundle */
    uint64_t media;  /* of all that is carried: with what volumes repeat */
    uint64_t last;   /* of them, in the last volume */
    uint64_t parity; /* of the files beside them, at most */
    uint64_t layers;
    uint64_t bytes; /* of the layers */
    uint64_t kept;  /* of them, by an earlier run */
    uint64_t need;  /* of the disk, beyond what OUTPUT.part has */
    uint64_t room;
    uint64_t most; /* that a file may have there */
};

/* Adds what the draft of that name has; false: there is none. */
static bool add_draft(const char *path, struct stat *sum)
{
    dr_autofree char *draft = path ? dr_text_format(NULL, "%s.part", path) : NULL;
    struct stat info;

    if (!draft || lstat(draft, &info) < 0)
        return false;
    sum->st_size += info.st_size;
    sum->st_blocks += info.st_blocks;
    return true;
}

/* OUTPUT.part, and those of volumes. They are filled or begun anew in any case. */
static struct stat add_drafts(const char *output)
{
    struct stat sum = {.st_size = 0};
    bool more = true;

    add_draft(output, &sum);
    for (uint64_t number = 1; more && number <= DR_VOLUMES_MAX; number++) {
        dr_autofree char *path = dr_volume_path(output, number, NULL);

        more = add_draft(path, &sum);
    }
    return sum;
}

int dr_rehearsal_look(const char *output, const json_t *asked, struct dr_past *ret_past,
                      struct dr_err *err)
{
    dr_autofree char *journal = dr_text_format(err, "%s.part.journal", output);
    struct stat there = add_drafts(output);

    if (!journal)
        return -1;
    dr_past_read(journal, asked, ret_past);
    /* Volumes have something behind their slices. */
    if (ret_past->journal && (ret_past->slice ? (uint64_t)there.st_size < ret_past->total
                                              : (uint64_t)there.st_size != ret_past->total))
        dr_past_release(ret_past);
    return 0;
}

/* At most: how long the labels become is known when they are signed. */
static int add_volumes(const struct dr_volume_set *set, struct sums *sums, struct dr_err *err)
{
    uint64_t slice = dr_slice_size(set, set->count);
    uint64_t behind;

    if (dr_volume_behind(set, &behind, err) < 0)
        return -1;
    sums->last = slice + behind - 32 * (dr_volume_chunks(set->slice) - dr_volume_chunks(slice));
    sums->media = (set->count - 1) * (set->slice + behind) + sums->last;
    return 0;
}

static int add_up(const struct dr_rehearsal *rehearsal, struct sums *ret_sums, struct dr_err *err)
{
    const struct dr_writer *writer = rehearsal->writer;
    struct sums sums = {.total = dr_layout_total(&writer->layout)};
    dr_autofree char *folder = dr_file_folder(rehearsal->output ? rehearsal->output : "", err);
    const struct dr_volume_set *volumes = rehearsal->volumes;
    const struct dr_past *past = rehearsal->past;
    bool goes_on =
        past->journal && past->total == sums.total && past->slice == (volumes ? volumes->slice : 0);
    uint64_t there =
        rehearsal->output ? 512 * (uint64_t)add_drafts(rehearsal->output).st_blocks : 0;

    sums.media = sums.total;
    if (volumes && add_volumes(volumes, &sums, err) < 0)
        return -1;
    for (size_t i = 0; i < writer->blob_count; i++) {
        const struct dr_bundle_blob *blob = &writer->blobs[i];

        if (!blob->layer)
            continue;
        sums.layers++;
        sums.bytes += blob->size;
        if (goes_on)
            sums.kept += dr_past_done(past, &blob->digest, blob->offset, blob->size);
    }
    if (rehearsal->parity && dr_protect_measure(rehearsal->set, rehearsal->parity, rehearsal->split,
                                                &sums.parity, err) < 0)
        return -1;
    sums.need = (there < sums.media ? sums.media - there : 0) + sums.parity;
    if (!folder || dr_file_space(folder, &sums.room, err) < 0)
        return -1;
    sums.most = dr_file_most(folder);
    *ret_sums = sums;
    return 0;
}

/* Of all its images, where it is a list. */
static size_t sum_layers(const struct dr_bundle_image *image, uint64_t *ret_bytes)
{
    const struct dr_image_manifest *content;
    size_t count = 0;

    *ret_bytes = 0;
    for (size_t i = 0; (content = dr_bundle_image_content(image, i)); i++) {
        count += content->layer_count;
        for (size_t j = 0; j < content->layer_count; j++)
            *ret_bytes += content->layers[j].size;
    }
    return count;
}

/* A converted image has no digest before its layers were read. */
static const struct dr_digest *digest_of(const struct dr_bundle_image *image)
{
    return image->conversion ? &image->source : &image->manifest.digest;
}

static json_t *image_json(const struct dr_bundle_image *image)
{
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    uint64_t bytes;
    size_t layers = sum_layers(image, &bytes);

    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:I}", "ref",
                     dr_reference_text(&image->reference, name), "role", image->role, "platform",
                     image->platform, image->conversion ? "source_digest" : "digest",
                     dr_digest_text(digest_of(image), digest), "conversion", image->conversion,
                     "layers", (json_int_t)layers, "bytes", (json_int_t)bytes);
}

/* What the bundle will say of each base, which file it is, and what it saves. */
static int add_bases(const struct dr_rehearsal *rehearsal, const struct dr_saving *savings,
                     json_t *plan, struct dr_err *err)
{
    json_t *list = json_array();
    json_t *base;
    size_t i;

    if (dr_json_set(plan, "bases", list, err) < 0)
        return -1;
    json_array_foreach(rehearsal->bases, i, base)
    {
        json_t *entry = json_copy(base);

        if (dr_json_append(list, entry, err) < 0)
            return -1;
        if (dr_json_set(entry, "file", dr_json_name(rehearsal->base_files[i]), err) < 0 ||
            dr_json_set(entry, "layers", json_integer((json_int_t)savings[i].layers), err) < 0 ||
            dr_json_set(entry, "bytes", json_integer((json_int_t)savings[i].bytes), err) < 0 ||
            dr_json_set(entry, "superfluous", json_boolean(savings[i].superfluous), err) < 0)
            return -1;
    }
    return 0;
}

static json_t *plan_json(const struct dr_rehearsal *rehearsal, const struct sums *sums,
                         struct dr_err *err)
{
    json_auto_t *images = json_array();
    json_t *plan;

    for (size_t i = 0; i < rehearsal->count; i++) {
        if (dr_json_append(images, image_json(&rehearsal->images[i]), err) < 0)
            return NULL;
    }
    plan = json_pack(
        "{s:s?, s:o?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "release",
        rehearsal->release, "output", rehearsal->output ? dr_json_name(rehearsal->output) : NULL,
        "bytes", (json_int_t)sums->total, "members", (json_int_t)rehearsal->writer->layout.count,
        "layers", (json_int_t)sums->layers, "layer_bytes", (json_int_t)sums->bytes, "kept_bytes",
        (json_int_t)sums->kept, "fetch_bytes", (json_int_t)(sums->bytes - sums->kept),
        "left_out_bytes", (json_int_t)(rehearsal->delta ? rehearsal->delta->bytes : 0),
        "space_needed", (json_int_t)sums->need, "space_free", (json_int_t)sums->room, "images",
        images);
    if (!plan)
        dr_fail_memory(err);
    return plan;
}

static int print_json(const struct dr_rehearsal *rehearsal, const struct sums *sums,
                      const struct dr_saving *savings, FILE *to, struct dr_err *err)
{
    json_auto_t *plan = plan_json(rehearsal, sums, err);

    if (!plan ||
        dr_pace_json(plan, "fetch_seconds", sums->bytes - sums->kept, rehearsal->pace.line, err) <
            0 ||
        dr_pace_json(plan, "read_seconds", sums->media, rehearsal->pace.read, err) < 0 ||
        (rehearsal->volumes &&
         dr_json_set(plan, "volumes",
                     json_pack("{s:I, s:I, s:I, s:I}", "count",
                               (json_int_t)rehearsal->volumes->count, "most_bytes",
                               (json_int_t)rehearsal->split, "last_bytes", (json_int_t)sums->last,
                               "bytes", (json_int_t)sums->media),
                     err) < 0) ||
        (rehearsal->parity &&
         dr_json_set(plan, "parity_bytes", json_integer((json_int_t)sums->parity), err) < 0) ||
        (rehearsal->bases && add_bases(rehearsal, savings, plan, err) < 0))
        return -1;
    return dr_json_print(plan, to, err);
}

static void print_images(const struct dr_rehearsal *rehearsal, FILE *to)
{
    char name[DR_REFERENCE_TEXT];
    char digest[DR_DIGEST_TEXT];
    char size[16];

    for (size_t i = 0; i < rehearsal->count; i++) {
        const struct dr_bundle_image *image = &rehearsal->images[i];
        uint64_t bytes;
        size_t layers = sum_layers(image, &bytes);

        dr_text_size(bytes, size);
        fprintf(to, "%-14s  %s\n%14s  %s%s\n%14s  ", image->role,
                dr_reference_text(&image->reference, name), "",
                dr_digest_text(digest_of(image), digest),
                image->conversion ? ", to be converted from schema 1" : "", "");
        if (dr_bundle_image_is_list(image))
            fprintf(to, "%zu images for %zu platforms, ", image->family.image_count,
                    dr_bundle_image_platform_count(image));
        fprintf(to, "%zu layer%s, %s\n", layers, layers == 1 ? "" : "s", size);
    }
}

/* What each saves alone stands in the lines of the delta. */
static void print_superfluous(const struct dr_rehearsal *rehearsal, const struct dr_saving *savings,
                              FILE *to)
{
    for (size_t i = 0; i < json_array_size(rehearsal->bases); i++) {
        const char *file = rehearsal->base_files[i];

        if (savings[i].layers == 0)
            fprintf(to, "base '%s' saves nothing: it has none of these layers\n", file);
        else if (savings[i].superfluous)
            fprintf(to,
                    "base '%s' is superfluous: what it would save, the other bases save as well\n",
                    file);
    }
}

static void print_volumes(const struct dr_rehearsal *rehearsal, const struct sums *sums, FILE *to)
{
    char most[16];
    char last[16];

    if (!rehearsal->volumes)
        return;
    dr_text_size(rehearsal->split, most);
    dr_text_size(sums->last, last);
    if (rehearsal->volumes->count == 1)
        fprintf(to, "volumes 1 of %s, where %s would fit\n", last, most);
    else
        fprintf(to, "volumes %llu of at most %s, the last %s\n",
                (unsigned long long)rehearsal->volumes->count, most, last);
}

static void print_text(const struct dr_rehearsal *rehearsal, const struct sums *sums,
                       const struct dr_saving *savings, FILE *to)
{
    const struct dr_pace *pace = &rehearsal->pace;
    uint64_t rest = sums->bytes - sums->kept;
    bool timed = pace->line && rest > 0;
    char time[DR_PACE_TEXT];
    char one[16];
    char other[16];

    print_images(rehearsal, to);
    dr_text_size(sums->bytes, one);
    dr_text_size(rest, other);
    fprintf(to, "\nlayers  %llu, each once: %s; to be fetched: %s%s%s\n",
            (unsigned long long)sums->layers, one, other, timed ? ", " : "",
            timed ? dr_pace_text(rest, pace->line, time) : "");
    dr_delta_print(rehearsal->delta, to);
    print_superfluous(rehearsal, savings, to);
    dr_text_size(sums->total, one);
    fprintf(to, "bundle  %s (%llu bytes) in %zu members\n", one, (unsigned long long)sums->total,
            rehearsal->writer->layout.count);
    print_volumes(rehearsal, sums, to);
    if (rehearsal->parity) {
        dr_text_size(sums->parity, one);
        fprintf(to, "parity  about %s, for %u%%\n", one, rehearsal->parity);
    }
    if (pace->read)
        fprintf(to,
                "read    %s on the far side, to verify it; and up to as long again for what its "
                "registry lacks\n",
                dr_pace_text(sums->media, pace->read, time));
    dr_text_size(sums->need, one);
    dr_text_size(sums->room, other);
    fprintf(to, "space   %s needed, %s free\n", one, other);
}

static int check_output(const struct dr_rehearsal *rehearsal, struct dr_err *err)
{
    const char *output = rehearsal->output;
    uint64_t count = rehearsal->volumes ? rehearsal->volumes->count : 0;

    if (!output)
        return 0;
    for (uint64_t number = 0; number <= count; number++) {
        dr_autofree char *path =
            number ? dr_volume_path(output, number, err) : dr_text_copy(output, err);

        if (!path)
            return -1;
        if (access(path, F_OK) == 0)
            return dr_fail(err, DR_ERR_REFUSED, "'%s' exists; --force would replace it", path);
    }
    return 0;
}

/* Sticks are FAT as they are bought. */
static int check_size(const struct dr_rehearsal *rehearsal, const struct sums *sums,
                      struct dr_err *err)
{
    uint64_t largest = sums->total;

    if (rehearsal->volumes)
        largest = rehearsal->volumes->count > 1 ? rehearsal->split : sums->last;
    if (largest <= sums->most)
        return 0;
    return dr_fail(err, DR_ERR_IO,
                   "a file of %llu bytes would be too large for the file system there, which ends "
                   "at %llu (FAT): --split fat32 makes volumes that fit, -o names another disk",
                   (unsigned long long)largest, (unsigned long long)sums->most);
}

int dr_rehearsal_print(const struct dr_rehearsal *rehearsal, bool json, FILE *to,
                       struct dr_err *err)
{
    dr_autofree struct dr_saving *savings =
        dr_savings_new(rehearsal->delta, json_array_size(rehearsal->bases), err);
    struct sums sums;

    if (!savings || add_up(rehearsal, &sums, err) < 0)
        return -1;
    if (!json)
        print_text(rehearsal, &sums, savings, to);
    else if (print_json(rehearsal, &sums, savings, to, err) < 0)
        return -1;
    if (!rehearsal->replace && check_output(rehearsal, err) < 0)
        return -1;
    if (check_size(rehearsal, &sums, err) < 0)
        return -1;
    if (sums.need > sums.room)
        return dr_fail(err, DR_ERR_IO,
                       "the bundle needs %llu bytes and there are %llu; make room, or choose "
                       "another disk by -o",
                       (unsigned long long)sums.need, (unsigned long long)sums.room);
    return 0;
}
