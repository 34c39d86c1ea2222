/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/restored.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/container.h"
#include "apply/server/backup.h"
#include "apply/server/find.h"
#include "apply/server/spec.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/image.h"
#include "lib/engine/storage.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define NAMES_MAX 100u

/* ---- names that are free */

typedef int taken_fn(struct dr_engine *engine, const char *name, bool *ret_taken,
                     struct dr_err *err);

static int container_taken(struct dr_engine *engine, const char *name, bool *ret_taken,
                           struct dr_err *err)
{
    json_auto_t *other = NULL;

    if (dr_docker_find(engine, name, &other, err) < 0)
        return -1;
    *ret_taken = other != NULL;
    return 0;
}

static int volume_taken(struct dr_engine *engine, const char *name, bool *ret_taken,
                        struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *volume = dr_volume_inspect(engine, name, &why);

    if (!volume && why.code != DR_ERR_ABSENT) {
        if (err)
            *err = why;
        return -1;
    }
    *ret_taken = volume != NULL;
    return 0;
}

static int folder_taken(struct dr_engine *engine, const char *name, bool *ret_taken,
                        struct dr_err *err)
{
    (void)engine;
    *ret_taken = access(name, F_OK) == 0;
    return !*ret_taken && errno != ENOENT
               ? dr_fail_errno(err, DR_ERR_IO, "look for the folder '%s'", name)
               : 0;
}

/* "<stem>", "<stem>-2", ... Owned. */
static char *free_name(struct dr_engine *engine, const char *stem, taken_fn *is_taken,
                       struct dr_err *err)
{
    for (unsigned number = 1; number < NAMES_MAX; number++) {
        dr_autofree char *name = number == 1 ? dr_text_format(err, "%s", stem)
                                             : dr_text_format(err, "%s-%u", stem, number);
        bool taken = false;

        if (!name || is_taken(engine, name, &taken, err) < 0)
            return NULL;
        if (!taken)
            return dr_steal(name);
    }
    dr_fail(err, DR_ERR_REFUSED, "every name from '%s' to '%s-%u' is taken", stem, stem,
            NAMES_MAX - 1);
    return NULL;
}

static int choose_name(const struct dr_upgrade *upgrade, json_t *rollback, const char *key,
                       const char *suffix, struct dr_err *err)
{
    dr_autofree char *stem =
        dr_text_format(err, "%s%s", dr_upgrade_text(upgrade, NULL, "name"), suffix);
    dr_autofree char *name = stem ? free_name(upgrade->engine, stem, container_taken, err) : NULL;

    return name ? dr_json_set(rollback, key, json_pack("{s:s}", "name", name), err) : -1;
}

/* ---- where the database goes */

/* "rancher-v1.0.1-20160526T181338Z" out of the copy's name: says what it is. */
static char *volume_stem(const char *file, struct dr_err *err)
{
    const char *name = dr_file_name(file);
    size_t length = strlen(name);

    if (dr_text_ends(name, ".tar.gz"))
        length -= strlen(".tar.gz");
    return dr_text_format(err, "%.*s", (int)length, name);
}

static int choose_place(const struct dr_upgrade *upgrade, const json_t *backup, json_t *rollback,
                        struct dr_err *err)
{
    const json_t *mount =
        dr_docker_mount(json_object_get(dr_upgrade_server(upgrade), "inspect"), DR_SERVER_DATABASE);
    const char *source = dr_json_string_or(mount, "Source", "");
    bool is_volume = *dr_json_string_or(mount, "Name", "") != '\0';
    dr_autofree char *stem = volume_stem(dr_json_string_or(backup, "file", ""), err);
    dr_autofree char *folder_stem = NULL;
    dr_autofree char *name = NULL;

    if (!stem)
        return -1;
    if (is_volume) {
        name = free_name(upgrade->engine, stem, volume_taken, err);
        return name ? dr_json_set(rollback, "database", json_pack("{s:s}", "volume", name), err)
                    : -1;
    }
    folder_stem = dr_text_format(
        err, "%.*s-%s", (int)(dr_text_ends(source, "/") ? strlen(source) - 1 : strlen(source)),
        source, stem);
    name = folder_stem ? free_name(upgrade->engine, folder_stem, folder_taken, err) : NULL;
    return name ? dr_json_set(rollback, "database", json_pack("{s:s}", "folder", name), err) : -1;
}

static int check_room(const struct dr_upgrade *upgrade, const json_t *backup, struct dr_err *err)
{
    const char *folder =
        dr_json_string_or(json_object_get(dr_upgrade_server(upgrade), "database"), "folder", NULL);
    uint64_t need = (uint64_t)dr_json_int_or(backup, "content_bytes", 0);
    uint64_t room = 0;

    if (!folder || access(folder, F_OK) < 0)
        return 0;
    if (dr_file_space(folder, &room, err) < 0)
        return -1;
    need += need / 20 + (16u << 20);
    if (need > room)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the old database needs %llu bytes beside '%s', where %llu are free; make "
                       "room there (nothing is overwritten: the migrated database stays)",
                       (unsigned long long)need, folder, (unsigned long long)room);
    return 0;
}

/* ---- the old one's inspect, with its database elsewhere */

static int move_database(json_t *inspect, const json_t *place, struct dr_err *err)
{
    const char *volume = dr_json_string_or(place, "volume", NULL);
    const char *source = volume ? volume : dr_json_string_or(place, "folder", "");
    json_t *mount = dr_docker_mount(inspect, DR_SERVER_DATABASE);

    if (!mount)
        return dr_fail(err, DR_ERR_REFUSED, "the old server had no mount at " DR_SERVER_DATABASE);
    if (dr_spec_mount_database(json_object_get(inspect, "HostConfig"), source, err) < 0)
        return -1;
    return dr_json_set(mount, volume ? "Name" : "Source", json_string(source), err);
}

