/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/volumes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle/file/media.h"
#include "bundle/file/volumes_choice.h"
#include "bundle/file/volumes_parts.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* Each volume that is here is one: DR_VOLUMES_MAX of them, and what else drover opens. */
#define FILES 2048

static void forget_strays(struct dr_volumes *volumes)
{
    for (size_t i = 0; i < volumes->stray_count; i++) {
        free(volumes->strays[i].path);
        free(volumes->strays[i].text);
    }
    volumes->stray_count = 0;
}

void dr_volumes_let_go(struct dr_volumes *volumes)
{
    for (uint64_t i = 0; volumes->items && i < volumes->set.count; i++) {
        struct dr_volumes_item *item = &volumes->items[i];

        if (item->path)
            close(dr_steal_fd(&item->fd));
        free(dr_steal(item->path));
        dr_volume_release(&item->volume);
    }
}

void dr_volumes_free(struct dr_volumes *volumes)
{
    if (!volumes)
        return;
    dr_volumes_let_go(volumes);
    forget_strays(volumes);
    free(volumes->items);
    dr_volume_set_release(&volumes->set);
    for (size_t i = 0; i < volumes->folder_count; i++)
        free(volumes->folders[i]);
    free(volumes->folders);
    free(volumes->file);
    free(volumes);
}

/* ---- what is found */

static int add_stray(struct dr_volumes *volumes, enum dr_stray_kind kind, const char *path,
                     const char *text, struct dr_err *err)
{
    struct dr_stray *stray = &volumes->strays[volumes->stray_count];

    if (volumes->stray_count == DR_STRAYS_MAX)
        return 0;
    *stray = (struct dr_stray){
        .kind = kind, .path = dr_text_copy(path, err), .text = dr_text_copy(text, err)};
    volumes->stray_count++;
    return stray->path && stray->text ? 0 : -1;
}

static int add_foreign(struct dr_volumes *volumes, const struct dr_find *find, struct dr_err *err)
{
    const struct dr_volume *volume = find->volume;
    char set[DR_VOLUME_SET_TEXT];
    dr_autofree char *text = dr_text_format(
        err, "volume %llu of %llu of %s%s", (unsigned long long)volume->number,
        (unsigned long long)volume->set.count, dr_volume_set_text(&volume->set, set),
        dr_digest_equal(&volume->set.sums, &volumes->set.sums) ? ", split into other sizes" : "");

    return text ? add_stray(volumes, DR_STRAY_FOREIGN, find->path, text, err) : -1;
}

/* What all volumes of a set say alike is kept once. */
static int adopt_set(struct dr_volumes *volumes, struct dr_volume *volume, struct dr_err *err)
{
    volumes->items = calloc(volume->set.count, sizeof *volumes->items);
    if (!volumes->items)
        return dr_fail_memory(err);
    for (uint64_t i = 0; i < volume->set.count; i++)
        volumes->items[i].fd = -1;
    volumes->set = volume->set;
    volume->set = (struct dr_volume_set)DR_VOLUME_SET_INIT;
    volumes->chosen = true;
    return 0;
}

static int add_copy(struct dr_volumes *volumes, const struct dr_find *find,
                    const struct dr_volumes_item *item, struct dr_err *err)
{
    dr_autofree char *text = NULL;

    if (dr_file_is_same(find->fd, item->fd))
        return 0;
    text = dr_text_format(err, "volume %llu of %llu once more; '%s' is used",
                          (unsigned long long)find->volume->number,
                          (unsigned long long)volumes->set.count, item->path);
    return text ? add_stray(volumes, DR_STRAY_COPY, find->path, text, err) : -1;
}

/* The set's frame and label are not kept with each of up to 999 volumes; sizes are, for where its parts are. */
static int take(struct dr_volumes *volumes, struct dr_find *find, struct dr_err *err)
{
    struct dr_volume *volume = find->volume;
    struct dr_volumes_item *item = &volumes->items[volume->number - 1];

    if (item->path)
        return add_copy(volumes, find, item, err);
    item->path = dr_text_copy(find->path, err);
    if (!item->path)
        return -1;
    item->fd = dr_steal_fd(&find->fd);
    item->volume = (struct dr_volume){.number = volume->number,
                                      .offset = volume->offset,
                                      .size = volume->size,
                                      .table = volume->table,
                                      .frame = volume->frame,
                                      .set = {.count = volumes->set.count,
                                              .slice = volumes->set.slice,
                                              .total = volumes->set.total,
                                              .frame_size = volumes->set.frame_size}};
    return 0;
}

static int admit(void *context, struct dr_find *find, struct dr_err *err)
{
    struct dr_volumes *volumes = context;

    if (!find->volume)
        return add_stray(volumes, find->why->code == DR_ERR_USAGE ? DR_STRAY_PARITY : DR_STRAY_BAD,
                         find->path, find->why->text, err);
    if (!volumes->chosen)
        return adopt_set(volumes, find->volume, err) < 0 ? -1 : take(volumes, find, err);
    return dr_volume_set_is_same(&find->volume->set, &volumes->set)
               ? take(volumes, find, err)
               : add_foreign(volumes, find, err);
}

/* While somebody changes the medium, its folder may not be there, or not be readable. */
static int pass_over(struct dr_volumes *volumes, const char *folder, const struct dr_err *why,
                     struct dr_err *err)
{
    if (why->code == DR_ERR_IO)
        return add_stray(volumes, DR_STRAY_BAD, folder, why->text, err);
    if (err)
        *err = *why;
    return -1;
}

