/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/copy.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply/server/database.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/storage.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/tree.h"

/* Room beyond the size of the database: a compressed copy is smaller, but the database may grow until the stop. */
#define SPARE_BYTES (64u << 20)

#define DRAFT ".drover-copy"

/* ---- room */

/* The folder, or the nearest one above it that exists (a dry run makes nothing), in `ret_path`. */
static int nearest(const char *folder, char **ret_path, struct dr_err *err)
{
    char *path = dr_text_copy(folder, err);

    while (path && access(path, F_OK) < 0 && errno == ENOENT && strcmp(path, "/") != 0) {
        char *slash = strrchr(path, '/');

        if (!slash)
            break;
        slash[slash == path] = '\0';
    }
    *ret_path = path;
    return path ? 0 : -1;
}

static int check_room(const char *folder, const char *what, uint64_t bytes, uint64_t *ret_room,
                      struct dr_err *err)
{
    dr_autofree char *place = NULL;

    if (nearest(folder, &place, err) < 0 || dr_file_space(place, ret_room, err) < 0)
        return -1;
    if (bytes <= *ret_room)
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "%s may need %llu bytes in '%s', where %llu are free; make room, or name "
                   "another place",
                   what, (unsigned long long)bytes, folder, (unsigned long long)*ret_room);
}

static bool on_one_disk(const char *a, const char *b)
{
    dr_autofree char *left = NULL;
    dr_autofree char *right = NULL;
    struct stat one;
    struct stat two;

    return nearest(a, &left, NULL) == 0 && nearest(b, &right, NULL) == 0 && stat(left, &one) == 0 &&
           stat(right, &two) == 0 && one.st_dev == two.st_dev;
}

/* ---- where it moves to */

static char *wanted_folder(const struct dr_apply_options *options, struct dr_err *err)
{
    char *folder = dr_text_copy(options->bind_folder, err);
    size_t size = folder ? strlen(folder) : 0;

    while (size > 1 && folder[size - 1] == '/')
        folder[--size] = '\0';
    return folder;
}

int dr_copy_is_moving(const struct dr_apply_options *options, const json_t *inspect,
                      bool *ret_moving, struct dr_err *err)
{
    dr_autofree char *folder = NULL;
    char place[256];

    *ret_moving = false;
    if (!options->bind_folder)
        return 0;
    folder = wanted_folder(options, err);
    if (!folder)
        return -1;
    dr_database_place(inspect, place);
    switch (dr_database_kind(inspect)) {
    case DR_DATABASE_VOLUME:
        *ret_moving = true;
        return 0;
    case DR_DATABASE_FOLDER: {
        size_t size = strlen(folder);

        if (strncmp(place, folder, size) == 0 && strspn(place + size, "/") == strlen(place + size))
            return 0;
        return dr_fail(err, DR_ERR_REFUSED,
                       "the database is in the folder '%.200s' already; drover does not move it "
                       "from one folder to another",
                       place);
    }
    case DR_DATABASE_EXTERNAL:
    case DR_DATABASE_NONE:
        break;
    }
    return dr_fail(err, DR_ERR_REFUSED,
                   "the server's database is not in its container (%.200s): there is nothing to "
                   "move into '%.200s'",
                   place, folder);
}

static bool has(const char *folder, const char *name)
{
    dr_autofree char *path = dr_file_join(folder, name, NULL);

    return path && access(path, F_OK) == 0;
}

static int refuse_filled(const char *folder, struct dr_err *err)
{
    if (has(folder, "ibdata1") || has(folder, "mysql/ibdata1"))
        return dr_fail(err, DR_ERR_REFUSED,
                       "there is a database in '%.200s' already%s; drover copies it itself, after "
                       "the server's end: name a folder that is empty or does not exist",
                       folder,
                       has(folder, "mysql/ibdata1") ? ", in its folder 'mysql' as docker cp leaves "
                                                      "it"
                                                    : "");
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%.200s' is not empty; name a folder that is empty or does not exist", folder);
}

