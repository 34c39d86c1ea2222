/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/volume_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/file/label.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define TOTAL_MAX (UINT64_C(1) << 62)
#define EXTENTS_MAX ((size_t)1 << 17)

/* Of a label, what dr_volume_set_write() does not write: the number, two digests, the format. */
#define LABEL_REST 512

void dr_volume_set_release(struct dr_volume_set *set)
{
    free(set->release);
    free(set->created);
    free(set->channel);
    free(set->frame);
    *set = (struct dr_volume_set)DR_VOLUME_SET_INIT;
}

int dr_volume_set_copy(const struct dr_volume_set *from, struct dr_volume_set *ret_to,
                       struct dr_err *err)
{
    struct dr_volume_set *to = ret_to;

    *to = *from;
    to->release = from->release ? dr_text_copy(from->release, err) : NULL;
    to->created = dr_text_copy(from->created, err);
    to->channel = dr_text_copy(from->channel, err);
    to->frame = calloc(from->frame_count + 1, sizeof *to->frame);
    if ((from->release && !to->release) || !to->created || !to->channel || !to->frame)
        return dr_fail_memory(err);
    memcpy(to->frame, from->frame, from->frame_count * sizeof *to->frame);
    return 0;
}

char *dr_volume_path(const char *path, uint64_t number, struct dr_err *err)
{
    return dr_text_format(err, "%s.%03llu", path, (unsigned long long)number);
}

const char *dr_volume_set_text(const struct dr_volume_set *set, char ret[DR_VOLUME_SET_TEXT])
{
    char sums[DR_DIGEST_TEXT];

    snprintf(ret, DR_VOLUME_SET_TEXT,
             "%s%.64s (serial %llu of channel %.64s, created %.32s, SHA256SUMS %s)",
             set->release ? "Rancher " : "images", set->release ? set->release : "",
             (unsigned long long)set->serial, set->channel, set->created,
             dr_digest_text(&set->sums, sums));
    return ret;
}

bool dr_volume_set_is_same(const struct dr_volume_set *one, const struct dr_volume_set *other)
{
    return dr_digest_equal(&one->sums, &other->sums) && one->total == other->total &&
           one->slice == other->slice && one->count == other->count &&
           one->frame_count == other->frame_count &&
           memcmp(one->frame, other->frame, one->frame_count * sizeof *one->frame) == 0;
}

static void add_extent(struct dr_volume_set *set, uint64_t from, uint64_t to)
{
    if (from == to)
        return;
    set->frame[set->frame_count++] = (struct dr_extent){.offset = from, .size = to - from};
    set->frame_size += to - from;
}

int dr_volume_set_frame(struct dr_volume_set *set, const struct dr_layout *layout,
                        const bool *left_out, struct dr_err *err)
{
    uint64_t begin = 0;

    free(set->frame);
    set->frame = calloc(layout->count + 1, sizeof *set->frame);
    if (!set->frame)
        return dr_fail_memory(err);
    set->frame_count = 0;
    set->frame_size = 0;
    set->total = dr_layout_total(layout);
    for (size_t i = 0; i < layout->count; i++) {
        const struct dr_member *member = &layout->members[i];

        if (!left_out[i] || member->size == 0)
            continue;
        add_extent(set, begin, member->offset);
        begin = member->offset + member->size + dr_padding(member->size);
    }
    add_extent(set, begin, set->total);
    if (set->frame_size > DR_VOLUME_FRAME_MAX || set->frame_count > EXTENTS_MAX)
        return dr_fail(err, DR_ERR_FORMAT,
                       "the bundle has too many manifests and layers to be split");
    return 0;
}

int dr_volume_set_name(struct dr_volume_set *set, const struct dr_bundle_about *about,
                       struct dr_err *err)
{
    set->serial = about->serial;
    set->created = dr_text_copy(about->created, err);
    set->channel = set->created ? dr_text_copy(about->channel, err) : NULL;
    if (!set->channel)
        return -1;
    if (about->release)
        set->release = dr_text_copy(about->release, err);
    return about->release && !set->release ? -1 : 0;
}

