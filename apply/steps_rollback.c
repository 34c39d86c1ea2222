/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/container.h"
#include "apply/rancher/inventory.h"
#include "apply/restored.h"
#include "apply/server/find.h"
#include "apply/server/restore.h"
#include "apply/server/shutdown.h"
#include "apply/steps.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/image.h"
#include "lib/engine/storage.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

/* Longer than a database takes to be written out; what is not clean then is only kept aside. */
#define STOP_SECONDS 300

static json_t *plan_of(const struct dr_upgrade *upgrade)
{
    return json_object_get(upgrade->journal->state, "rollback");
}

static json_t *part_of(const struct dr_upgrade *upgrade, const char *part)
{
    return json_object_get(plan_of(upgrade), part);
}

static const char *restored_id(const struct dr_upgrade *upgrade)
{
    return dr_json_string_or(part_of(upgrade, "candidate"), "id", "");
}

/* ---- the place for the database, and what goes into it */

/* Owned path on this machine. */
static char *place(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    const json_t *database = part_of(upgrade, "database");
    const char *name = dr_json_string_or(database, "volume", NULL);
    json_auto_t *volume = name ? dr_volume_inspect(upgrade->engine, name, err) : NULL;
    const char *folder = name ? dr_json_string_or(volume, "Mountpoint", NULL)
                              : dr_json_string_or(database, "folder", NULL);

    if (name && !volume)
        return NULL;
    if (!folder)
        dr_fail(err, DR_ERR_ENGINE, "the engine does not say where volume '%.100s' lies",
                name ? name : "?");
    return folder ? dr_text_copy(folder, err) : NULL;
}

DR_STEP_DO(back_place)
{
    const json_t *database = part_of(upgrade, "database");
    const char *volume = dr_json_string_or(database, "volume", NULL);
    const char *folder = dr_json_string_or(database, "folder", "");

    if (volume)
        return dr_volume_create(upgrade->engine, volume, err);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return dr_fail_errno(err, DR_ERR_IO, "create the folder '%s'", folder);
    return dr_file_sync_folder(folder, err);
}

