/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/volumes_choice.h"

#include "lib/text.h"

int dr_volumes_choice_add(void *context, struct dr_find *find, struct dr_err *err)
{
    struct dr_volumes_choice *choice = context;
    const struct dr_volume_set *set = find->volume ? &find->volume->set : NULL;
    size_t i = 0;

    (void)err;
    if (!set)
        return 0;
    while (i < choice->count && !(dr_digest_equal(&choice->items[i].sums, &set->sums) &&
                                  choice->items[i].slice == set->slice))
        i++;
    if (i == DR_VOLUMES_CHOICES)
        return 0;
    if (i == choice->count) {
        if (dr_text_put(choice->items[i].path, sizeof choice->items[i].path, find->path) < 0)
            return 0;
        choice->items[i].sums = set->sums;
        choice->items[i].slice = set->slice;
        choice->items[i].volumes = set->count;
        dr_volume_set_text(set, choice->items[i].text);
        choice->count++;
    }
    choice->items[i].here++;
    return 0;
}

int dr_volumes_choice_make(struct dr_volumes_choice *choice, struct dr_err *err)
{
    size_t other = choice->count;

    for (size_t i = 1; i < choice->count; i++) {
        if (choice->items[i].here > choice->items[choice->chosen].here)
            choice->chosen = i;
    }
    for (size_t i = 0; i < choice->count; i++) {
        if (i != choice->chosen && (choice->items[i].here == choice->items[choice->chosen].here ||
                                    choice->items[i].here >= choice->items[i].volumes))
            other = i;
    }
    if (other == choice->count)
        return 0;
    if (dr_digest_equal(&choice->items[choice->chosen].sums, &choice->items[other].sums))
        return dr_fail(err, DR_ERR_REFUSED,
                       "%s was split twice, into other sizes: '%s' is one of %llu volumes, '%s' of "
                       "%llu; name a volume of the set that is meant instead of the folder",
                       choice->items[other].text, choice->items[choice->chosen].path,
                       (unsigned long long)choice->items[choice->chosen].volumes,
                       choice->items[other].path, (unsigned long long)choice->items[other].volumes);
    return dr_fail(err, DR_ERR_REFUSED,
                   "there are volumes of more than one bundle: '%s' is of %s, '%s' of %s; name a "
                   "volume of the one that is meant instead of the folder",
                   choice->items[choice->chosen].path, choice->items[choice->chosen].text,
                   choice->items[other].path, choice->items[other].text);
}
