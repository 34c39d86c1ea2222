/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/undo.h"

#include <string.h>

#include "apply/steps.h"
#include "lib/engine/container.h"
#include "lib/json.h"

static int remove_new(struct dr_upgrade *upgrade, const char *name, struct dr_err *err)
{
    json_auto_t *inspect = NULL;

    if (!*name || dr_docker_find(upgrade->engine, name, &inspect, err) < 0)
        return *name ? -1 : 0;
    if (!inspect || !dr_docker_is_new(inspect))
        return 0;
    return dr_docker_remove(upgrade->engine, name, err);
}

/* With another server on its database it must neither be started nor come back by itself. */
static int restore_old(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const char *id = dr_upgrade_text(upgrade, NULL, "id");
    const json_t *policy = json_object_get(dr_upgrade_server(upgrade), "restart");

    if (dr_journal_is_begun(upgrade->journal, "stop") && dr_upgrade_check_alone(upgrade, err) < 0)
        return -1;
    if (dr_journal_is_begun(upgrade->journal, "hold") &&
        dr_docker_set_restart(upgrade->engine, id, policy, err) < 0)
        return -1;
    if (!dr_journal_is_begun(upgrade->journal, "stop"))
        return 0;
    dr_log_say(upgrade->log, "starting the old server '%s' again",
               dr_upgrade_text(upgrade, NULL, "name"));
    return dr_docker_start(upgrade->engine, id, err);
}

static int undo(struct dr_upgrade *upgrade, bool *ret_restored, struct dr_err *err)
{
    const json_t *data = json_object_get(dr_upgrade_server(upgrade), "data");

    /* First of all the old server: people wait for it. */
    if (restore_old(upgrade, err) < 0)
        return -1;
    *ret_restored = true;
    if (dr_journal_step_forget(upgrade->journal, "start", err) < 0)
        return -1;
    if (dr_undo_move(upgrade, err) < 0)
        return -1;
    /* By its name: a kill may have come between its creation and its record. */
    if (dr_journal_is_begun(upgrade->journal, "candidate") &&
        remove_new(upgrade, dr_upgrade_text(upgrade, "candidate", "name"), err) < 0)
        return -1;
    /* By its id: the name may have gone to somebody else's, and one of ours that stays does no harm. */
    if (dr_json_true(data, "create") &&
        remove_new(upgrade, dr_upgrade_text(upgrade, "data", "id"), err) < 0)
        return -1;
    return dr_journal_finish(upgrade->journal, "undone", NULL, err);
}

int dr_undo_all(struct dr_upgrade *upgrade, struct dr_err *err)
{
    bool restored = false;

    return undo(upgrade, &restored, err);
}

static void tell_way_on(struct dr_upgrade *upgrade, struct dr_err *failure)
{
    const char *file =
        dr_json_string_or(json_object_get(upgrade->journal->state, "backup"), "file", NULL);

    if (!dr_upgrade_has_server(upgrade) || failure->code == DR_ERR_STOPPED) {
        dr_err_advise(failure, "run the same command again to continue");
        return;
    }
    if (dr_journal_is_done(upgrade->journal, "compare")) {
        dr_err_advise(failure, "the new server works; run the same command again to continue");
        return;
    }
    dr_err_advise(
        failure,
        "the database may be migrated: when the cause is mended, run the same command "
        "again to continue, or drover rollback to go back; the old database is in '%.200s'",
        file ? file : "?");
}

/* By its id: the name may have gone to another. */
static void tell_by_hand(struct dr_upgrade *upgrade, const struct dr_err *why,
                         struct dr_err *failure)
{
    const char *id = dr_upgrade_text(upgrade, NULL, "id");

    dr_err_advise(failure,
                  "and the old server was not put back (%.300s): when the cause is mended, run the "
                  "same command again",
                  why->text);
    if (why->code != DR_ERR_REFUSED)
        dr_err_advise(
            failure, "or by hand: docker update --restart=%s %.12s && docker start %.12s",
            dr_json_string_or(json_object_get(dr_upgrade_server(upgrade), "restart"), "Name", "no"),
            id, id);
}

void dr_undo(struct dr_upgrade *upgrade, struct dr_err *failure)
{
    struct dr_err err = DR_ERR_INIT;
    bool committed = false;
    bool restored = false;

    /* An engine that does not answer does not tell whether the new server was started: then nobody may be told to start
     * the old one. */
    if (!dr_upgrade_has_server(upgrade) || (dr_upgrade_is_committed(upgrade, &committed, &err) < 0
                                                ? dr_journal_is_begun(upgrade->journal, "start")
                                                : committed)) {
        tell_way_on(upgrade, failure);
        return;
    }
    if (err.code == DR_OK && undo(upgrade, &restored, &err) == 0)
        dr_err_advise(failure, dr_journal_is_begun(upgrade->journal, "stop")
                                   ? "the old server was started again, and everything is as before"
                                   : "the old server was not touched");
    else if (restored)
        dr_err_advise(failure,
                      "the old server runs as before, but not all was cleared away (%.300s): run "
                      "the same command again",
                      err.text);
    else
        tell_by_hand(upgrade, &err, failure);
}
