/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "lib/json.h"
#include "manifests/release.h"

/* Not "nothing": most of what drover does works for every release. */
static const char not_applied[] =
    "NOT 'drover apply': its targets are v1.0.0 to v1.1.4 only. 'drover bundle' and 'drover "
    "mirror' work for this release; the upgrade itself is yours";

static json_t *image_json(const struct dr_release_image *image)
{
    return json_pack("{s:s, s:s, s:s}", "role", image->role, "image", image->image, "confidence",
                     image->certain ? "high" : "medium");
}

static json_t *images_json(const struct dr_release_image *images, size_t count, struct dr_err *err)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if (dr_json_append(list, image_json(&images[i]), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *groups_json(const struct dr_release *release, struct dr_err *err)
{
    json_auto_t *groups = json_object();

    for (size_t i = 0; i < release->group_count; i++) {
        const struct dr_release_group *group = &release->groups[i];

        if (dr_json_set(groups, group->name, images_json(group->images, group->image_count, err),
                        err) < 0)
            return NULL;
    }
    return json_incref(groups);
}

static json_t *texts_json(const struct dr_release *release, bool advice, struct dr_err *err)
{
    json_auto_t *list = json_array();
    const char *text;

    for (size_t i = 0; (text = advice ? dr_release_advice(release->name, i) : release->notes[i]);
         i++) {
        if (dr_json_append(list, json_string(text), err) < 0)
            return NULL;
    }
    return json_incref(list);
}

static json_t *release_json(const struct dr_release *release, struct dr_err *err)
{
    json_auto_t *object =
        json_pack("{s:s, s:s, s:s, s:b}", "release", release->name, "cattle", release->cattle,
                  "date", release->date, "apply", dr_release_is_applied(release->name));

    if (!object) {
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_json_set(object, "images", images_json(release->images, release->image_count, err),
                    err) < 0 ||
        dr_json_set(object, "optional", groups_json(release, err), err) < 0 ||
        dr_json_set(object, "notes", texts_json(release, false, err), err) < 0 ||
        dr_json_set(object, "advice", texts_json(release, true, err), err) < 0 ||
        dr_json_set(object, "source", json_string(release->source), err) < 0)
        return NULL;
    return json_incref(object);
}

static int print_json(const json_t *value, struct dr_err *err)
{
    return value ? dr_json_print(value, stdout, err) : -1;
}

static void print_row(const struct dr_release *release)
{
    printf("%-8s  %s  %6zu  %-6s ", release->name, release->date, release->image_count,
           dr_release_is_applied(release->name) ? "yes" : "no");
    for (size_t i = 0; i < release->group_count; i++)
        printf("%s%s", i ? ", " : " ", release->groups[i].name);
    printf("\n");
}

static int list_releases(bool json, const struct dr_log *log, struct dr_err *err)
{
    json_auto_t *list = json_array();
    const char *name;

    if (!json)
        printf("RELEASE   DATE        IMAGES  APPLY   OPTIONAL GROUPS\n");
    for (size_t i = 0; (name = dr_release_name(i)); i++) {
        dr_auto_release struct dr_release *release = dr_release_new(name, err);

        if (!release)
            return -1;
        if (!json)
            print_row(release);
        else if (dr_json_append(list, release_json(release, err), err) < 0)
            return -1;
    }
    if (json)
        return print_json(list, err);
    dr_log_say(log, "'drover apply' upgrades to v1.0.0 to v1.1.4 only; 'drover bundle' and 'drover "
                    "mirror' work for all. More of one: drover releases RELEASE");
    return 0;
}

static bool print_images(const struct dr_release_image *images, size_t count)
{
    bool doubt = false;

    for (size_t i = 0; i < count; i++) {
        printf("  %-16s  %s%s\n", images[i].role, images[i].image, images[i].certain ? "" : "  *");
        doubt = doubt || !images[i].certain;
    }
    return doubt;
}

static void print_paragraphs(const char *title, const struct dr_release *release, bool advice)
{
    const char *text;

    for (size_t i = 0; (text = advice ? dr_release_advice(release->name, i) : release->notes[i]);
         i++)
        printf("%s  - %s\n", i ? "" : title, text);
}

static void print_release(const struct dr_release *release)
{
    bool doubt;

    printf("Rancher %s of %s (cattle %s)\n", release->name, release->date, release->cattle);
    printf("%s\n\nimages\n", dr_release_is_applied(release->name)
                                 ? "'drover apply' upgrades to it from v1.0.0 and later"
                                 : not_applied);
    doubt = print_images(release->images, release->image_count);
    if (release->group_count > 0)
        printf("\noptional, by 'drover bundle %s --with GROUP'\n", release->name);
    for (size_t i = 0; i < release->group_count; i++) {
        const struct dr_release_group *group = &release->groups[i];

        doubt = print_images(group->images, group->image_count) || doubt;
    }
    if (doubt)
        printf("\n* not certain that this release uses it: Rancher's catalog changed around that "
               "time, "
               "and all that it may use are listed\n");
    print_paragraphs("\nnotes\n", release, false);
    print_paragraphs("\nbefore you upgrade\n", release, true);
    printf("\nfrom %s\n", release->source);
}

int dr_cmd_releases(int argc, char **argv, struct dr_err *err)
{
    dr_auto_release struct dr_release *release = NULL;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    json_auto_t *object = NULL;
    bool json = false;
    const struct dr_option table[] = {
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (words.count == 0)
        return list_releases(json, &common.log, err);
    release = dr_release_new(words.item[0], err);
    if (!release)
        return -1;
    if (!json) {
        print_release(release);
        return 0;
    }
    object = release_json(release, err);
    return print_json(object, err);
}