int dr_volumes_look(struct dr_volumes *volumes, struct dr_err *err)
{
    dr_volumes_let_go(volumes);
    forget_strays(volumes);
    for (size_t i = 0; i < volumes->folder_count; i++) {
        struct dr_err why = DR_ERR_INIT;

        if (dr_media_look(volumes->folders[i], volumes->trust, admit, volumes, &why) < 0 &&
            pass_over(volumes, volumes->folders[i], &why, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- which bundle it is */

/* The folder itself, or that which the file is in; each once. */
static int add_folder(struct dr_volumes *volumes, const char *path, bool file, struct dr_err *err)
{
    dr_autofree char *folder =
        file ? dr_file_folder(path, err) : dr_text_copy(*path ? path : ".", err);

    if (!folder)
        return -1;
    for (size_t i = 0; i < volumes->folder_count; i++) {
        if (strcmp(volumes->folders[i], folder) == 0)
            return 0;
    }
    volumes->folders[volumes->folder_count++] = dr_steal(folder);
    return 0;
}

static int list_folders(struct dr_volumes *volumes, const char *path, struct dr_err *err)
{
    const struct dr_bundle_trust *trust = volumes->trust;

    volumes->folders = calloc(trust->media_count + 1, sizeof *volumes->folders);
    if (!volumes->folders)
        return dr_fail_memory(err);
    if (add_folder(volumes, path, volumes->file, err) < 0)
        return -1;
    for (size_t i = 0; i < trust->media_count; i++) {
        if (add_folder(volumes, trust->media[i], dr_media_is_volume(trust->media[i]), err) < 0)
            return -1;
    }
    return 0;
}

/* The volume that was named decides. */
static int admit_named(void *context, struct dr_find *find, struct dr_err *err)
{
    struct dr_volumes *volumes = context;

    if (!find->volume)
        return dr_fail(err, find->why->code, "the volume '%s': %s", find->path, find->why->text);
    volumes->named = find->volume->number;
    return admit(context, find, err);
}

/* What stands in the folders before anybody waits: those that cannot be read are an error. */
static int look_first(struct dr_volumes *volumes, struct dr_err *err)
{
    struct dr_volumes_choice choice = {.count = 0};

    if (volumes->file) {
        if (dr_media_look_at(volumes->file, volumes->trust, admit_named, volumes, err) < 0)
            return -1;
    } else {
        for (size_t i = 0; i < volumes->folder_count; i++) {
            if (dr_media_look(volumes->folders[i], volumes->trust, dr_volumes_choice_add, &choice,
                              err) < 0)
                return -1;
        }
        if (dr_volumes_choice_make(&choice, err) < 0)
            return -1;
    }
    if (choice.count > 0 &&
        dr_media_look_at(choice.items[choice.chosen].path, volumes->trust, admit, volumes, err) < 0)
        return -1;
    for (size_t i = 0; i < volumes->folder_count; i++) {
        if (dr_media_look(volumes->folders[i], volumes->trust, admit, volumes, err) < 0)
            return -1;
    }
    return 0;
}

static struct dr_volumes *new_volumes(const char *path, const struct dr_bundle_trust *trust,
                                      struct dr_err *err)
{
    dr_auto_volumes struct dr_volumes *volumes = calloc(1, sizeof *volumes);
    struct stat info;

    if (!volumes) {
        dr_fail_memory(err);
        return NULL;
    }
    dr_file_allow_open(FILES);
    volumes->trust = trust;
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        volumes->file = dr_text_copy(path, err);
        if (!volumes->file)
            return NULL;
    }
    return list_folders(volumes, path, err) < 0 ? NULL : dr_steal(volumes);
}

static int fail_none(const struct dr_volumes *volumes, struct dr_err *err)
{
    char where[DR_VOLUMES_TEXT];

    dr_fail(err, DR_ERR_IO, "there is no volume of a bundle in %s",
            dr_volumes_where(volumes, where));
    if (volumes->stray_count == 0)
        return dr_err_advise(err, "is the medium mounted? a bundle in one file is named itself, "
                                  "not its folder");
    return dr_volumes_advise(volumes, err);
}

struct dr_volumes *dr_volumes_open(const char *path, const struct dr_bundle_trust *trust,
                                   struct dr_err *err)
{
    dr_auto_volumes struct dr_volumes *volumes = new_volumes(path, trust, err);

    if (!volumes || look_first(volumes, err) < 0)
        return NULL;
    if (!volumes->chosen) {
        fail_none(volumes, err);
        return NULL;
    }
    return dr_steal(volumes);
}

struct dr_volumes *dr_volumes_await(const char *path, const struct dr_bundle_trust *trust,
                                    dr_volumes_wait_fn *wait, void *context, struct dr_err *err)
{
    dr_auto_volumes struct dr_volumes *volumes = new_volumes(path, trust, err);

    if (!volumes)
        return NULL;
    for (;;) {
        struct dr_err why = DR_ERR_INIT;

        forget_strays(volumes);
        if (look_first(volumes, &why) < 0 && pass_over(volumes, volumes->folders[0], &why, err) < 0)
            return NULL;
        if (volumes->chosen)
            return dr_steal(volumes);
        if (wait(context, volumes, err) < 0)
            return NULL;
    }
}
