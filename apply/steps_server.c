/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/container.h"
#include "apply/dbdump.h"
#include "apply/description.h"
#include "apply/load.h"
#include "apply/server/clean.h"
#include "apply/server/find.h"
#include "apply/server/shutdown.h"
#include "apply/server/spec.h"
#include "apply/steps.h"
#include "apply/target.h"
#include "lib/engine/container.h"
#include "lib/engine/image.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/registry/credential.h"

/* ---- pull */

static json_t *inspect_target(struct dr_upgrade *upgrade, struct dr_err *err)
{
    return dr_image_inspect(upgrade->engine, dr_target_text(dr_upgrade_target(upgrade), "server"),
                            err);
}

DR_STEP_CHECK(pull)
{
    json_auto_t *image = NULL;

    if (dr_image_find(upgrade->engine, dr_target_text(dr_upgrade_target(upgrade), "server"), &image,
                      err) < 0)
        return -1;
    *ret_done = image && dr_target_check_image(dr_upgrade_target(upgrade), image, NULL) == 0;
    return 0;
}

DR_STEP_DO(pull)
{
    dr_auto_credential struct dr_credential credential = {.user = NULL};
    struct dr_progress progress;
    struct dr_reference reference;
    int done;

    if (upgrade->options->load)
        return dr_load_server(upgrade, err);
    if (dr_reference_parse(dr_target_text(dr_upgrade_target(upgrade), "server"), &reference, err) <
            0 ||
        dr_credential_find(reference.host, &credential, err) < 0)
        return -1;
    dr_progress_start(&progress, upgrade->log, "pull", 0);
    done = dr_image_pull(upgrade->engine, &reference, credential.user, credential.password,
                         &progress, err);
    dr_progress_end(&progress);
    return done;
}

DR_STEP_PROVE(pull)
{
    json_auto_t *image = inspect_target(upgrade, err);

    return image ? dr_target_check_image(dr_upgrade_target(upgrade), image, err) : -1;
}

/* ---- data */

DR_STEP_CHECK(data)
{
    const char *name = dr_upgrade_text(upgrade, "data", "name");
    json_auto_t *inspect = NULL;

    if (*name && dr_docker_find(upgrade->engine, name, &inspect, err) < 0)
        return -1;
    *ret_done = !*name || inspect;
    return 0;
}

/* Of the old image by its id, so that this image stays too as long as the data container does. */
DR_STEP_DO(data)
{
    char id[DR_CONTAINER_ID];
    const json_t *old = json_object_get(dr_upgrade_server(upgrade), "inspect");
    json_auto_t *body =
        json_pack("{s:s, s:{s:[s]}}", "Image", dr_json_string_or(old, "Image", ""), "HostConfig",
                  "VolumesFrom", dr_upgrade_text(upgrade, NULL, "id"));

    if (!body)
        return dr_fail_memory(err);
    if (dr_docker_create(upgrade->engine, dr_upgrade_text(upgrade, "data", "name"), body, id, NULL,
                         err) < 0)
        return -1;
    return dr_json_set(json_object_get(dr_upgrade_server(upgrade), "data"), "id", json_string(id),
                       err);
}

DR_STEP_PROVE(data)
{
    const char *name = dr_upgrade_text(upgrade, "data", "name");
    json_auto_t *inspect = *name ? dr_docker_inspect(upgrade->engine, name, err) : NULL;

    if (!*name)
        return 0;
    if (!inspect)
        return -1;
    if (!dr_database_same_files(inspect, json_object_get(dr_upgrade_server(upgrade), "inspect")))
        return dr_fail(err, DR_ERR_PROOF,
                       "container '%.100s' does not hold the server's database volume", name);
    return 0;
}

/* ---- candidate */

static int guard(struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    json_auto_t *image = inspect_target(upgrade, err);
    struct dr_description description;

    dr_description_read(upgrade->journal->state, dr_engine_api(upgrade->engine), &description);
    if (!image || dr_target_check_image(dr_upgrade_target(upgrade), image, err) < 0)
        return -1;
    return dr_spec_guard(&description.input, created, image, err);
}

