/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/damage.h"

#include <stdio.h>
#include <string.h>

#include "lib/reference.h"
#include "lib/stop.h"

static int note(void *context, uint64_t chunk, struct dr_err *err)
{
    struct dr_damage *damage = context;
    uint64_t begin = chunk * DR_VOLUME_CHUNK;
    uint64_t end = begin + DR_VOLUME_CHUNK;

    (void)err;
    damage->bytes += DR_VOLUME_CHUNK;
    if (damage->count > 0 && damage->ranges[damage->count - 1].end == begin) {
        damage->ranges[damage->count - 1].end = end;
    } else if (damage->count < DR_DAMAGE_RANGES) {
        damage->ranges[damage->count].begin = begin;
        damage->ranges[damage->count].end = end;
        damage->count++;
    }
    return 0;
}

/* Bytes `begin` to `end` of the slice. A table that cannot be read is a damaged one. */
static int check_part(const struct dr_volumes *volumes, uint64_t number, uint64_t begin,
                      uint64_t end, struct dr_damage *damage, struct dr_progress *progress,
                      struct dr_err *err)
{
    const struct dr_volume volume = dr_volumes_volume(volumes, number);
    struct dr_err why = DR_ERR_INIT;
    size_t last;

    if (dr_volume_check_part(&volume, dr_volumes_item(volumes, number)->fd, begin, end, note,
                             damage, progress, &why) < 0) {
        if (why.code == DR_ERR_STOPPED || why.code == DR_ERR_INTERNAL) {
            if (err)
                *err = why;
            return -1;
        }
        damage->table = true;
        damage->why = why;
    }
    last = damage->count;
    if (last > 0 && damage->ranges[last - 1].end > volume.size)
        damage->ranges[last - 1].end = volume.size;
    return 0;
}

int dr_damage_check_rest(const struct dr_volumes *volumes, uint64_t number,
                         struct dr_damage *ret_damage, struct dr_err *err)
{
    const struct dr_volume volume = dr_volumes_volume(volumes, number);
    int fd = dr_volumes_item(volumes, number)->fd;
    struct dr_damage damage = {.count = 0};

    if (dr_stop_check(err, "volumes were checked") < 0)
        return -1;
    damage.frame = dr_volume_frame(&volume, fd, -1, &damage.why) < 0 ||
                   dr_volume_compare(&volume, fd, &damage.why) < 0;
    damage.table = !damage.frame && dr_volume_check_table(&volume, fd, &damage.why) < 0;
    *ret_damage = damage;
    return 0;
}

int dr_damage_check(const struct dr_volumes *volumes, uint64_t number, struct dr_damage *ret_damage,
                    struct dr_progress *progress, struct dr_err *err)
{
    const struct dr_volume volume = dr_volumes_volume(volumes, number);
    struct dr_damage damage = {.count = 0};

    if (dr_volume_frame(&volume, dr_volumes_item(volumes, number)->fd, -1, &damage.why) < 0)
        damage.frame = true;
    if (check_part(volumes, number, 0, volume.size, &damage, progress, err) < 0)
        return -1;
    *ret_damage = damage;
    return 0;
}

/* The layer or program that has any of these bytes; NULL: none. */
static const struct dr_bundle_blob *find_owner(const struct dr_bundle *bundle, uint64_t from,
                                               uint64_t to)
{
    size_t count;
    const struct dr_bundle_blob *blobs = dr_bundle_blobs(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (blobs[i].layer && blobs[i].offset < to && from < blobs[i].offset + blobs[i].size)
            return &blobs[i];
    }
    return NULL;
}

static bool is_program(const struct dr_bundle *bundle, uint64_t from, uint64_t to)
{
    size_t count;
    const struct dr_member *programs = dr_bundle_programs(bundle, &count);

    for (size_t i = 0; i < count; i++) {
        if (programs[i].offset < to && from < programs[i].offset + programs[i].size)
            return true;
    }
    return false;
}