/* The journal's word counts: once a server has run on it, it differs from the copy. */
DR_STEP_DO(back_restore)
{
    dr_autofree char *folder = place(upgrade, err);
    json_auto_t *restored = NULL;

    if (!folder || dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    if (restored && !dr_docker_is_new(restored))
        return dr_fail(err, DR_ERR_INTERNAL, "'%s' is in use already", folder);
    return dr_restore(json_object_get(upgrade->journal->state, "backup"), folder, err);
}

/* ---- the container */

static int guard(const struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    json_auto_t *image =
        dr_image_inspect(upgrade->engine, dr_json_string_or(plan_of(upgrade), "image", ""), err);
    struct dr_description description;

    dr_restored_describe(plan_of(upgrade), dr_upgrade_server(upgrade),
                         dr_engine_api(upgrade->engine), &description);
    return image ? dr_spec_guard(&description.input, created, image, err) : -1;
}

DR_STEP_CHECK(back_create)
{
    json_auto_t *created = NULL;

    if (dr_restored_find(upgrade, &created, err) < 0)
        return -1;
    *ret_done = created && (!dr_docker_is_new(created) || guard(upgrade, created, NULL) == 0);
    return 0;
}

DR_STEP_DO(back_create)
{
    return dr_container_make(upgrade, part_of(upgrade, "candidate"), part_of(upgrade, "spec"), err);
}

DR_STEP_PROVE(back_create)
{
    json_auto_t *created = NULL;

    if (dr_restored_find(upgrade, &created, err) < 0)
        return -1;
    if (!created)
        return dr_fail(err, DR_ERR_PROOF, "the restored server's container is not there");
    return dr_docker_is_new(created) ? guard(upgrade, created, err) : 0;
}

/* ---- the servers on the migrated database stop */

/* All that may run on it: the new one, the old one when somebody started it, and one that was clearing the lock. */
#define MIGRATED 3
static int migrated(const struct dr_upgrade *upgrade, json_t *ret_all[MIGRATED], struct dr_err *err)
{
    memset(ret_all, 0, MIGRATED * sizeof *ret_all);
    return dr_upgrade_new(upgrade, &ret_all[0], err) < 0 ||
                   dr_upgrade_old(upgrade, &ret_all[1], err) < 0 ||
                   dr_container_find(upgrade, json_object_get(upgrade->journal->state, "unlock"),
                                     &ret_all[2], err) < 0
               ? -1
               : 0;
}

static void release(json_t *all[MIGRATED])
{
    for (size_t i = 0; i < MIGRATED; i++)
        json_decref(all[i]);
}

static int hold(const struct dr_upgrade *upgrade, const json_t *inspect, struct dr_err *err)
{
    json_auto_t *no = json_pack("{s:s}", "Name", "no");

    if (!inspect)
        return 0;
    return no ? dr_docker_set_restart(upgrade->engine, dr_json_string_or(inspect, "Id", ""), no,
                                      err)
              : dr_fail_memory(err);
}

/* A server that is not well enough to be asked is stopped all the same: its database is only kept aside. */
static int end(const struct dr_upgrade *upgrade, const json_t *inspect, struct dr_err *err)
{
    const char *id = dr_json_string_or(inspect, "Id", "");
    struct dr_err why = DR_ERR_INIT;

    if (!inspect || hold(upgrade, inspect, err) < 0)
        return inspect ? -1 : 0;
    if (!dr_docker_is_running(inspect) ||
        dr_server_shutdown(upgrade->engine, id, upgrade->log, &why) == 0)
        return 0;
    dr_log_warn(upgrade->log,
                "'%s' could not be shut down cleanly (%.300s): it is stopped as it is; the "
                "migrated database, which is only kept, may need a recovery",
                dr_docker_name(inspect), why.text);
    return dr_docker_stop(upgrade->engine, id, (unsigned)dr_scaled(STOP_SECONDS), err);
}

static bool is_held(const json_t *inspect)
{
    return !inspect || (!dr_docker_is_running(inspect) && !dr_docker_comes_back(inspect));
}

DR_STEP_CHECK(back_stop)
{
    json_t *all[MIGRATED];
    int done = migrated(upgrade, all, err);

    *ret_done = done == 0 && is_held(all[0]) && is_held(all[1]) && is_held(all[2]);
    release(all);
    return done;
}

DR_STEP_DO(back_stop)
{
    json_t *all[MIGRATED];
    int done = migrated(upgrade, all, err);

    for (size_t i = 0; i < MIGRATED && done == 0; i++)
        done = end(upgrade, all[i], err);
    release(all);
    return done;
}

DR_STEP_PROVE(back_stop)
{
    bool done = false;

    if (dr_check_back_stop(upgrade, &done, err) < 0)
        return -1;
    return done ? 0 : dr_fail(err, DR_ERR_PROOF, "a server still runs on the migrated database");
}

/* ---- the old server again */

DR_STEP_CHECK(back_start)
{
    json_auto_t *restored = NULL;

    if (dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    *ret_done = restored && dr_docker_is_running(restored);
    return 0;
}

DR_STEP_DO(back_start)
{
    return dr_docker_start(upgrade->engine, restored_id(upgrade), err);
}

DR_STEP_DO(back_policy)
{
    return dr_docker_set_restart(upgrade->engine, restored_id(upgrade),
                                 json_object_get(dr_upgrade_server(upgrade), "restart"), err);
}

DR_STEP_DO(back_answer)
{
    return dr_upgrade_wait(upgrade, restored_id(upgrade), "restored server", err);
}

DR_STEP_DO(back_compare)
{
    const char *wanted = dr_upgrade_text(upgrade, NULL, "version");
    char version[64] = "";

    if (dr_upgrade_wait(upgrade, restored_id(upgrade), "restored server", err) < 0 ||
        dr_rancher_version(upgrade->rancher, version, err) < 0)
        return -1;
    if (strcmp(version, wanted) != 0)
        return dr_fail(err, DR_ERR_PROOF, "the restored server says that it is '%.40s', not '%s'",
                       version, wanted);
    return dr_inventory_check(&upgrade->job, NULL, err);
}

/* ---- names */

static int rename_to(const struct dr_upgrade *upgrade, const json_t *inspect, const char *name,
                     struct dr_err *err)
{
    if (!inspect || strcmp(dr_docker_name(inspect), name) == 0)
        return 0;
    return dr_docker_rename(upgrade->engine, dr_json_string_or(inspect, "Id", ""), name, err);
}

DR_STEP_CHECK(back_rename)
{
    json_auto_t *restored = NULL;

    if (dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    *ret_done =
        restored && strcmp(dr_docker_name(restored), dr_upgrade_text(upgrade, NULL, "name")) == 0;
    return 0;
}

DR_STEP_DO(back_rename)
{
    json_auto_t *restored = NULL;
    json_t *all[MIGRATED];
    int done = migrated(upgrade, all, err);

    if (done == 0)
        done = rename_to(upgrade, all[0], dr_json_string_or(part_of(upgrade, "kept"), "name", ""),
                         err);
    if (done == 0)
        done = rename_to(upgrade, all[1], dr_upgrade_text(upgrade, "retired", "name"), err);
    release(all);
    if (done < 0 || dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    return rename_to(upgrade, restored, dr_upgrade_text(upgrade, NULL, "name"), err);
}

/* The old container would come up on the migrated database. What it was is in the journal, and in the restored one. */
DR_STEP_DO(back_remove)
{
    json_auto_t *old = NULL;
    json_auto_t *restored = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0 || dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    if (!restored || !dr_docker_is_running(restored))
        return dr_fail(err, DR_ERR_PROOF, "the restored server does not run, so the old is kept");
    if (!old)
        return 0;
    if (dr_docker_is_running(old))
        return dr_fail(err, DR_ERR_REFUSED,
                       "somebody has started the old server '%.100s' on the migrated database; "
                       "stop it (docker stop -t 300), and run drover rollback again",
                       dr_docker_name(old));
    return dr_docker_remove(upgrade->engine, dr_upgrade_text(upgrade, NULL, "id"), err);
}

const struct dr_step dr_rollback_steps[] = {
    {"back-place", "make a fresh place for the database", true, NULL, dr_do_back_place, NULL},
    {"back-restore", "unpack the copy of the database there", true, NULL, dr_do_back_restore, NULL},
    {"back-create", "create the old server's container once more and compare it", true,
     dr_check_back_create, dr_do_back_create, dr_prove_back_create},
    {"back-stop", "shut down MySQL and stop the new server", true, dr_check_back_stop,
     dr_do_back_stop, dr_prove_back_stop},
    {"back-start", "start the old server on the old database", true, dr_check_back_start,
     dr_do_back_start, NULL},
    {"back-policy", "give it its restart policy", true, NULL, dr_do_back_policy, NULL},
    {"back-answer", "wait until it answers", true, NULL, dr_do_back_answer, NULL},
    {"back-compare", "compare its version and what it knows", true, NULL, dr_do_back_compare, NULL},
    {"back-rename", "give it its name; the migrated one takes another", true, dr_check_back_rename,
     dr_do_back_rename, NULL},
    {"back-remove", "remove the container that the new server had replaced", true, NULL,
     dr_do_back_remove, NULL},
    {NULL, NULL, false, NULL, NULL, NULL},
};
