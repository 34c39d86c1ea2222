/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/only.h"

#include <stdio.h>
#include <string.h>

#include "apply/ending.h"
#include "apply/journal.h"
#include "apply/plan.h"
#include "apply/rancher/agents.h"
#include "apply/rancher/balancers.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/netagents.h"
#include "apply/rancher/prepull.h"
#include "apply/rancher/settings.h"
#include "apply/session.h"
#include "apply/steps.h"
#include "apply/target.h"
#include "apply/upgrade.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

#define CHANGES (DR_ONLY_NETWORK | DR_ONLY_BALANCERS)

static const struct {
    const char *name;
    unsigned part;
} names[] = {
    {"agents", DR_ONLY_AGENTS},
    {"network-agents", DR_ONLY_NETWORK},
    {"load-balancers", DR_ONLY_BALANCERS},
    {"verify", DR_ONLY_VERIFY},
};

int dr_only_parse(const char *text, unsigned *ret_parts, struct dr_err *err)
{
    unsigned parts = 0;

    while (*text) {
        size_t size = strcspn(text, ",");
        unsigned part = 0;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (strlen(names[i].name) == size && strncmp(names[i].name, text, size) == 0)
                part = names[i].part;
        }
        if (part == 0)
            return dr_fail(err, DR_ERR_USAGE,
                           "--only '%.*s': there are agents, network-agents, load-balancers and "
                           "verify",
                           (int)size, text);
        parts |= part;
        text += size + (text[size] == ',');
    }
    if (parts == 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--only wants agents, network-agents, load-balancers or verify");
    *ret_parts = parts;
    return 0;
}

void dr_only_words(unsigned parts, char ret[DR_ONLY_WORDS])
{
    size_t used = 0;

    *ret = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((parts & names[i].part) && used < DR_ONLY_WORDS)
            used += (size_t)snprintf(ret + used, DR_ONLY_WORDS - used, "%s%s", used > 0 ? "," : "",
                                     names[i].name);
    }
}

/* ---- the steps */

/* The proof is of everything, so it can't follow when a part of the work is left for later. */
static bool has_proof(unsigned parts)
{
    return (parts & DR_ONLY_VERIFY) || (parts & CHANGES) == CHANGES;
}

void dr_only_steps(unsigned parts, struct dr_step ret[DR_ONLY_STEPS])
{
    const struct {
        unsigned parts;
        const char *name;
    } all[DR_ONLY_STEPS - 1] = {
        {CHANGES, "settings"},
        {CHANGES, "prepull"},
        {DR_ONLY_AGENTS, "agents"},
        {DR_ONLY_NETWORK, "netagents"},
        {DR_ONLY_BALANCERS, "balancers"},
        {has_proof(parts) ? parts : 0, "proof"},
    };
    size_t count = 0;

    for (size_t i = 0; i < DR_ONLY_STEPS - 1; i++) {
        if (!(all[i].parts & parts))
            continue;
        ret[count] = *dr_steps_find(all[i].name);
        ret[count++].part = DR_STEP_ALWAYS;
    }
    ret[count] = (struct dr_step){.name = NULL};
}

/* ---- looking and planning */

/* The wrong release would bring the old images back. */
static int check_release(struct dr_rancher *rancher, const json_t *target, struct dr_err *err)
{
    char version[64] = "";

    if (dr_rancher_version(rancher, version, err) < 0)
        return -1;
    if (strcmp(version, dr_target_text(target, "release")) == 0)
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "the Rancher at '%s' is '%.40s' and the bundle holds '%s': --only finishes what "
                   "belongs to a server that is upgraded already; without it drover apply upgrades "
                   "the server too",
                   dr_rancher_url(rancher), version, dr_target_text(target, "release"));
}

static int plan(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const struct dr_rancher_job *job = &upgrade->job;
    json_t *rows = json_object_get(upgrade->journal->state, "plan");
    unsigned parts = upgrade->options->only;

    if (((parts & CHANGES) && dr_prepull_plan(job, rows, err) < 0) ||
        ((parts & DR_ONLY_AGENTS) && dr_agents_plan(job, rows, err) < 0) ||
        ((parts & DR_ONLY_NETWORK) && dr_netagents_plan(job, rows, err) < 0) ||
        ((parts & DR_ONLY_BALANCERS) && dr_balancers_plan(job, rows, err) < 0))
        return -1;
    if (!has_proof(parts))
        return 0;
    return dr_plan_add(rows,
                       &(struct dr_plan_row){"proof", "Rancher", "look at everything again",
                                             "compared with what is there now", ""},
                       err);
}

