/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/release.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/embed.h"
#include "lib/json.h"

extern const struct dr_embedded dr_releases[];

/* The public part comes first: dr_release_free() gets back to the whole. */
struct owned_release {
    struct dr_release release;
    json_t *document;
};

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

bool dr_release_is_name(const char *text)
{
    if (*text == 'v')
        text++;
    for (int part = 0; part < 3; part++) {
        size_t digits = count_digits(text);

        if (digits < 1 || digits > 4 || text[digits] != (part < 2 ? '.' : '\0'))
            return false;
        text += digits + 1;
    }
    return true;
}

const char *dr_release_name(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (!dr_releases[i].name)
            return NULL;
    }
    return dr_releases[index].name;
}

static const struct dr_embedded *find(const char *name)
{
    for (const struct dr_embedded *file = dr_releases; file->name; file++) {
        if (strcmp(file->name, name) == 0 || strcmp(file->name + 1, name) == 0)
            return file;
    }
    return NULL;
}

static int fail_unknown(const char *name, struct dr_err *err)
{
    dr_auto_buf struct dr_buf known = DR_BUF_INIT(65536);

    for (const struct dr_embedded *file = dr_releases; file->name; file++) {
        if (dr_buf_printf(&known, err, "%s%s", file == dr_releases ? "" : ", ", file->name) < 0)
            return -1;
    }
    return dr_fail(err, DR_ERR_ABSENT, "the Rancher release '%s' is not known; known are %s", name,
                   known.data);
}

static int read_images(struct dr_release *release, const json_t *list, struct dr_err *err)
{
    release->images = calloc(json_array_size(list) + 1, sizeof *release->images);
    if (!release->images)
        return dr_fail_memory(err);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);

        if (dr_json_get_string(item, "role", &release->images[i].role, err) < 0 ||
            dr_json_get_string(item, "image", &release->images[i].image, err) < 0)
            return -1;
    }
    release->image_count = json_array_size(list);
    return 0;
}

static int read_release(struct dr_release *release, const json_t *document, struct dr_err *err)
{
    json_t *images;

    if (dr_json_get_string(document, "release", &release->name, err) < 0 ||
        dr_json_get_string(document, "cattle", &release->cattle, err) < 0 ||
        dr_json_get_string(document, "date", &release->date, err) < 0 ||
        dr_json_get_array(document, "images", &images, err) < 0)
        return -1;
    return read_images(release, images, err);
}

struct dr_release *dr_release_new(const char *name, struct dr_err *err)
{
    const struct dr_embedded *file = find(name);
    dr_auto_release struct dr_release *release = NULL;
    struct owned_release *owned;

    if (!file) {
        fail_unknown(name, err);
        return NULL;
    }
    owned = calloc(1, sizeof *owned);
    if (!owned) {
        dr_fail_memory(err);
        return NULL;
    }
    release = &owned->release;
    owned->document = dr_json_parse(file->text, file->size, file->name, err);
    if (!owned->document || read_release(release, owned->document, err) < 0) {
        dr_err_wrap(err, "read what drover knows of Rancher %s", file->name);
        return NULL;
    }
    return dr_steal(release);
}

void dr_release_free(struct dr_release *release)
{
    struct owned_release *owned = (struct owned_release *)release;

    if (!owned)
        return;
    free(release->images);
    json_decref(owned->document);
    free(owned);
}