static const char *name_image(const struct dr_bundle *bundle, const struct dr_digest *layer,
                              char ret[DR_REFERENCE_TEXT])
{
    size_t count;
    const struct dr_bundle_image *images = dr_bundle_images(bundle, &count);

    return dr_images_name_owner(images, count, layer, ret);
}

const char *dr_damage_text(const struct dr_bundle *bundle, uint64_t begin, uint64_t from,
                           uint64_t to, char ret[DR_DAMAGE_TEXT])
{
    const struct dr_bundle_blob *blob = find_owner(bundle, from, to);
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];
    int length = snprintf(ret, DR_DAMAGE_TEXT, "bytes %llu to %llu",
                          (unsigned long long)(from - begin), (unsigned long long)(to - begin));

    if (!blob) {
        snprintf(ret + length, DR_DAMAGE_TEXT - (size_t)length, ", where %s",
                 is_program(bundle, from, to) ? "drover itself is"
                                              : "the list and the manifests are");
        return ret;
    }
    name_image(bundle, &blob->digest, name);
    snprintf(ret + length, DR_DAMAGE_TEXT - (size_t)length, ", where %s of %.256s is",
             dr_digest_text(&blob->digest, digest), name);
    return ret;
}

int dr_damage_advise(uint64_t number, struct dr_err *err)
{
    return dr_err_advise(
        err,
        "bring volume %llu again, mend it where there is parity (drover repair), or "
        "have it made again (drover bundle --remake %llu)",
        (unsigned long long)number, (unsigned long long)number);
}

static int fail_at(const struct dr_bundle *bundle, uint64_t number, const struct dr_damage *damage,
                   const struct dr_member *member, struct dr_err *err)
{
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);
    const struct dr_volumes_item *item = dr_volumes_item(volumes, number);
    uint64_t begin = item->volume.offset;
    char text[DR_DAMAGE_TEXT];

    if (damage->count > 0) {
        uint64_t from = begin + damage->ranges[0].begin;

        /* The chunk may begin in what is before the member. */
        dr_damage_text(bundle, begin, from < member->offset ? member->offset : from,
                       begin + damage->ranges[0].end, text);
    }
    dr_fail(err, DR_ERR_VERIFY, "volume %llu of %llu ('%s') is damaged: %s%s",
            (unsigned long long)number, (unsigned long long)dr_volumes_set(volumes)->count,
            item->path, damage->count > 0 ? text : damage->why.text,
            damage->count > 1 ? ", and others" : "");
    return dr_damage_advise(number, err);
}

int dr_damage_look(const struct dr_bundle *bundle, const struct dr_member *member, uint64_t number,
                   struct dr_err *err)
{
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);
    uint64_t begin = dr_slice_offset(dr_volumes_set(volumes), number);
    uint64_t end = member->offset + member->size + dr_padding(member->size) - begin;
    uint64_t size = dr_slice_size(dr_volumes_set(volumes), number);
    struct dr_damage damage = {.count = 0};

    if (check_part(volumes, number, member->offset > begin ? member->offset - begin : 0,
                   end < size ? end : size, &damage, NULL, err) < 0)
        return -1;
    return dr_damage_is_none(&damage) ? 0 : fail_at(bundle, number, &damage, member, err);
}

int dr_damage_explain(const struct dr_bundle *bundle, const struct dr_member *member,
                      struct dr_err *err)
{
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);
    const struct dr_volume_set *set = dr_volumes_set(volumes);
    uint64_t end = member->offset + member->size + dr_padding(member->size);
    char digest[DR_DIGEST_TEXT];
    char name[DR_REFERENCE_TEXT];

    for (uint64_t i = dr_slice_number(set, member->offset); i <= dr_slice_number(set, end - 1);
         i++) {
        if (dr_volumes_is_here(volumes, i) && dr_damage_look(bundle, member, i, err) < 0)
            return -1;
    }
    name_image(bundle, &member->digest, name);
    return dr_fail(err, DR_ERR_VERIFY,
                   "%s of %.256s is not what was signed, and what is here of the volumes is as it "
                   "was labelled",
                   dr_digest_text(&member->digest, digest), name);
}
