/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bundle/file/volumes.h"
#include "bundle/file/volumes_parts.h"
#include "lib/file.h"

const struct dr_volume_set *dr_volumes_set(const struct dr_volumes *volumes)
{
    return &volumes->set;
}

const struct dr_volumes_item *dr_volumes_item(const struct dr_volumes *volumes, uint64_t number)
{
    return &volumes->items[number - 1];
}

struct dr_volume dr_volumes_volume(const struct dr_volumes *volumes, uint64_t number)
{
    struct dr_volume volume = volumes->items[number - 1].volume;

    volume.set = volumes->set;
    return volume;
}

const struct dr_stray *dr_volumes_strays(const struct dr_volumes *volumes, size_t *ret_count)
{
    *ret_count = volumes->stray_count;
    return volumes->strays;
}

uint64_t dr_volumes_named(const struct dr_volumes *volumes)
{
    return volumes->named;
}

bool dr_volumes_is_here(const struct dr_volumes *volumes, uint64_t number)
{
    return volumes->items[number - 1].path;
}

size_t dr_volumes_count_here(const struct dr_volumes *volumes)
{
    size_t count = 0;

    for (uint64_t i = 1; i <= volumes->set.count; i++)
        count += dr_volumes_is_here(volumes, i);
    return count;
}

static void append(char *to, size_t room, const char *text)
{
    size_t length = strlen(to);

    snprintf(to + length, room - length, "%s", text);
}

const char *dr_volumes_list(const struct dr_volumes *volumes, const bool *is,
                            char ret[DR_VOLUMES_TEXT])
{
    size_t left = 0;
    size_t told = 0;

    for (uint64_t i = 0; i < volumes->set.count; i++)
        left += is[i];
    *ret = '\0';
    for (uint64_t i = 0; i < volumes->set.count; i++) {
        char number[32];

        if (!is[i])
            continue;
        if (told == 40) {
            snprintf(number, sizeof number, " and %zu others", left);
            append(ret, DR_VOLUMES_TEXT, number);
            break;
        }
        snprintf(number, sizeof number, "%s%llu",
                 told == 0   ? ""
                 : left == 1 ? " and "
                             : ", ",
                 (unsigned long long)i + 1);
        append(ret, DR_VOLUMES_TEXT, number);
        told++;
        left--;
    }
    return ret;
}

/* What is there instead is likely to be why something is not. A parity file is not, unless nothing else is there. */
int dr_volumes_advise(const struct dr_volumes *volumes, struct dr_err *err)
{
    const struct dr_stray *parity = NULL;

    for (size_t i = 0; i < volumes->stray_count; i++) {
        const struct dr_stray *stray = &volumes->strays[i];

        if (stray->kind == DR_STRAY_FOREIGN)
            return dr_err_advise(err, "'%s' is of another bundle: %s", stray->path, stray->text);
        if (stray->kind == DR_STRAY_BAD)
            return dr_err_advise(err, "'%s' cannot be used: %s", stray->path, stray->text);
        if (stray->kind == DR_STRAY_PARITY)
            parity = stray;
    }
    if (!parity)
        return -1;
    return volumes->chosen
               ? dr_err_advise(err, "'drover repair' can perhaps make it again: parity is here")
               : dr_err_advise(err, "'%s': %s", parity->path, parity->text);
}

int dr_volumes_demand_all(const struct dr_volumes *volumes, struct dr_err *err)
{
    bool missing[DR_VOLUMES_MAX] = {false};
    size_t count = (size_t)volumes->set.count - dr_volumes_count_here(volumes);
    char list[DR_VOLUMES_TEXT];
    char where[DR_VOLUMES_TEXT];
    char set[DR_VOLUME_SET_TEXT];

    if (count == 0)
        return 0;
    for (uint64_t i = 1; i <= volumes->set.count; i++)
        missing[i - 1] = !dr_volumes_is_here(volumes, i);
    dr_fail(err, DR_ERR_REFUSED,
            "volume%s %s of %llu of %s %s not in %s; bring %s, or name more folders with --media",
            count == 1 ? "" : "s", dr_volumes_list(volumes, missing, list),
            (unsigned long long)volumes->set.count, dr_volume_set_text(&volumes->set, set),
            count == 1 ? "is" : "are", dr_volumes_where(volumes, where),
            count == 1 ? "it" : "them");
    return dr_volumes_advise(volumes, err);
}