/* ---- what it takes its other volumes from */

static int sort_sources(const struct dr_upgrade *upgrade, const json_t *inspect, json_t *gone,
                        struct dr_err *err)
{
    json_t *entry;
    size_t i;

    json_array_foreach(dr_json_at(inspect, "HostConfig", "VolumesFrom", NULL), i, entry)
    {
        const char *text = json_is_string(entry) ? json_string_value(entry) : "";
        dr_autofree char *name = dr_text_format(err, "%.*s", (int)strcspn(text, ":"), text);
        json_auto_t *source = NULL;

        if (!name || dr_docker_find(upgrade->engine, name, &source, err) < 0 ||
            (!source && json_array_append(gone, entry) < 0))
            return -1;
    }
    return 0;
}

/* The data container, or whoever else has the same volumes. */
static int choose_holder(const struct dr_upgrade *upgrade, json_t *rollback, struct dr_err *err)
{
    const char *const candidates[] = {dr_upgrade_text(upgrade, "data", "name"),
                                      dr_upgrade_text(upgrade, "candidate", "id"),
                                      dr_upgrade_text(upgrade, NULL, "id")};

    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        json_auto_t *found = NULL;

        if (*candidates[i] && dr_docker_find(upgrade->engine, candidates[i], &found, err) < 0)
            return -1;
        if (found)
            return dr_json_set(rollback, "holder", json_string(candidates[i]), err);
    }
    return dr_json_set(rollback, "holder", json_null(), err);
}

/* ---- all of it */

/* The name that the old container had for its image, if that still is this image; else the image's id. */
static int choose_image(const struct dr_upgrade *upgrade, json_t *rollback, struct dr_err *err)
{
    const char *id =
        dr_json_string_or(json_object_get(dr_upgrade_server(upgrade), "inspect"), "Image", "");
    const char *reference = dr_upgrade_text(upgrade, NULL, "reference");
    json_auto_t *named = NULL;
    json_auto_t *image = NULL;

    if (dr_image_find(upgrade->engine, id, &image, err) < 0 ||
        dr_image_find(upgrade->engine, reference, &named, err) < 0)
        return -1;
    if (!image)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the old server's image '%s' (%.19s) is no longer on this engine; bring it "
                       "back first: docker pull %s, or docker load",
                       reference, id, reference);
    return dr_json_set(
        rollback, "image",
        json_string(named && strcmp(dr_json_string_or(named, "Id", ""), id) == 0 ? reference : id),
        err);
}

void dr_restored_describe(const json_t *rollback, const json_t *server, unsigned api,
                          struct dr_description *ret_description)
{
    ret_description->variables[0] = NULL;
    ret_description->input = (struct dr_spec_input){
        .inspect = json_object_get(rollback, "inspect"),
        .image = json_object_get(server, "image"),
        .reference = dr_json_string_or(rollback, "image", ""),
        .variables = ret_description->variables,
        .data_container = dr_json_string_or(rollback, "holder", NULL),
        .gone = json_object_get(rollback, "gone"),
        .api = api,
    };
}

static int describe(const struct dr_upgrade *upgrade, json_t *rollback, struct dr_err *err)
{
    json_t *inspect = json_deep_copy(json_object_get(dr_upgrade_server(upgrade), "inspect"));
    json_t *gone = json_array();
    struct dr_description description;
    json_t *spec;

    if (dr_json_set(rollback, "inspect", inspect, err) < 0 ||
        dr_json_set(rollback, "gone", gone, err) < 0 ||
        move_database(inspect, json_object_get(rollback, "database"), err) < 0 ||
        sort_sources(upgrade, inspect, gone, err) < 0 ||
        choose_holder(upgrade, rollback, err) < 0 || choose_image(upgrade, rollback, err) < 0)
        return -1;
    dr_restored_describe(rollback, dr_upgrade_server(upgrade), dr_engine_api(upgrade->engine),
                         &description);
    spec = dr_spec_make(&description.input, err);
    return spec ? dr_json_set(rollback, "spec", spec, err) : -1;
}

json_t *dr_restored_plan(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    const json_t *backup = json_object_get(upgrade->journal->state, "backup");
    json_auto_t *rollback = json_object();
    char now[32];

    if (!dr_engine_local(upgrade->engine)) {
        dr_fail(err, DR_ERR_REFUSED,
                "the database is put back into a folder of the server's own host: run drover "
                "rollback there");
        return NULL;
    }
    if (!backup || dr_backup_check(backup, err) < 0) {
        if (!backup)
            dr_fail(err, DR_ERR_REFUSED, "the journal '%s' tells of no copy of the database",
                    upgrade->journal->path);
        dr_err_advise(err, "without it there is no way back; nothing was changed");
        return NULL;
    }
    dr_text_time(time(NULL), now);
    if (dr_json_set(rollback, "begun", json_string(now), err) < 0 ||
        check_room(upgrade, backup, err) < 0 || choose_place(upgrade, backup, rollback, err) < 0 ||
        choose_name(upgrade, rollback, "candidate", "-rollback-new", err) < 0 ||
        choose_name(upgrade, rollback, "kept", "-migrated", err) < 0 ||
        describe(upgrade, rollback, err) < 0)
        return NULL;
    return json_incref(rollback);
}

int dr_restored_find(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err)
{
    const json_t *rollback = json_object_get(upgrade->journal->state, "rollback");

    return dr_container_find(upgrade, json_object_get(rollback, "candidate"), ret_inspect, err);
}