/* Not there, or empty, below a folder that is there. */
static int check_folder(const char *folder, struct dr_err *err)
{
    dr_autofree char *above =
        dr_text_format(err, "%.*s", (int)(strrchr(folder, '/') - folder) + 1, folder);
    const struct dirent *entry;
    struct stat st;
    DIR *stream;
    bool filled = false;

    if (!above)
        return -1;
    if (stat(above, &st) < 0 || !S_ISDIR(st.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "there is no folder '%.200s' to make '%.200s' in",
                       above, folder);
    if (lstat(folder, &st) < 0)
        return errno == ENOENT ? 0 : dr_fail_errno(err, DR_ERR_IO, "look at '%s'", folder);
    if (!S_ISDIR(st.st_mode))
        return dr_fail(err, DR_ERR_REFUSED, "'%.200s' is no folder", folder);
    stream = opendir(folder);
    if (!stream)
        return dr_fail_errno(err, DR_ERR_IO, "look into '%s'", folder);
    while ((entry = readdir(stream)))
        filled |= strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return filled ? refuse_filled(folder, err) : 0;
}

static int plan_move(const struct dr_apply_options *options, const struct dr_engine *engine,
                     json_t *server, json_t *notes, struct dr_err *err)
{
    dr_autofree char *folder = wanted_folder(options, err);
    dr_autofree char *draft = folder ? dr_text_format(err, "%s" DRAFT, folder) : NULL;

    if (!draft)
        return -1;
    if (!dr_engine_local(engine))
        return dr_fail(err, DR_ERR_REFUSED,
                       "--to-bind-mount needs drover on the engine's own machine: '%.200s' is a "
                       "folder there",
                       folder);
    if (*folder != '/' || strcmp(folder, "/") == 0 || strchr(folder, ':'))
        return dr_fail(err, DR_ERR_USAGE,
                       "'%.200s' can't be mounted: give an absolute path without a colon", folder);
    if (check_folder(folder, err) < 0)
        return -1;
    if (access(draft, F_OK) == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "'%.200s' is in the way, the rest of a copy that was given up; remove it",
                       draft);
    if (dr_json_append(notes,
                       json_sprintf("the database moves into the folder '%.200s'; the volume that "
                                    "it is in now stays as it is, and is not used any more",
                                    folder),
                       err) < 0)
        return -1;
    return dr_json_set(server, "move", json_pack("{s:s, s:s}", "folder", folder, "draft", draft),
                       err);
}

/* ---- external */

static int plan_external(const struct dr_apply_options *options, const json_t *inspect,
                         json_t *server, json_t *notes, struct dr_err *err)
{
    char place[256];

    dr_database_place(inspect, place);
    if (!options->backup_confirmed && !options->dry_run)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the server's database is not in its container (%.200s), so drover can't "
                       "copy it, and migrations go forward only: dump it yourself (mysqldump), "
                       "then say so with --db-backup-confirmed 'WHERE THE DUMP IS'",
                       place);
    if (dr_json_append(notes,
                       options->backup_confirmed
                           ? json_sprintf("no copy of the external database is taken; you say that "
                                          "there is one: %.300s",
                                          options->backup_confirmed)
                           : json_string("no copy of the external database is taken: dump it, and "
                                         "say so with --db-backup-confirmed TEXT"),
                       err) < 0)
        return -1;
    return dr_json_set(server, "database",
                       json_pack("{s:s, s:s, s:s?}", "kind", "external", "place", place,
                                 "confirmed", options->backup_confirmed),
                       err);
}

/* ---- inside */

/* Bytes of the database; 0 where nobody can tell. */
static int measure(struct dr_engine *engine, const json_t *mount, uint64_t *ret_bytes,
                   struct dr_err *err)
{
    const char *volume = dr_json_string_or(mount, "Name", "");
    struct dr_tree tree = {0};

    if (*volume)
        return dr_volume_size(engine, volume, ret_bytes, err);
    if (dr_engine_local(engine))
        dr_tree_measure(dr_json_string_or(mount, "Source", ""), &tree, NULL);
    *ret_bytes = tree.bytes;
    return 0;
}

static char *name_file(const char *place, const json_t *server, struct dr_err *err)
{
    dr_autofree char *name = NULL;
    char now[32];
    char stamp[32];

    dr_text_time(time(NULL), now);
    dr_text_stamp(now, stamp);
    name = dr_text_format(err, "%s-%s-%s.tar.gz", dr_json_string_or(server, "name", "rancher"),
                          dr_json_string_or(server, "version", "old"), stamp);
    return name ? dr_file_join(place, name, err) : NULL;
}

static int plan_inside(const struct dr_apply_options *options, struct dr_engine *engine,
                       const json_t *inspect, json_t *server, struct dr_err *err)
{
    const json_t *mount = dr_docker_mount(inspect, DR_SERVER_DATABASE);
    const char *folder = dr_json_string_or(mount, "Source", "");
    const char *target = dr_json_string_or(json_object_get(server, "move"), "folder", NULL);
    bool here = dr_engine_local(engine) && access(folder, R_OK | X_OK) == 0;
    dr_autofree char *place = options->backup_dir
                                  ? dr_text_copy(options->backup_dir, err)
                                  : dr_file_join(options->state_dir, "backups", err);
    dr_autofree char *file = place ? name_file(place, server, err) : NULL;
    uint64_t bytes = 0;
    uint64_t need;
    uint64_t room = 0;

    if (!file || measure(engine, mount, &bytes, err) < 0)
        return -1;
    need = bytes + bytes / 20 + SPARE_BYTES;
    if (check_room(place, "the copy of the database",
                   target && on_one_disk(place, target) ? need * 2 : need, &room, err) < 0 ||
        (target && check_room(target, "the database", need, &room, err) < 0))
        return -1;
    if (dr_json_set(server, "backup_file", json_string(file), err) < 0)
        return -1;
    return dr_json_set(server, "database",
                       json_pack("{s:s, s:s, s:s?, s:o, s:I, s:I}", "kind",
                                 dr_database_kind_name(dr_database_kind(inspect)), "place",
                                 dr_json_string_or(mount, "Name", folder), "volume",
                                 dr_json_string_or(mount, "Name", NULL), "folder",
                                 here ? json_string(folder) : json_null(), "bytes",
                                 (json_int_t)bytes, "room", (json_int_t)room),
                       err);
}

int dr_copy_plan(const struct dr_apply_options *options, struct dr_engine *engine,
                 const json_t *inspect, json_t *server, json_t *notes, struct dr_err *err)
{
    bool moving = false;

    if (dr_copy_is_moving(options, inspect, &moving, err) < 0)
        return -1;
    if (dr_database_kind(inspect) == DR_DATABASE_EXTERNAL)
        return plan_external(options, inspect, server, notes, err);
    if (options->backup_confirmed)
        return dr_fail(err, DR_ERR_USAGE,
                       "--db-backup-confirmed is for an external database; drover copies this one "
                       "itself");
    if (moving && plan_move(options, engine, server, notes, err) < 0)
        return -1;
    return plan_inside(options, engine, inspect, server, err);
}
