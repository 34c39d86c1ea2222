/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/status.h"

#include <stdio.h>
#include <string.h>

#include "apply/container.h"
#include "apply/ending.h"
#include "apply/journal.h"
#include "apply/only.h"
#include "apply/page.h"
#include "apply/record.h"
#include "apply/rollback.h"
#include "apply/steps.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"

/* ---- what is so */

static const char *condition(const struct dr_upgrade *upgrade, const json_t *record)
{
    json_auto_t *inspect = NULL;

    if (!upgrade->engine || dr_container_find(upgrade, record, &inspect, NULL) < 0)
        return "unknown";
    if (!inspect)
        return "absent";
    if (dr_docker_is_running(inspect))
        return "running";
    return dr_docker_is_new(inspect) ? "created" : "stopped";
}

static json_t *containers(const struct dr_upgrade *upgrade)
{
    const json_t *server = dr_upgrade_server(upgrade);
    const json_t *rollback = json_object_get(upgrade->journal->state, "rollback");
    json_t *all = json_object();

    json_object_set_new(all, "old", json_string(condition(upgrade, server)));
    json_object_set_new(all, "new",
                        json_string(condition(upgrade, json_object_get(server, "candidate"))));
    if (rollback)
        json_object_set_new(
            all, "restored",
            json_string(condition(upgrade, json_object_get(rollback, "candidate"))));
    return all;
}

/* "running" is split: the way forth and the way back continue with different commands. */
static const char *stand(const json_t *state)
{
    const char *word = dr_json_string_or(state, "state", "none");

    if (strcmp(word, "running") == 0 && dr_rollback_is_begun(state))
        return "rolling back";
    return strcmp(word, "rolled-back") == 0 ? "rolled back" : word;
}

static bool is(const json_t *status, const char *key, const char *word)
{
    return strcmp(dr_json_string_or(status, key, ""), word) == 0;
}

static const char *about_database(const struct dr_upgrade *upgrade, const json_t *status)
{
    const struct dr_journal *journal = upgrade->journal;
    bool started = dr_json_true(dr_upgrade_server(upgrade), "committed") ||
                   dr_journal_is_begun(journal, "start");

    if (!dr_upgrade_has_server(upgrade))
        return "not part of this: the server's container stays";
    if (is(status, "state", "rolled back"))
        return "the old one, from its copy; the migrated one is kept aside";
    if (is(status, "state", "rolling back"))
        return dr_journal_is_done(journal, "back-restore")
                   ? "the old one is unpacked in a fresh place; the migrated one is kept"
                   : "migrated; the old one is in its copy";
    if (is(status, "state", "undone"))
        return "untouched";
    if (dr_journal_is_done(journal, "compare"))
        return "migrated, and the new server works on it";
    return started ? "may be migrated: only the new server may start on it" : "untouched";
}

static unsigned parts_of(const struct dr_upgrade *upgrade)
{
    return (unsigned)dr_json_int_or(upgrade->journal->state, "only", 0);
}

static int add(json_t *list, json_t *command, struct dr_err *err)
{
    return dr_json_append(list, command, err);
}

static int next_commands(const struct dr_upgrade *upgrade, const json_t *status, json_t *next,
                         struct dr_err *err)
{
    const json_t *target = dr_upgrade_target(upgrade);
    unsigned parts = parts_of(upgrade);
    char words[DR_ONLY_WORDS];

    dr_only_words(parts, words);
    if (dr_json_true(status, "at_work"))
        return 0;
    if (is(status, "state", "rolling back"))
        return add(next, json_string("drover rollback"), err);
    if (is(status, "state", "running") &&
        add(next,
            json_sprintf("drover apply %s --registry %s%s%s (with the other options of before)",
                         dr_json_string_or(target, "bundle", "FILE"),
                         dr_json_string_or(target, "registry", "HOST"), parts > 0 ? " --only " : "",
                         words),
            err) < 0)
        return -1;
    if ((is(status, "state", "running") || is(status, "state", "finished")) &&
        dr_upgrade_has_server(upgrade))
        return add(next, json_string("drover rollback"), err);
    return 0;
}

static json_t *look(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    const json_t *state = upgrade->journal->state;
    json_auto_t *status =
        json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:O?, s:s?}", "state", stand(state),
                  "at_work", dr_journal_is_locked(upgrade->journal), "from",
                  dr_json_string_or(json_object_get(state, "server"), "version", NULL), "to",
                  dr_json_string_or(json_object_get(state, "target"), "release", NULL), "started",
                  dr_json_string_or(state, "started", NULL), "ended",
                  dr_json_string_or(state, "ended", NULL), "steps", json_object_get(state, "steps"),
                  "backup", dr_json_string_or(json_object_get(state, "backup"), "file", NULL));
    json_t *next = json_array();

    if (!status) {
        json_decref(next);
        dr_fail_memory(err);
        return NULL;
    }
    if (dr_json_set(status, "next", next, err) < 0)
        return NULL;
    if (state &&
        (dr_json_set(status, "containers", containers(upgrade), err) < 0 ||
         dr_json_set(status, "database", json_string(about_database(upgrade, status)), err) < 0 ||
         next_commands(upgrade, status, next, err) < 0))
        return NULL;
    return json_incref(status);
}

/* ---- for reading */

static void print_steps(FILE *out, const struct dr_upgrade *upgrade)
{
    struct dr_step steps[DR_ONLY_STEPS];
    unsigned parts = parts_of(upgrade);

    dr_only_steps(parts, steps);
    dr_step_list(out, upgrade, parts > 0 ? steps : dr_steps);
}