const char *dr_volumes_where(const struct dr_volumes *volumes, char ret[DR_VOLUMES_TEXT])
{
    *ret = '\0';
    for (size_t i = 0; i < volumes->folder_count; i++) {
        append(ret, DR_VOLUMES_TEXT, i == 0 ? "'" : " or '");
        append(ret, DR_VOLUMES_TEXT, volumes->folders[i]);
        append(ret, DR_VOLUMES_TEXT, "'");
    }
    return ret;
}

/* ---- bytes */

int dr_volumes_frame(struct dr_volumes *volumes, int to, struct dr_err *err)
{
    struct dr_err first = DR_ERR_INIT;

    for (uint64_t i = 1; i <= volumes->set.count; i++) {
        const struct dr_volumes_item *item = dr_volumes_item(volumes, i);
        const struct dr_volume volume = dr_volumes_volume(volumes, i);
        struct dr_err why = DR_ERR_INIT;

        if (!item->path)
            continue;
        if (dr_volume_frame(&volume, item->fd, to, &why) == 0)
            return 0;
        if (first.code == DR_OK)
            dr_fail(&first, DR_ERR_VERIFY, "volume %llu of %llu ('%s'): %s", (unsigned long long)i,
                    (unsigned long long)volumes->set.count, item->path, why.text);
    }
    if (err)
        *err = first;
    return -1;
}

int dr_volumes_place(const struct dr_volumes *volumes, uint64_t offset, int *ret_fd,
                     uint64_t *ret_at, uint64_t *ret_size, struct dr_err *err)
{
    const struct dr_volume_set *set = &volumes->set;
    uint64_t number = dr_slice_number(set, offset);
    const struct dr_volumes_item *item = dr_volumes_item(volumes, number);
    char text[DR_VOLUME_SET_TEXT];

    if (!item->path)
        return dr_fail(err, DR_ERR_REFUSED, "volume %llu of %llu of %s is not here",
                       (unsigned long long)number, (unsigned long long)set->count,
                       dr_volume_set_text(set, text));
    *ret_fd = item->fd;
    *ret_at = offset - item->volume.offset;
    *ret_size = item->volume.size - *ret_at;
    return 0;
}

int dr_volumes_read(const struct dr_volumes *volumes, void *ret_data, size_t size, uint64_t offset,
                    struct dr_err *err)
{
    char *to = ret_data;

    while (size > 0) {
        struct dr_err why = DR_ERR_INIT;
        uint64_t at;
        uint64_t piece;
        int fd;

        if (dr_volumes_place(volumes, offset, &fd, &at, &piece, err) < 0)
            return -1;
        piece = piece < size ? piece : size;
        if (dr_file_pread(fd, to, (size_t)piece, at, "it", &why) < 0) {
            uint64_t number = dr_slice_number(&volumes->set, offset);

            return dr_fail(err, DR_ERR_VERIFY,
                           "volume %llu of %llu ('%s') cannot be read at its byte %llu: %s",
                           (unsigned long long)number, (unsigned long long)volumes->set.count,
                           dr_volumes_item(volumes, number)->path, (unsigned long long)at,
                           why.text);
        }
        to += piece;
        offset += piece;
        size -= (size_t)piece;
    }
    return 0;
}

bool dr_volumes_has(const struct dr_volumes *volumes, uint64_t offset, uint64_t size)
{
    const struct dr_volume_set *set = &volumes->set;
    uint64_t last = dr_slice_number(set, offset + (size > 0 ? size - 1 : 0));

    for (uint64_t i = dr_slice_number(set, offset); i <= last; i++) {
        if (!dr_volumes_is_here(volumes, i))
            return false;
    }
    return true;
}
