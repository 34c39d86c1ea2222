/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/file/content.h"

static bool is_listed(const struct dr_wanted_list *list, const struct dr_reference *reference)
{
    char one[DR_REFERENCE_TEXT];
    char other[DR_REFERENCE_TEXT];

    dr_reference_text(reference, one);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(one, dr_reference_text(&list->items[i].reference, other)) == 0)
            return true;
    }
    return false;
}

static int add(struct dr_wanted_list *list, const char *image, const char *role, struct dr_err *err)
{
    struct dr_wanted *item;

    if (list->count == DR_IMAGES_MAX)
        return dr_fail(err, DR_ERR_FORMAT, "more than %d images are asked for; make two bundles",
                       DR_IMAGES_MAX);
    item = &list->items[list->count];
    if (dr_reference_parse(image, &item->reference, err) < 0)
        return -1;
    item->role = role;
    if (!is_listed(list, &item->reference))
        list->count++;
    return 0;
}

static int add_images(struct dr_wanted_list *list, const struct dr_release_image *images,
                      size_t count, struct dr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (add(list, images[i].image, images[i].role, err) < 0)
            return -1;
    }
    return 0;
}

/* Of the release, of the operator's list, or of both. */
static int add_group(struct dr_wanted_list *list, const char *name, struct dr_err *err)
{
    const struct dr_release *from[] = {list->release, list->own};
    const struct dr_release *lacking = NULL;
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        const struct dr_release_group *group =
            from[i] ? dr_release_find_group(from[i], name, NULL) : NULL;

        if (group && add_images(list, group->images, group->image_count, err) < 0)
            return -1;
        found = found || group;
        if (from[i] && (!lacking || lacking->group_count == 0))
            lacking = from[i];
    }
    if (found)
        return 0;
    if (!lacking)
        return dr_fail(err, DR_ERR_USAGE, "--with %s: name a Rancher release (like v1.0.2) too",
                       name);
    dr_release_find_group(lacking, name, err);
    return dr_err_wrap(err, "--with");
}

static int open_lists(struct dr_wanted_list *list, const struct dr_wish *wish, struct dr_err *err)
{
    if (wish->release) {
        list->release = dr_release_new(wish->release, err);
        if (!list->release)
            return -1;
        list->name = list->release->name;
    }
    if (wish->file) {
        list->own = dr_release_read(wish->file, err);
        if (!list->own)
            return -1;
        if (!list->name)
            list->name = list->own->name;
    }
    return 0;
}

int dr_wanted_read(const struct dr_wish *wish, struct dr_wanted_list *ret_list, struct dr_err *err)
{
    dr_auto_wanted struct dr_wanted_list list = DR_WANTED_INIT;

    list.items = calloc(DR_IMAGES_MAX, sizeof *list.items);
    if (!list.items)
        return dr_fail_memory(err);
    if (open_lists(&list, wish, err) < 0 ||
        (list.release &&
         add_images(&list, list.release->images, list.release->image_count, err) < 0) ||
        (list.own && add_images(&list, list.own->images, list.own->image_count, err) < 0))
        return -1;
    for (size_t i = 0; i < wish->group_count; i++) {
        if (add_group(&list, wish->groups[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < wish->image_count; i++) {
        if (add(&list, wish->images[i], DR_ROLE_EXTRA, err) < 0)
            return -1;
    }
    if (list.count == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "name a Rancher release (like v1.0.2), images, or a list of them (-f FILE)");
    *ret_list = list;
    list = (struct dr_wanted_list)DR_WANTED_INIT;
    return 0;
}

void dr_wanted_release(struct dr_wanted_list *list)
{
    dr_release_free(list->release);
    dr_release_free(list->own);
    free(list->items);
    *list = (struct dr_wanted_list)DR_WANTED_INIT;
}