void dr_volume_set_whole(struct dr_volume_set *set)
{
    set->count = 1;
    set->slice = dr_volume_chunks(set->total) * DR_VOLUME_CHUNK;
}

/* ---- labels */

static int write_extents(const struct dr_volume_set *set, json_t *json, struct dr_err *err)
{
    json_t *list = json_array();

    if (dr_json_set(json, "extents", list, err) < 0)
        return -1;
    for (size_t i = 0; i < set->frame_count; i++) {
        if (dr_json_append(list,
                           json_pack("[I, I]", (json_int_t)set->frame[i].offset,
                                     (json_int_t)set->frame[i].size),
                           err) < 0)
            return -1;
    }
    return 0;
}

int dr_volume_set_write(const struct dr_volume_set *set, json_t *json, struct dr_err *err)
{
    char sums[DR_DIGEST_TEXT];
    json_auto_t *own = json_pack(
        "{s:s, s:s*, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "sums", dr_digest_text(&set->sums, sums),
        "release", set->release, "created", set->created, "channel", set->channel, "serial",
        (json_int_t)set->serial, "total", (json_int_t)set->total, "slice", (json_int_t)set->slice,
        "volumes", (json_int_t)set->count, "chunk", (json_int_t)DR_VOLUME_CHUNK);

    if (!own || json_object_update(json, own) < 0)
        return dr_fail_memory(err);
    return write_extents(set, json, err);
}

static int get_text(const json_t *json, const char *key, char **ret, struct dr_err *err)
{
    const char *text;

    if (dr_json_get_string(json, key, &text, err) < 0)
        return -1;
    if (strlen(text) > 64)
        return dr_fail(err, DR_ERR_FORMAT, "the field '%s' is too long", key);
    *ret = dr_text_copy(text, err);
    if (*ret)
        dr_text_clean(*ret);
    return *ret ? 0 : -1;
}

static int read_extent(const json_t *pair, const struct dr_volume_set *set,
                       struct dr_extent *ret_extent, struct dr_err *err)
{
    const json_t *offset = json_array_get(pair, 0);
    const json_t *size = json_array_get(pair, 1);
    const struct dr_extent *before = set->frame_count ? &set->frame[set->frame_count - 1] : NULL;

    if (json_array_size(pair) != 2 || !json_is_integer(offset) || !json_is_integer(size) ||
        json_integer_value(offset) < 0 || json_integer_value(size) <= 0)
        return dr_fail(err, DR_ERR_FORMAT, "an entry of 'extents' is not two numbers");
    *ret_extent = (struct dr_extent){.offset = (uint64_t)json_integer_value(offset),
                                     .size = (uint64_t)json_integer_value(size)};
    if (ret_extent->offset > set->total || ret_extent->size > set->total - ret_extent->offset ||
        (before && ret_extent->offset <= before->offset + before->size))
        return dr_fail(err, DR_ERR_FORMAT, "the 'extents' are not in order");
    return 0;
}

static int read_extents(const json_t *json, struct dr_volume_set *set, struct dr_err *err)
{
    json_t *list;
    json_t *pair;
    size_t i;

    if (dr_json_get_array(json, "extents", &list, err) < 0)
        return -1;
    if (json_array_size(list) > EXTENTS_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "there are too many 'extents'");
    set->frame = calloc(json_array_size(list) + 1, sizeof *set->frame);
    if (!set->frame)
        return dr_fail_memory(err);
    json_array_foreach(list, i, pair)
    {
        if (read_extent(pair, set, &set->frame[set->frame_count], err) < 0)
            return -1;
        set->frame_size += set->frame[set->frame_count++].size;
    }
    if (set->frame_size > DR_VOLUME_FRAME_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "the frame has %llu bytes, which is too much",
                       (unsigned long long)set->frame_size);
    return 0;
}

