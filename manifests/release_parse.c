/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/release_parse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/reference.h"

/* The public part comes first: dr_release_free() gets back to the whole. */
struct owned_release {
    struct dr_release release;
    json_t *document;
};

static int check_role(const char *role, struct dr_err *err)
{
    size_t length = strspn(role, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (length < 1 || length > DR_ROLE_MAX || role[length])
        return dr_fail(err, DR_ERR_FORMAT,
                       "a role or group is 1 to %d of a-z, 0-9 and '-', not '%.40s'", DR_ROLE_MAX,
                       role);
    return 0;
}

static int read_image(struct dr_release_image *image, const json_t *item, const char *role,
                      struct dr_err *err)
{
    struct dr_reference reference;
    const char *confidence = dr_json_string_or(item, "confidence", "high");

    image->role = dr_json_string_or(item, "role", role);
    image->image = json_string_value(item);
    image->certain = strcmp(confidence, "high") == 0;
    if (!image->image && dr_json_get_string(item, "image", &image->image, err) < 0)
        return -1;
    if (check_role(image->role, err) < 0)
        return -1;
    return dr_reference_parse(image->image, &reference, err);
}

static int read_images(struct dr_release_image **ret_images, size_t *ret_count, const json_t *list,
                       const char *role, struct dr_err *err)
{
    size_t count = json_array_size(list);
    dr_autofree struct dr_release_image *images = calloc(count + 1, sizeof *images);

    if (!images)
        return dr_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (read_image(&images[i], json_array_get(list, i), role, err) < 0)
            return dr_err_wrap(err, "image %zu", i + 1);
    }
    *ret_images = dr_steal(images);
    *ret_count = count;
    return 0;
}

static int read_groups(struct dr_release *release, json_t *optional, struct dr_err *err)
{
    const char *name;
    json_t *list;

    release->groups = calloc(json_object_size(optional) + 1, sizeof *release->groups);
    if (!release->groups)
        return dr_fail_memory(err);
    json_object_foreach(optional, name, list)
    {
        struct dr_release_group *group = &release->groups[release->group_count];

        group->name = name;
        if (check_role(name, err) < 0 ||
            read_images(&group->images, &group->image_count, list, name, err) < 0)
            return dr_err_wrap(err, "group '%.40s'", name);
        release->group_count++;
    }
    return 0;
}

static int read_notes(struct dr_release *release, const json_t *notes, struct dr_err *err)
{
    size_t count = 0;

    release->notes = calloc(json_array_size(notes) + 1, sizeof *release->notes);
    if (!release->notes)
        return dr_fail_memory(err);
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));

        if (note)
            release->notes[count++] = note;
    }
    return 0;
}

static int read_release(struct dr_release *release, const json_t *document, struct dr_err *err)
{
    json_t *images;

    release->name = dr_json_string_or(document, "release", NULL);
    release->cattle = dr_json_string_or(document, "cattle", "");
    release->date = dr_json_string_or(document, "date", "");
    release->source = dr_json_string_or(document, "source", "");
    if (release->name && !dr_release_is_name(release->name))
        return dr_fail(err, DR_ERR_FORMAT, "\"release\" is not a version like v1.0.2");
    if (dr_json_get_array(document, "images", &images, err) < 0 ||
        read_images(&release->images, &release->image_count, images, "extra", err) < 0 ||
        read_groups(release, json_object_get(document, "optional"), err) < 0)
        return -1;
    return read_notes(release, json_object_get(document, "notes"), err);
}

struct dr_release *dr_release_parse(json_t *document, struct dr_err *err)
{
    dr_auto_release struct dr_release *release = NULL;
    struct owned_release *owned;

    if (!document)
        return NULL;
    owned = calloc(1, sizeof *owned);
    if (!owned) {
        json_decref(document);
        dr_fail_memory(err);
        return NULL;
    }
    release = &owned->release;
    owned->document = document;
    return read_release(release, document, err) < 0 ? NULL : dr_steal(release);
}

void dr_release_free(struct dr_release *release)
{
    struct owned_release *owned = (struct owned_release *)release;

    if (!owned)
        return;
    for (size_t i = 0; i < release->group_count; i++)
        free(release->groups[i].images);
    free(release->groups);
    free(release->images);
    free(release->notes);
    json_decref(owned->document);
    free(owned);
}