static int look(struct dr_upgrade *upgrade, json_t *target, struct dr_err *err)
{
    const char *url = upgrade->options->rancher_url;
    json_t *state;
    json_t *inventory;

    if (!url)
        return dr_fail(err, DR_ERR_USAGE,
                       "--only wants to know where Rancher answers: "
                       "--rancher-url http://HOST:PORT");
    state = json_pack("{s:O, s:s, s:{s:b, s:s}, s:{}, s:[], s:[], s:i}", "target", target,
                      "rancher_url", url, "server", "needed", 0, "name", "-", "report", "plan",
                      "notes", "only", (int)upgrade->options->only);
    upgrade->journal->state = state;
    if (!state)
        return dr_fail_memory(err);
    if (dr_upgrade_connect(upgrade, err) < 0 || check_release(upgrade->rancher, target, err) < 0)
        return -1;
    inventory = dr_inventory_take(upgrade->rancher, err);
    if (!inventory || dr_json_set(state, "inventory", inventory, err) < 0 ||
        dr_upgrade_connect(upgrade, err) < 0)
        return -1;
    return plan(upgrade, err);
}

/* What was begun goes on as it was begun. */
static int check_begun(const struct dr_upgrade *upgrade, const json_t *target, struct dr_err *err)
{
    const json_t *state = upgrade->journal->state;

    if (dr_json_int_or(state, "only", 0) == (int64_t)upgrade->options->only &&
        dr_target_is_same(json_object_get(state, "target"), target))
        return dr_session_check_here(upgrade, err);
    return dr_fail(err, DR_ERR_REFUSED,
                   "something else was begun at %s and is not finished: finish it first, with the "
                   "bundle, registry, --map and --only that it was begun with",
                   dr_json_string_or(state, "started", "?"));
}

/* ---- all of it */

static int run(struct dr_upgrade *upgrade, struct dr_err *err)
{
    struct dr_step steps[DR_ONLY_STEPS];
    dr_autofree char *path = NULL;
    struct dr_err failure = DR_ERR_INIT;

    dr_only_steps(upgrade->options->only, steps);
    dr_stop_ignore_hangup();
    if (dr_upgrade_connect(upgrade, err) < 0)
        return -1;
    if (dr_step_run(upgrade, steps, &failure) < 0) {
        dr_journal_run_ended(upgrade->journal, failure.text, NULL);
        if (err)
            *err = failure;
        /* What only looks leaves nothing to go on with. */
        if (!(upgrade->options->only & CHANGES))
            dr_journal_finish(upgrade->journal, "failed", NULL, NULL);
        return -1;
    }
    if (dr_journal_finish(upgrade->journal, "finished", &path, err) < 0)
        return -1;
    return dr_ending_tell(upgrade, "finished", path, err);
}

static int begin(struct dr_upgrade *upgrade, const struct dr_bundle *bundle, json_t *target,
                 struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    bool changes = (options->only & CHANGES) != 0;
    json_t *state;

    if (look(upgrade, target, err) < 0 || (changes && dr_target_audit(options, bundle, err) < 0))
        return -1;
    state = upgrade->journal->state;
    if (!options->json)
        dr_plan_print(stdout, json_object_get(state, "plan"));
    if (options->dry_run) {
        dr_log_say(options->log, "a dry run: nothing was changed");
        return dr_ending_tell(upgrade, "planned", NULL, err);
    }
    /* Looking needs no yes, and disturbs nobody. */
    if ((changes &&
         (dr_session_claim_rancher(upgrade, err) < 0 || dr_session_confirm(options, err) < 0)) ||
        dr_journal_start(upgrade->journal, json_incref(state), err) < 0)
        return -1;
    return run(upgrade, err);
}

static int resume(struct dr_upgrade *upgrade, const json_t *target, struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    const json_t *state = upgrade->journal->state;

    if (check_begun(upgrade, target, err) < 0 ||
        ((options->only & CHANGES) && dr_session_claim_rancher(upgrade, err) < 0))
        return -1;
    dr_log_say(options->log, "what was begun at %s is not finished%s",
               dr_json_string_or(state, "started", "?"),
               options->dry_run ? "; a dry run does not go on" : ": going on");
    if (options->dry_run)
        return dr_ending_tell(upgrade, "unfinished", upgrade->journal->path, err);
    return dr_journal_run_begun(upgrade->journal, err) < 0 ? -1 : run(upgrade, err);
}

int dr_only(const struct dr_apply_options *options, struct dr_err *err)
{
    dr_auto_journal struct dr_journal journal = DR_JOURNAL_INIT;
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    json_auto_t *target = NULL;
    dr_auto_upgrade struct dr_upgrade upgrade = {
        .options = options, .log = options->log, .journal = &journal};
    int done = -1;

    if (options->dry_run ? dr_journal_peek(&journal, options->state_dir, err) < 0
                         : dr_journal_open(&journal, options->state_dir, err) < 0)
        return -1;
    target = dr_target_read(options, &bundle, err);
    if (target)
        done = journal.state ? resume(&upgrade, target, err) : begin(&upgrade, bundle, target, err);
    if (done < 0)
        dr_ending_failed(&upgrade, err);
    return done;
}
