/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

int dr_session_confirm(const struct dr_apply_options *options, struct dr_err *err)
{
    char answer[16] = "";

    if (options->yes)
        return 0;
    if (!isatty(STDIN_FILENO))
        return dr_fail(err, DR_ERR_REFUSED,
                       "nothing was changed: there is no terminal to ask on; --yes says yes");
    fflush(stdout);
    fputs("\nDo it? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y') &&
        !dr_stop_wanted())
        return 0;
    return dr_stop_check(err, "asking") < 0
               ? dr_err_wrap(err, "nothing was changed")
               : dr_fail(err, DR_ERR_REFUSED, "nothing was changed: the answer was not yes");
}

/* Waiting for an answer has no end, so it must not be waited for at another address than the one that was looked at
 * before the server was stopped. */
int dr_session_check_address(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    const char *begun = dr_json_string_or(upgrade->journal->state, "rancher_url", "");
    const char *now = upgrade->options->rancher_url;

    if (!now || !*begun || strcmp(now, begun) == 0)
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "this was begun with Rancher at '%.200s', and now "
                   "'%.200s' is given; continue it without --rancher-url and RANCHER_URL, or with "
                   "that address",
                   begun, now);
}

/* Somebody's 'docker container prune', say. What counts is still there. */
static int fail_gone(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    const char *volume = dr_upgrade_text(upgrade, "database", "volume");
    const char *copy = dr_upgrade_text(upgrade, NULL, "backup_file");

    dr_fail(
        err, DR_ERR_REFUSED,
        "an upgrade of container '%.100s' was begun at %s and is not finished, but the engine at "
        "'%s' has neither that container (%.12s) nor its successor; is it another engine, or "
        "'%s' the journal of another host?",
        dr_upgrade_text(upgrade, NULL, "name"),
        dr_json_string_or(upgrade->journal->state, "started", "?"), dr_engine_host(upgrade->engine),
        dr_upgrade_text(upgrade, NULL, "id"), upgrade->journal->path);
    if (*volume)
        dr_err_advise(err,
                      "if they were removed here, the database is in the volume '%.100s'%s%.200s",
                      volume, *copy ? ", a copy of it, if it came to that, in " : "", copy);
    return -1;
}

int dr_session_check_here(const struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *old = NULL;
    json_auto_t *created = NULL;

    if (dr_session_check_address(upgrade, err) < 0)
        return -1;
    if (!dr_upgrade_has_server(upgrade))
        return 0;
    if (dr_upgrade_old(upgrade, &old, err) < 0 || dr_upgrade_new(upgrade, &created, err) < 0)
        return -1;
    if (!old && !created)
        return fail_gone(upgrade, err);
    return 0;
}

int dr_session_claim_engine(struct dr_upgrade *upgrade, struct dr_err *err)
{
    dr_autofree char *what = dr_text_format(err, "apply %s", dr_engine_host(upgrade->engine));

    if (upgrade->options->dry_run)
        return 0;
    if (!what)
        return -1;
    return dr_claims_take(&upgrade->claims, what, err) < 0
               ? dr_err_advise(err, "wait for it to end")
               : 0;
}

/* By what every key shows and no other Rancher has: the first environment's uuid is the same in all. */
static int claim_environment(struct dr_upgrade *upgrade, const json_t *environment,
                             struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    dr_autofree char *what =
        dr_text_format(err, "environment %.40s %lld", dr_json_string_or(environment, "uuid", ""),
                       (long long)dr_json_int_or(environment, "createdTS", 0));

    if (!what)
        return -1;
    if (dr_claims_take(&upgrade->claims, what, &why) == 0)
        return 0;
    if (why.code != DR_ERR_REFUSED) {
        if (err)
            *err = why;
        return -1;
    }
    return dr_fail(err, DR_ERR_REFUSED,
                   "another drover on this machine is at work in the environment '%.100s' of this "
                   "Rancher; wait for it to end",
                   dr_json_string_or(environment, "name", "?"));
}

int dr_session_claim_rancher(struct dr_upgrade *upgrade, struct dr_err *err)
{
    const json_t *environment;
    size_t i;

    if (upgrade->options->dry_run)
        return 0;
    json_array_foreach(dr_json_at(upgrade->journal->state, "inventory", "environments", NULL), i,
                       environment)
    {
        if (!json_object_get(environment, "skipped") &&
            claim_environment(upgrade, environment, err) < 0)
            return -1;
    }
    return 0;
}
