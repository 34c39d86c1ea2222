/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback.h"

#include <stdio.h>
#include <string.h>

#include "apply/ending.h"
#include "apply/journal.h"
#include "apply/restored.h"
#include "apply/rollback_report.h"
#include "apply/session.h"
#include "apply/steps.h"
#include "apply/undo.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

bool dr_rollback_is_begun(const json_t *state)
{
    return json_object_get(state, "rollback") != NULL;
}

/* ---- the new server was never started */

static int undo(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    bool stopped = dr_journal_is_begun(upgrade->journal, "stop");

    if (!options->json)
        printf("The new server was never started, and the database is untouched: the old server "
               "'%s' is put back as it was.\n",
               dr_upgrade_text(upgrade, NULL, "name"));
    if (options->dry_run)
        return 0;
    if (dr_session_confirm(options, err) < 0)
        return -1;
    dr_stop_ignore_hangup();
    if (dr_undo_all(upgrade, err) < 0)
        return -1;
    if (options->json)
        return dr_ending_tell(upgrade, "undone", NULL, err);
    printf("Rancher   %s, %s\n", dr_upgrade_text(upgrade, NULL, "version"),
           stopped ? "started again; everything is as before" : "it was not touched");
    return 0;
}

/* ---- it was started */

static int finish(struct dr_upgrade *upgrade, struct dr_err *err)
{
    dr_autofree char *path = NULL;

    if (dr_journal_finish(upgrade->journal, "rolled-back", &path, err) < 0)
        return -1;
    if (upgrade->options->json)
        return dr_ending_tell(upgrade, "rolled back", path, err);
    dr_report_rollback_end(stdout, upgrade->journal->state, path);
    return 0;
}

static int run(struct dr_upgrade *upgrade, struct dr_err *err)
{
    dr_stop_ignore_hangup();
    if (dr_upgrade_connect(upgrade, err) < 0)
        return -1;
    if (dr_step_run(upgrade, dr_rollback_steps, err) == 0)
        return finish(upgrade, err);
    return dr_err_advise(err,
                         "the rollback is not finished, and nothing is lost: when the cause is "
                         "mended, run drover rollback again");
}

/* On another engine there would soon be a second server. On the right one the other two may be gone, once this one is
 * there. */
static int check_resumed(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *restored = NULL;

    if (dr_restored_find(upgrade, &restored, err) < 0)
        return -1;
    return restored ? dr_session_check_address(upgrade, err) : dr_session_check_here(upgrade, err);
}

static int resume(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;

    if (check_resumed(upgrade, err) < 0)
        return -1;
    dr_log_say(
        options->log, "the rollback that was begun at %s is not finished",
        dr_json_string_or(json_object_get(upgrade->journal->state, "rollback"), "begun", "?"));
    if (!options->json)
        dr_step_list(stdout, upgrade, dr_rollback_steps);
    if (options->dry_run)
        return 0;
    return dr_session_confirm(options, err) < 0 ? -1 : run(upgrade, err);
}

static int begin(struct dr_upgrade *upgrade, const char *finished, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    struct dr_journal *journal = upgrade->journal;
    json_t *rollback = dr_restored_plan(upgrade, err);

    if (!rollback)
        return -1;
    if (!options->json || options->dry_run)
        dr_report_rollback(options->json ? stderr : stdout, journal->state, rollback);
    if (options->dry_run || dr_session_confirm(options, err) < 0) {
        json_decref(rollback);
        return options->dry_run ? 0 : -1;
    }
    if (dr_json_set(journal->state, "rollback", rollback, err) < 0)
        return -1;
    if (finished ? dr_journal_reopen(journal, finished, json_incref(journal->state), err) < 0
                 : dr_journal_save(journal, err) < 0)
        return -1;
    return run(upgrade, err);
}

/* ---- which one */

/* The newest that was finished, if nothing is under way. */
static int find(struct dr_journal *journal, char **ret_finished, struct dr_err *err)
{
    const char *outcome;

    if (!journal->state &&
        dr_journal_last(journal, dr_journal_has_server, ret_finished, &journal->state, err) < 0)
        return -1;
    if (!journal->state)
        return dr_fail(
            err, DR_ERR_ABSENT,
            "no upgrade of the server was ever made with the state folder '%s': nothing to "
            "roll back",
            journal->folder);
    outcome = dr_json_string_or(journal->state, "state", "");
    if (strcmp(outcome, "rolled-back") == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the upgrade of %s was rolled back already, at %s: nothing to do",
                       dr_json_string_or(journal->state, "started", "?"),
                       dr_json_string_or(journal->state, "ended", "?"));
    return 0;
}

static int check(const struct dr_upgrade *upgrade, bool finished, struct dr_err *err)
{
    json_auto_t *created = NULL;

    if (!dr_upgrade_has_server(upgrade))
        return dr_fail(err, DR_ERR_REFUSED,
                       "this upgrade did not replace the server, so there is no server to put "
                       "back; what Rancher has replaced on its hosts stays");
    if (dr_session_check_here(upgrade, err) < 0 || dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    if (finished && !created)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the server that the upgrade of %s made is gone: somebody has replaced it "
            "since; the old database is in '%s'",
            dr_json_string_or(upgrade->journal->state, "started", "?"),
            dr_json_string_or(json_object_get(upgrade->journal->state, "backup"), "file", "?"));
    return 0;
}

static int roll_back(struct dr_upgrade *upgrade, const char *finished, struct dr_err *err)
{
    bool committed = false;

    if (dr_rollback_is_begun(upgrade->journal->state))
        return resume(upgrade, err);
    if (check(upgrade, finished != NULL, err) < 0 ||
        dr_upgrade_is_committed(upgrade, &committed, err) < 0)
        return -1;
    return committed ? begin(upgrade, finished, err) : undo(upgrade, err);
}

int dr_rollback(const struct dr_apply_options *options, struct dr_err *err)
{
    const struct dr_engine_options where = dr_engine_options_from_environment();
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_autofree char *finished = NULL;
    dr_auto_upgrade struct dr_upgrade upgrade = {
        .options = options, .log = options->log, .journal = &journal};

    if ((options->dry_run ? dr_journal_peek(&journal, options->state_dir, err)
                          : dr_journal_open(&journal, options->state_dir, err)) < 0 ||
        find(&journal, &finished, err) < 0)
        return -1;
    upgrade.engine = dr_engine_new(&where, err);
    if (!upgrade.engine || dr_session_claim_engine(&upgrade, err) < 0 ||
        dr_session_claim_rancher(&upgrade, err) < 0)
        return -1;
    return roll_back(&upgrade, finished, err);
}