/* Made and as it should be; or started, which it was only after that had been proved. */
DR_STEP_CHECK(candidate)
{
    json_auto_t *created = NULL;

    if (dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    *ret_done = created && (!dr_docker_is_new(created) || guard(upgrade, created, NULL) == 0);
    return 0;
}

DR_STEP_DO(candidate)
{
    json_t *candidate = json_object_get(dr_upgrade_server(upgrade), "candidate");
    bool committed = false;

    /* Asked to have it remembered: one that was started and is gone is replaced here. */
    if (dr_upgrade_is_committed(upgrade, &committed, err) < 0)
        return -1;
    return dr_container_make(upgrade, candidate,
                             json_object_get(dr_upgrade_server(upgrade), "spec"), err);
}

DR_STEP_PROVE(candidate)
{
    json_auto_t *created = NULL;

    if (dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    if (!created)
        return dr_fail(err, DR_ERR_PROOF, "the new container is not there");
    return dr_docker_is_new(created) ? guard(upgrade, created, err) : 0;
}

/* ---- hold and stop */

DR_STEP_CHECK(hold)
{
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    *ret_done = !old || !dr_docker_comes_back(old);
    return 0;
}

DR_STEP_DO(hold)
{
    json_auto_t *no = json_pack("{s:s}", "Name", "no");

    if (!no)
        return dr_fail_memory(err);
    return dr_docker_set_restart(upgrade->engine, dr_upgrade_text(upgrade, NULL, "id"), no, err);
}

/* Once the new server was started there is no more to be done about it. */
static int ended_well(struct dr_upgrade *upgrade, const json_t *old, bool *ret_well,
                      struct dr_err *err)
{
    const char *proved = dr_upgrade_text(upgrade, NULL, "stopped_at");
    enum dr_clean clean = DR_CLEAN_UNKNOWN;

    if (dr_upgrade_is_committed(upgrade, ret_well, err) < 0)
        return -1;
    *ret_well |= strcmp(dr_upgrade_text(upgrade, "database", "kind"), "external") == 0 ||
                 (*proved && strcmp(proved, dr_docker_finished_at(old)) == 0);
    if (*ret_well)
        return 0;
    if (dr_clean_look(upgrade->engine, dr_upgrade_text(upgrade, NULL, "id"), &clean, err) < 0)
        return -1;
    *ret_well = clean == DR_CLEAN_YES;
    return 0;
}

DR_STEP_CHECK(stop)
{
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    *ret_done = !old;
    return old && !dr_docker_is_running(old) ? ended_well(upgrade, old, ret_done, err) : 0;
}

/* A power cut, say, while MySQL wrote its pages. Its database needs a recovery, which the server that wrote it does best;
 * and it is left alone until all of Rancher is up, since a start that is broken off leaves the change log locked. */
static int recover(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const char *id = dr_upgrade_text(upgrade, NULL, "id");

    dr_log_warn(upgrade->log,
                "the old server ended, and its MySQL did not say that it had shut down: it is "
                "started once more, so that its database is whole before it is copied");
    if (dr_upgrade_check_alone(upgrade, err) < 0 || dr_docker_start(upgrade->engine, id, err) < 0)
        return -1;
    return dr_upgrade_wait(upgrade, id, "old server", err);
}

/* Nobody has to ask MySQL's log again for this end. */
static int note_end(struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *old = NULL;

    if (dr_upgrade_old(upgrade, &old, err) < 0)
        return -1;
    return dr_json_set(dr_upgrade_server(upgrade), "stopped_at",
                       json_string(dr_docker_finished_at(old)), err);
}

DR_STEP_DO(stop)
{
    const char *id = dr_upgrade_text(upgrade, NULL, "id");
    json_auto_t *old = NULL;
    bool committed = false;

    if (dr_upgrade_is_committed(upgrade, &committed, err) < 0)
        return -1;
    if (committed)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "somebody has started the old server again, but the new one has migrated their "
            "database; stop the old one at once (docker stop -t 300 %.12s) and run drover again",
            id);
    if (dr_upgrade_old(upgrade, &old, err) < 0 ||
        (old && !dr_docker_is_running(old) && recover(upgrade, err) < 0))
        return -1;
    dr_dbdump_take(upgrade);
    return dr_server_shutdown(upgrade->engine, id, upgrade->log, err) < 0 ? -1
                                                                          : note_end(upgrade, err);
}

DR_STEP_PROVE(stop)
{
    bool done = false;

    if (dr_check_stop(upgrade, &done, err) < 0)
        return -1;
    return done ? 0 : dr_fail(err, DR_ERR_PROOF, "the old server runs, or did not end cleanly");
}
