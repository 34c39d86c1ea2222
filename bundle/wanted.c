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
    struct dr_wanted *item = &list->items[list->count];

    if (dr_reference_parse(image, &item->reference, err) < 0)
        return -1;
    item->role = role;
    if (!is_listed(list, &item->reference))
        list->count++;
    return 0;
}

int dr_wanted_read(const char *release, const char *const *images, size_t image_count,
                   struct dr_wanted_list *ret_list, struct dr_err *err)
{
    dr_auto_wanted struct dr_wanted_list list = DR_WANTED_INIT;
    size_t of_release = 0;

    if (release) {
        list.release = dr_release_new(release, err);
        if (!list.release)
            return -1;
        of_release = list.release->image_count;
    }
    if (of_release + image_count == 0)
        return dr_fail(err, DR_ERR_USAGE, "name a Rancher release (like v1.0.2), or images");
    list.items = calloc(of_release + image_count, sizeof *list.items);
    if (!list.items)
        return dr_fail_memory(err);
    for (size_t i = 0; i < of_release; i++) {
        if (add(&list, list.release->images[i].image, list.release->images[i].role, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < image_count; i++) {
        if (add(&list, images[i], DR_ROLE_EXTRA, err) < 0)
            return -1;
    }
    *ret_list = list;
    list = (struct dr_wanted_list)DR_WANTED_INIT;
    return 0;
}

void dr_wanted_release(struct dr_wanted_list *list)
{
    dr_release_free(list->release);
    free(list->items);
    *list = (struct dr_wanted_list)DR_WANTED_INIT;
}
