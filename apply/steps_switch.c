/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "apply/rancher/inventory.h"
#include "apply/rancher/settings.h"
#include "apply/server/backup.h"
#include "apply/server/find.h"
#include "apply/steps.h"
#include "apply/target.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/* ---- backup */

/* A copy counts if it is whole and the old server did not run since. Once the new one was started it is too late for
 * another. */
DR_STEP_CHECK(backup)
{
    const json_t *backup = json_object_get(upgrade->journal->state, "backup");
    json_auto_t *old = NULL;
    bool committed = false;

    if (dr_upgrade_is_committed(upgrade, &committed, err) < 0 ||
        dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    *ret_done = committed || (backup && old &&
                              strcmp(dr_json_string_or(backup, "finished_at", ""),
                                     dr_docker_finished_at(old)) == 0 &&
                              dr_backup_check(backup, NULL) == 0);
    return 0;
}

DR_STEP_DO(backup)
{
    const char *file = dr_upgrade_text(upgrade, NULL, "backup_file");
    dr_autofree char *folder = dr_file_folder(file, err);
    json_auto_t *old = NULL;
    json_auto_t *after = NULL;
    json_auto_t *backup = NULL;

    if (!folder || dr_file_make_folder(folder, 0700, err) < 0 ||
        dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    if (!old || dr_docker_is_running(old))
        return dr_fail(err, DR_ERR_REFUSED, "the old server is %s", old ? "running" : "gone");
    if (dr_upgrade_check_alone(upgrade, err) < 0)
        return -1;
    backup = dr_backup_take(
        &(struct dr_backup_order){
            .engine = upgrade->engine,
            .container = dr_upgrade_text(upgrade, NULL, "id"),
            .folder = DR_SERVER_DATABASE,
            .source = dr_json_string_or(json_object_get(dr_upgrade_server(upgrade), "database"),
                                        "folder", NULL),
            .file = file,
            .log = upgrade->log,
        },
        err);
    if (!backup ||
        dr_json_set(backup, "finished_at", json_string(dr_docker_finished_at(old)), err) < 0 ||
        dr_upgrade_old(upgrade, &after, err) < 0)
        return -1;
    if (!after || dr_docker_is_running(after) ||
        strcmp(dr_docker_finished_at(old), dr_docker_finished_at(after)) != 0)
        return dr_fail(err, DR_ERR_PROOF,
                       "somebody started the old server while its database was copied");
    return dr_json_set(upgrade->journal->state, "backup", json_incref(backup), err);
}

/* ---- start, restart policy */

DR_STEP_CHECK(start)
{
    json_auto_t *created = NULL;

    if (dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    *ret_done = created && dr_docker_is_running(created);
    return 0;
}

DR_STEP_DO(start)
{
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    if (old && dr_docker_is_running(old))
        return dr_fail(err, DR_ERR_REFUSED,
                       "the old server runs again: two servers on one database destroy it");
    if (dr_upgrade_check_alone(upgrade, err) < 0)
        return -1;
    return dr_docker_start(upgrade->engine, dr_upgrade_text(upgrade, "candidate", "id"), err);
}

static const json_t *wanted_policy(const struct dr_upgrade *upgrade)
{
    return json_object_get(dr_upgrade_server(upgrade), "restart");
}

DR_STEP_CHECK(policy)
{
    const char *wanted = dr_json_string_or(wanted_policy(upgrade), "Name", "");
    json_auto_t *created = NULL;

    if (dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    *ret_done = created && strcmp(dr_docker_policy(created), *wanted ? wanted : "no") == 0;
    return 0;
}

DR_STEP_DO(policy)
{
    return dr_docker_set_restart(upgrade->engine, dr_upgrade_text(upgrade, "candidate", "id"),
                                 wanted_policy(upgrade), err);
}

/* ---- answer, compare */

static int wait_for_new(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    return dr_upgrade_wait(upgrade, dr_upgrade_text(upgrade, "candidate", "id"), "new server", err);
}

DR_STEP_DO(answer)
{
    return wait_for_new(upgrade, err);
}

DR_STEP_DO(compare)
{
    const char *wanted = dr_target_text(dr_upgrade_target(upgrade), "release");
    char version[64] = "";

    /* An engine that was started anew since has started the server anew. */
    if (wait_for_new(upgrade, err) < 0 || dr_rancher_version(upgrade->rancher, version, err) < 0)
        return -1;
    if (strcmp(version, wanted) != 0)
        return dr_fail(err, DR_ERR_PROOF, "the new server says that it is '%.40s', not '%s'",
                       version, wanted);
    if (dr_inventory_check(&upgrade->job, NULL, err) < 0)
        return -1;
    return dr_settings_check(&upgrade->job, err);
}

/* ---- rename, remove */

static bool is_named(const json_t *inspect, const char *name)
{
    return inspect && strcmp(dr_docker_name(inspect), name) == 0;
}

DR_STEP_CHECK(rename)
{
    json_auto_t *created = NULL;

    if (dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    *ret_done = is_named(created, dr_upgrade_text(upgrade, NULL, "name"));
    return 0;
}

DR_STEP_DO(rename)
{
    const char *name = dr_upgrade_text(upgrade, NULL, "name");
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    if (is_named(old, name) &&
        dr_docker_rename(upgrade->engine, dr_upgrade_text(upgrade, NULL, "id"),
                         dr_upgrade_text(upgrade, "retired", "name"), err) < 0)
        return -1;
    return dr_docker_rename(upgrade->engine, dr_upgrade_text(upgrade, "candidate", "id"), name,
                            err);
}

DR_STEP_CHECK(remove)
{
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    *ret_done = !old;
    return 0;
}

DR_STEP_DO(remove)
{
    json_auto_t *old = NULL;
    json_auto_t *created = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0 || dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    if (!created || !dr_docker_is_running(created))
        return dr_fail(err, DR_ERR_PROOF, "the new server does not run, so the old one is kept");
    if (old && dr_docker_is_running(old))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "somebody has started the old server '%.100s' again; stop it (docker stop -t "
            "300), look at the database, and run drover again",
            dr_docker_name(old));
    return dr_docker_remove(upgrade->engine, dr_upgrade_text(upgrade, NULL, "id"), err);
}
