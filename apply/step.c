/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/step.h"

#include <string.h>

#include "lib/stop.h"
#include "lib/text.h"

/* Is this step part of this upgrade? */
static bool is_part(const struct dr_upgrade *upgrade, const struct dr_step *step)
{
    switch (step->part) {
    case DR_STEP_MOVE:
        return dr_upgrade_has_server(upgrade) &&
               json_object_get(dr_upgrade_server(upgrade), "move");
    case DR_STEP_COPY:
        return dr_upgrade_has_server(upgrade) &&
               strcmp(dr_upgrade_text(upgrade, "database", "kind"), "external") != 0;
    case DR_STEP_SERVER:
        return dr_upgrade_has_server(upgrade);
    case DR_STEP_ALWAYS:
        break;
    }
    return true;
}

static int is_done(struct dr_upgrade *upgrade, const struct dr_step *step, bool *ret_done,
                   struct dr_err *err)
{
    if (step->check)
        return step->check(upgrade, ret_done, err);
    *ret_done = dr_journal_is_done(upgrade->journal, step->name);
    return 0;
}

static int run(struct dr_upgrade *upgrade, const struct dr_step *step, unsigned number,
               unsigned count, struct dr_err *err)
{
    double started = dr_clock();
    bool recorded = dr_journal_is_done(upgrade->journal, step->name);
    bool done = false;
    char time[16];

    if (is_done(upgrade, step, &done, err) < 0)
        return -1;
    if (done && recorded)
        return 0;
    if (!done) {
        dr_log_detail(upgrade->log, "%2u/%u  %s ...", number, count, step->title);
        if (dr_journal_step_begun(upgrade->journal, step->name, err) < 0 ||
            step->act(upgrade, err) < 0)
            return -1;
    }
    if (step->prove && step->prove(upgrade, err) < 0)
        return -1;
    if (dr_journal_step_done(upgrade->journal, step->name, dr_clock() - started, err) < 0)
        return -1;
    dr_text_seconds(dr_clock() - started, time);
    dr_log_say(upgrade->log, "%2u/%u  %s%s  %s", number, count, step->title,
               done ? " (already so)" : "", time);
    return 0;
}

static int failed(const struct dr_step *step, struct dr_err *err)
{
    if (err && err->code == DR_OK)
        return dr_fail(err, DR_ERR_INTERNAL, "%s: it failed without a reason", step->title);
    return err && err->code == DR_ERR_STOPPED ? -1 : dr_err_wrap(err, "%s", step->title);
}

int dr_step_run(struct dr_upgrade *upgrade, const struct dr_step *steps, struct dr_err *err)
{
    unsigned count = 0;
    unsigned number = 0;
    char next[160];

    for (const struct dr_step *step = steps; step->name; step++)
        count += is_part(upgrade, step);
    for (const struct dr_step *step = steps; step->name; step++) {
        if (!is_part(upgrade, step))
            continue;
        snprintf(next, sizeof next, "about to %s", step->title);
        if (dr_stop_check(err, next) < 0)
            return -1;
        if (run(upgrade, step, ++number, count, err) < 0)
            return failed(step, err);
    }
    return 0;
}

void dr_step_list(FILE *out, const struct dr_upgrade *upgrade, const struct dr_step *steps)
{
    bool next = true;

    for (const struct dr_step *step = steps; step->name; step++) {
        bool done = dr_journal_is_done(upgrade->journal, step->name);

        if (!is_part(upgrade, step))
            continue;
        fprintf(out, "  %-6s %s\n", done ? "done" : next ? "next" : "to do", step->title);
        next &= done;
    }
}
