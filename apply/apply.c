/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"

#include <stdio.h>
#include <string.h>

#include "apply/copies.h"
#include "apply/ending.h"
#include "apply/journal.h"
#include "apply/look.h"
#include "apply/only.h"
#include "apply/report.h"
#include "apply/rollback.h"
#include "apply/session.h"
#include "apply/steps.h"
#include "apply/target.h"
#include "apply/undo.h"
#include "apply/unlock.h"
#include "apply/upgrade.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"

/* An upgrade goes on only to where it was going. */
static int check_same(const json_t *state, const json_t *target, struct dr_err *err)
{
    const json_t *begun = json_object_get(state, "target");

    if (dr_target_is_same(begun, target))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "an upgrade to %s from the registry '%s' was begun at %s and is not "
                   "finished; continue it with the bundle '%s' first, with the same --registry "
                   "and --map",
                   dr_target_text(begun, "release"), dr_target_text(begun, "registry"),
                   dr_json_string_or(state, "started", "?"), dr_target_text(begun, "bundle"));
}

/* Only once everything is proved; one copy too many is no failure. */
static void thin_copies(const struct dr_upgrade *upgrade)
{
    const json_t *backup = json_object_get(upgrade->journal->state, "backup");
    const char *file = dr_json_string_or(backup, "file", NULL);
    json_auto_t *own = NULL;
    struct dr_err why = DR_ERR_INIT;
    unsigned count = 0;

    if (!file || upgrade->options->keep_backups == 0)
        return;
    own = dr_journal_copies(upgrade->journal, &why);
    if (!own || dr_copies_thin(file, dr_upgrade_text(upgrade, NULL, "name"), own,
                               upgrade->options->keep_backups, &count, &why) < 0)
        dr_log_warn(upgrade->log, "older copies of the database were kept: %s", why.text);
    if (count > 0)
        dr_log_say(upgrade->log, "removed %u older %s of the database", count,
                   count == 1 ? "copy" : "copies");
}

static int finish(struct dr_upgrade *upgrade, struct dr_err *err)
{
    dr_autofree char *path = NULL;

    if (dr_journal_finish(upgrade->journal, "finished", &path, err) < 0)
        return -1;
    thin_copies(upgrade);
    return dr_ending_tell(upgrade, "upgraded", path, err);
}

static int run(struct dr_upgrade *upgrade, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;

    /* A broken ssh must not leave Rancher down until somebody comes back. */
    dr_stop_ignore_hangup();
    if (dr_upgrade_connect(upgrade, err) < 0)
        return -1;
    if (dr_unlock_is_due(upgrade) && dr_unlock(upgrade, err) < 0)
        return dr_err_advise(err,
                             "nothing is lost: run the same command again, or drover rollback");
    if (dr_step_run(upgrade, dr_steps, &failure) == 0)
        return finish(upgrade, err);
    dr_journal_run_ended(upgrade->journal, failure.text, NULL);
    dr_undo(upgrade, &failure);
    if (err)
        *err = failure;
    return -1;
}

static int resume(struct dr_upgrade *upgrade, const json_t *target, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    const json_t *state = upgrade->journal->state;

    if (dr_rollback_is_begun(state))
        return dr_fail(err, DR_ERR_REFUSED,
                       "a rollback of this upgrade was begun at %s and is not finished; finish it "
                       "first with: drover rollback",
                       dr_json_string_or(json_object_get(state, "rollback"), "begun", "?"));
    if (check_same(state, target, err) < 0 || dr_session_check_here(upgrade, err) < 0 ||
        dr_session_claim_rancher(upgrade, err) < 0)
        return -1;
    dr_log_say(options->log, "the upgrade to %s that was begun at %s is not finished",
               dr_target_text(target, "release"), dr_json_string_or(state, "started", "?"));
    if (!options->json)
        dr_step_list(stdout, upgrade, dr_steps);
    if (options->dry_run)
        return dr_ending_tell(upgrade, "unfinished", upgrade->journal->path, err);
    if (dr_session_confirm(options, err) < 0 || dr_journal_run_begun(upgrade->journal, err) < 0)
        return -1;
    return run(upgrade, err);
}

static int begin(struct dr_upgrade *upgrade, const struct dr_bundle *bundle, json_t *target,
                 struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    json_auto_t *state = dr_look(options, upgrade->engine, target, err);

    /* For the report of one that fails from here on; it is under way only when it was started. */
    upgrade->journal->state = json_incref(state);
    if (!state || dr_target_audit(options, bundle, err) < 0)
        return -1;
    if (!dr_json_true(state, "busy"))
        return dr_ending_nothing(upgrade, state, err);
    if (!options->json)
        dr_report_plan(stdout, state, options->log->verbosity > 0);
    if (options->dry_run) {
        dr_log_say(options->log, "a dry run: nothing was changed");
        return dr_ending_tell(upgrade, "planned", NULL, err);
    }
    if (dr_session_claim_rancher(upgrade, err) < 0 || dr_session_confirm(options, err) < 0 ||
        dr_journal_start(upgrade->journal, json_incref(state), err) < 0)
        return -1;
    return run(upgrade, err);
}

static int fail_only(const json_t *state, struct dr_err *err)
{
    return dr_fail(err, DR_ERR_REFUSED,
                   "parts of Rancher alone (--only) were begun at %s and are not finished; finish "
                   "them first, with the bundle, registry and --only that they were begun with",
                   dr_json_string_or(state, "started", "?"));
}

static int apply(struct dr_upgrade *upgrade, json_t **ret_target, struct dr_err *err)
{
    const struct dr_engine_options where = dr_engine_options_from_environment();
    const struct dr_apply_options *options = upgrade->options;
    const struct dr_journal *journal = upgrade->journal;
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    json_t *target;
    int done;

    if (json_object_get(journal->state, "only"))
        return fail_only(journal->state, err);
    *ret_target = target = dr_target_read(options, &bundle, err);
    upgrade->engine = target ? dr_engine_new(&where, err) : NULL;
    if (!upgrade->engine)
        return journal->state
                   ? dr_err_advise(err,
                                   "the upgrade that was begun at %s is not finished: when "
                                   "this is mended, run the same command again",
                                   dr_json_string_or(journal->state, "started", "?"))
                   : -1;
    upgrade->bundle = bundle;
    if (dr_session_claim_engine(upgrade, err) < 0)
        return -1;
    done = journal->state ? resume(upgrade, target, err) : begin(upgrade, bundle, target, err);
    upgrade->bundle = NULL;
    return done;
}

int dr_apply(const struct dr_apply_options *options, struct dr_err *err)
{
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_auto_upgrade struct dr_upgrade upgrade = {
        .options = options, .log = options->log, .journal = &journal};
    json_auto_t *target = NULL;
    int done;

    if (dr_ending_check(options, err) < 0)
        return -1;
    if (options->only)
        return dr_only(options, err);
    if (options->dry_run ? dr_journal_peek(&journal, options->state_dir, err) < 0
                         : dr_journal_open(&journal, options->state_dir, err) < 0)
        return -1;
    done = apply(&upgrade, &target, err);
    if (done < 0)
        dr_ending_failed(&upgrade, err);
    return done;
}
