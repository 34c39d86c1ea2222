/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/ending.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/page.h"
#include "apply/record.h"
#include "apply/report.h"
#include "apply/target.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

static bool is_in(const char *path, const char *folder)
{
    dr_autofree char *parent = dr_file_folder(path, NULL);
    struct stat one;
    struct stat other;

    return parent && stat(parent, &one) == 0 && stat(folder, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int dr_ending_check_place(const struct dr_apply_options *options, struct dr_err *err)
{
    const char *report = options->report;

    if (!report || dr_text_ends(report, ".html") || !is_in(report, options->state_dir))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "--report: '%s' is in the state folder, where only names that end in .html are "
                   "free; name another file",
                   report);
}

int dr_ending_check(const struct dr_apply_options *options, struct dr_err *err)
{
    if (!options->report)
        return 0;
    return dr_ending_check_place(options, err) < 0 ? -1 : dr_page_check(options->report, err);
}

static int save_page(const struct dr_apply_options *options, const json_t *record,
                     struct dr_err *err)
{
    if (!options->report)
        return 0;
    if (dr_page_save(options->report, record, err) < 0)
        return -1;
    dr_log_say(options->log, "report: %s", options->report);
    return 0;
}

int dr_ending_tell(const struct dr_upgrade *upgrade, const char *outcome, const char *journal,
                   struct dr_err *err)
{
    const struct dr_apply_options *options = upgrade->options;
    bool ended = strcmp(outcome, "upgraded") == 0 || strcmp(outcome, "finished") == 0;
    json_auto_t *record = dr_record_make(
        &(struct dr_record_source){
            .state = upgrade->journal->state, .outcome = outcome, .journal = journal},
        err);

    if (!record || (options->json && dr_report_json(stdout, record, err) < 0))
        return -1;
    if (ended && !options->json)
        dr_report_end(stdout, record);
    if (save_page(options, record, err) == 0)
        return 0;
    return json_object_get(record, "steps")
               ? dr_err_advise(err, "nothing else failed: drover status --report FILE writes it")
               : -1;
}

/* Did that upgrade lead to what is asked for now? */
static bool is_of(const json_t *last, const json_t *state)
{
    static const char *const keys[] = {"bundle_id", "registry"};
    const json_t *then = json_object_get(last, "target");
    const json_t *now = json_object_get(state, "target");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(dr_target_text(then, keys[i]), dr_target_text(now, keys[i])) != 0)
            return false;
    }
    return strcmp(dr_json_string_or(last, "state", ""), "finished") == 0;
}

static bool is_whole(const json_t *state)
{
    return !json_object_get(state, "only");
}

static int write_last(const struct dr_upgrade *upgrade, const json_t *state, struct dr_err *err)
{
    dr_autofree char *path = NULL;
    json_auto_t *last = NULL;
    json_auto_t *record = NULL;

    if (dr_journal_last(upgrade->journal, is_whole, &path, &last, err) < 0)
        return -1;
    if (last && is_of(last, state))
        record = dr_record_make(
            &(struct dr_record_source){.state = last, .outcome = "upgraded", .journal = path}, err);
    else
        record = dr_record_make(
            &(struct dr_record_source){.state = state, .outcome = "nothing to do"}, err);
    return record ? save_page(upgrade->options, record, err) : -1;
}

int dr_ending_nothing(const struct dr_upgrade *upgrade, const json_t *state, struct dr_err *err)
{
    json_auto_t *record = NULL;

    if (!upgrade->options->json) {
        dr_report_nothing(stdout, state);
    } else {
        record = dr_record_make(
            &(struct dr_record_source){.state = state, .outcome = "nothing to do"}, err);
        if (!record || dr_report_json(stdout, record, err) < 0)
            return -1;
    }
    return upgrade->options->report ? write_last(upgrade, state, err) : 0;
}

static const char *outcome_of(const json_t *state, const struct dr_err *failure)
{
    if (!json_object_get(state, "steps"))
        return "not begun";
    if (strcmp(dr_json_string_or(state, "state", ""), "undone") == 0)
        return "undone";
    return failure->code == DR_ERR_STOPPED ? "stopped" : "failed";
}

void dr_ending_failed(const struct dr_upgrade *upgrade, const struct dr_err *failure)
{
    const struct dr_apply_options *options = upgrade->options;
    const json_t *state = upgrade->journal->state;
    const char *word = dr_json_string_or(state, "state", "");
    bool json = options->json && json_object_get(state, "steps");
    json_auto_t *little = NULL;
    json_auto_t *record = NULL;
    struct dr_err why = DR_ERR_INIT;

    /* All was done, and only the report failed. */
    if ((!options->report && !json) || strcmp(word, "finished") == 0)
        return;
    if (!state)
        little = json_pack("{s:{s:s, s:s}, s:s?}", "target", "bundle", options->bundle, "registry",
                           options->registry, "rancher_url", options->rancher_url);
    record = dr_record_make(&(struct dr_record_source){.state = state ? state : little,
                                                       .outcome = outcome_of(state, failure),
                                                       .journal = strcmp(word, "running") == 0
                                                                      ? upgrade->journal->path
                                                                      : NULL,
                                                       .failure = failure},
                            &why);
    if (!record || (json && dr_report_json(stdout, record, &why) < 0) ||
        save_page(options, record, &why) < 0)
        dr_log_warn(options->log, "%s", why.text);
}