int dr_volume_set_read(struct dr_volume_set *set, const json_t *json, struct dr_err *err)
{
    uint64_t chunk;

    if (dr_label_get_digest(json, "sums", &set->sums, err) < 0 ||
        (json_object_get(json, "release") && get_text(json, "release", &set->release, err) < 0) ||
        get_text(json, "created", &set->created, err) < 0 ||
        get_text(json, "channel", &set->channel, err) < 0 ||
        dr_json_get_uint64(json, "serial", &set->serial, err) < 0 ||
        dr_json_get_uint64(json, "total", &set->total, err) < 0 ||
        dr_json_get_uint64(json, "slice", &set->slice, err) < 0 ||
        dr_json_get_uint64(json, "volumes", &set->count, err) < 0 ||
        dr_json_get_uint64(json, "chunk", &chunk, err) < 0)
        return -1;
    if (chunk != DR_VOLUME_CHUNK || set->total == 0 || set->total > TOTAL_MAX || set->slice == 0 ||
        set->slice > TOTAL_MAX || set->slice % DR_VOLUME_CHUNK != 0 || set->count == 0 ||
        set->count > DR_VOLUMES_MAX || set->count != (set->total + set->slice - 1) / set->slice)
        return dr_fail(err, DR_ERR_FORMAT, "its numbers contradict each other");
    return read_extents(json, set, err);
}

/* ---- places */

/* The most that stands behind a slice, but for its table. */
static int measure_tail(const struct dr_volume_set *set, uint64_t *ret_size, struct dr_err *err)
{
    struct dr_volume_set widest = *set;
    json_auto_t *json = json_object();
    dr_autofree char *text = NULL;

    widest.slice = TOTAL_MAX;
    widest.count = DR_VOLUMES_MAX;
    if (!json)
        return dr_fail_memory(err);
    if (dr_volume_set_write(&widest, json, err) < 0)
        return -1;
    text = dr_json_text(json, false, err);
    if (!text)
        return -1;
    *ret_size = set->frame_size + strlen(text) + LABEL_REST + DR_SIGNATURE_MAX + DR_LABEL_FOOTER;
    return 0;
}

int dr_volume_split(struct dr_volume_set *set, uint64_t limit, struct dr_err *err)
{
    uint64_t tail;
    uint64_t chunks;

    if (measure_tail(set, &tail, err) < 0)
        return -1;
    if (limit < tail + DR_VOLUME_CHUNK + 32)
        return dr_fail(err, DR_ERR_USAGE,
                       "volumes of %llu bytes are too small: each repeats the bundle's list, "
                       "manifests and configs, so they need at least %llu",
                       (unsigned long long)limit,
                       (unsigned long long)(tail + DR_VOLUME_CHUNK + 32));
    chunks = (limit - tail) / (DR_VOLUME_CHUNK + 32);
    if (chunks > dr_volume_chunks(set->total))
        chunks = dr_volume_chunks(set->total);
    set->slice = chunks * DR_VOLUME_CHUNK;
    set->count = (set->total + set->slice - 1) / set->slice;
    if (set->count > DR_VOLUMES_MAX)
        return dr_fail(err, DR_ERR_USAGE,
                       "%llu volumes would be needed, and there can be %d: make them larger",
                       (unsigned long long)set->count, DR_VOLUMES_MAX);
    return 0;
}

int dr_volume_behind(const struct dr_volume_set *set, uint64_t *ret_bytes, struct dr_err *err)
{
    uint64_t tail;

    if (measure_tail(set, &tail, err) < 0)
        return -1;
    *ret_bytes = tail + 32 * dr_volume_chunks(set->slice);
    return 0;
}

uint64_t dr_slice_number(const struct dr_volume_set *set, uint64_t offset)
{
    return offset / set->slice + 1;
}

uint64_t dr_slice_offset(const struct dr_volume_set *set, uint64_t number)
{
    return (number - 1) * set->slice;
}

uint64_t dr_slice_size(const struct dr_volume_set *set, uint64_t number)
{
    return number < set->count ? set->slice : set->total - dr_slice_offset(set, number);
}
