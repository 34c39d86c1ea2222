/* SPDX-License-Identifier: Apache-2.0 */
#include "manifests/release.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/embed.h"
#include "lib/json.h"
#include "manifests/release_parse.h"

extern const struct dr_embedded dr_releases[];

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

/* The table is in the order of versions. */
static int fail_unknown(const char *name, struct dr_err *err)
{
    const struct dr_embedded *last = dr_releases;

    while (last[1].name)
        last++;
    return dr_fail(err, DR_ERR_ABSENT,
                   "the Rancher release '%s' is not known; known are %s to %s, which 'drover "
                   "releases' lists",
                   name, dr_releases->name, last->name);
}

bool dr_release_is_applied(const char *name)
{
    return strncmp(name, "v1.0.", 5) == 0 || strncmp(name, "v1.1.", 5) == 0;
}

struct dr_release *dr_release_new(const char *name, struct dr_err *err)
{
    const struct dr_embedded *file = find(name);
    struct dr_release *release;

    if (!file) {
        fail_unknown(name, err);
        return NULL;
    }
    release = dr_release_parse(dr_json_parse(file->text, file->size, file->name, err), err);
    if (!release)
        dr_err_wrap(err, "read what drover knows of Rancher %s", file->name);
    return release;
}

const struct dr_release_group *dr_release_find_group(const struct dr_release *release,
                                                     const char *name, struct dr_err *err)
{
    dr_auto_buf struct dr_buf known = DR_BUF_INIT(65536);
    const char *of = release->name ? release->name : "the list";

    for (size_t i = 0; i < release->group_count; i++) {
        if (strcmp(release->groups[i].name, name) == 0)
            return &release->groups[i];
        if (dr_buf_printf(&known, err, "%s%s", i ? ", " : "", release->groups[i].name) < 0)
            return NULL;
    }
    if (release->group_count == 0)
        dr_fail(err, DR_ERR_ABSENT, "%s has no optional group '%s', and no other", of, name);
    else
        dr_fail(err, DR_ERR_ABSENT, "%s has no optional group '%s'; it has %s", of, name,
                known.data);
    return NULL;
}