static void print_head(FILE *out, const struct dr_upgrade *upgrade, const json_t *status)
{
    const char *state = dr_json_string_or(status, "state", "none");
    const char *started = dr_json_string_or(status, "started", "?");
    unsigned parts = parts_of(upgrade);
    char words[DR_ONLY_WORDS];

    dr_only_words(parts, words);
    if (parts > 0)
        fprintf(out, "Parts of Rancher %s alone (--only %s), begun at %s: ",
                dr_json_string_or(status, "to", "?"), words, started);
    else
        fprintf(out, "Upgrade of '%s' from %s to %s, begun at %s: ",
                dr_upgrade_text(upgrade, NULL, "name"), dr_json_string_or(status, "from", "?"),
                dr_json_string_or(status, "to", "?"), started);
    if (strcmp(state, "running") == 0)
        fputs("not finished\n", out);
    else if (strcmp(state, "rolling back") == 0)
        fputs("being rolled back, not finished\n", out);
    else
        fprintf(out, "%s at %s\n", state, dr_json_string_or(status, "ended", "?"));
    if (dr_json_true(status, "at_work"))
        fputs("A drover is at work on it now.\n", out);
}

static void print(FILE *out, const struct dr_upgrade *upgrade, const json_t *status)
{
    static const char *const names[][2] = {
        {"old", "old server"}, {"new", "new server"}, {"restored", "restored old server"}};
    const json_t *next = json_object_get(status, "next");
    const char *backup = dr_json_string_or(status, "backup", NULL);
    json_t *command;
    size_t i;

    print_head(out, upgrade, status);
    if (is(status, "state", "running"))
        print_steps(out, upgrade);
    if (is(status, "state", "rolling back"))
        dr_step_list(out, upgrade, dr_rollback_steps);
    for (i = 0; dr_upgrade_has_server(upgrade) && i < sizeof names / sizeof *names; i++) {
        const char *word =
            dr_json_string_or(json_object_get(status, "containers"), names[i][0], NULL);

        if (word)
            fprintf(out, "%-20s %s\n", names[i][1],
                    strcmp(word, "created") == 0 ? "created, never started" : word);
    }
    fprintf(out, "%-20s %s\n", "database", dr_json_string_or(status, "database", "?"));
    if (backup)
        fprintf(out, "%-20s %s\n", "copy of before", backup);
    json_array_foreach(next, i, command) fprintf(out, "%-20s %s\n",
                                                 is(status, "state", "finished") ? "to go back"
                                                 : i == 0                        ? "to continue"
                                                                                 : "to go back",
                                                 json_string_value(command));
}

static int tell(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *status = look(upgrade, err);

    if (!status)
        return -1;
    if (upgrade->options->json) {
        if (dr_json_print(status, stdout, err) < 0)
            return -1;
    } else if (upgrade->journal->state) {
        print(stdout, upgrade, status);
    } else {
        printf("No upgrade is under way, and none was made with the state folder '%s'.%s\n",
               upgrade->journal->folder,
               dr_json_true(status, "at_work") ? " A drover is at work there now." : "");
    }
    return 0;
}

/* What apply would have written at this point. */
static int report(const struct dr_upgrade *upgrade, const char *path, struct dr_err *err)
{
    const json_t *state = upgrade->journal->state;
    const char *word = dr_json_string_or(state, "state", "none");
    const char *outcome = strcmp(word, "running") == 0       ? "unfinished"
                          : strcmp(word, "rolled-back") == 0 ? "rolled back"
                          : strcmp(word, "finished") == 0 && !json_object_get(state, "only")
                              ? "upgraded"
                              : word;
    json_auto_t *record = NULL;

    if (!state)
        return dr_fail(err, DR_ERR_ABSENT,
                       "there is no upgrade to report on with the state folder '%s'",
                       upgrade->journal->folder);
    record = dr_record_make(
        &(struct dr_record_source){
            .state = state, .outcome = outcome, .journal = path ? path : upgrade->journal->path},
        err);
    return record ? dr_page_save(upgrade->options->report, record, err) : -1;
}

/* The upgrade of the server, since that is what can be rolled back; where there was none, what else was done. */
static int find_last(struct dr_journal *journal, char **ret_path, struct dr_err *err)
{
    if (dr_journal_last(journal, dr_journal_has_server, ret_path, &journal->state, err) < 0)
        return -1;
    return journal->state ? 0 : dr_journal_last(journal, NULL, ret_path, &journal->state, err);
}

int dr_status(const struct dr_apply_options *options, struct dr_err *err)
{
    const struct dr_engine_options where = dr_engine_options_from_environment();
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_autofree char *path = NULL;
    struct dr_upgrade upgrade = {.options = options, .log = options->log, .journal = &journal};
    struct dr_err why = DR_ERR_INIT;
    int done;

    if (dr_ending_check_place(options, err) < 0 ||
        dr_journal_peek(&journal, options->state_dir, err) < 0 ||
        (!journal.state && find_last(&journal, &path, err) < 0))
        return -1;
    if (journal.state && dr_upgrade_has_server(&upgrade)) {
        upgrade.engine = dr_engine_new(&where, &why);
        if (!upgrade.engine)
            dr_log_warn(options->log, "what runs is not known: %s", why.text);
    }
    done = tell(&upgrade, err);
    if (done == 0 && options->report)
        done = report(&upgrade, path, err);
    dr_engine_free(upgrade.engine);
    return done;
}
