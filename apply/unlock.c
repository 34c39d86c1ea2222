/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/unlock.h"

#include <string.h>

#include "apply/container.h"
#include "apply/server/find.h"
#include "apply/server/shutdown.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

#define VARIABLE "CATTLE_DB_RELEASE_CHANGE_LOCK=true"
#define LOG_LINES 200u
#define LOG_MAX (256u << 10)

static json_t *record(const struct dr_upgrade *upgrade)
{
    return json_object_get(upgrade->journal->state, "unlock");
}

bool dr_unlock_is_due(const struct dr_upgrade *upgrade)
{
    return upgrade->options->clear_lock || record(upgrade);
}

/* ---- the proof */

static bool same_files(const json_t *a, const json_t *b)
{
    const char *left = dr_json_string_or(dr_docker_mount(a, DR_SERVER_DATABASE), "Source", "");
    const char *right = dr_json_string_or(dr_docker_mount(b, DR_SERVER_DATABASE), "Source", "");

    return *left && strcmp(left, right) == 0;
}

static int check_alone(const struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    json_auto_t *all = dr_docker_inspect_all(upgrade->engine, err);
    const char *helper = dr_json_string_or(record(upgrade), "id", "");
    json_t *other;
    size_t i;

    if (!all)
        return -1;
    json_array_foreach(all, i, other)
    {
        const char *id = dr_json_string_or(other, "Id", "");

        if (dr_docker_is_running(other) && same_files(other, created) && strcmp(id, helper) != 0 &&
            strcmp(id, dr_json_string_or(created, "Id", "")) != 0)
            return dr_fail(err, DR_ERR_REFUSED,
                           "container '%.100s' runs on the same database, so the lock may be its "
                           "own and is left: stop it first, cleanly, if it is not wanted",
                           dr_docker_name(other));
    }
    return 0;
}

/* Whoever has not said that it can't get the lock may be the one who holds it. */
static int check_log(const struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    dr_auto_buf struct dr_buf log = DR_BUF_INIT(LOG_MAX);

    if (dr_docker_logs(upgrade->engine, dr_json_string_or(created, "Id", ""), LOG_LINES, 0, &log,
                       err) < 0)
        return -1;
    if (log.size == 0 || !strstr(log.data, "LockException"))
        return dr_fail(err, DR_ERR_REFUSED,
                       "the new server '%.100s' has not said that it can't get the lock (a "
                       "LockException in its log), so there is nothing to clear: it may be "
                       "migrating and hold the lock itself; run the same command without "
                       "--clear-lock, which waits for it",
                       dr_docker_name(created));
    return 0;
}

static int check(const struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    if (!created || dr_docker_is_new(created))
        return dr_fail(err, DR_ERR_REFUSED,
                       "--clear-lock is for a new server that was started and could not get the "
                       "lock of its database; this one was never started");
    if (strcmp(dr_upgrade_text(upgrade, "database", "kind"), "external") == 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the database is outside of this engine, where drover can't prove that no "
                       "other server uses it: clear the lock by hand (update DATABASECHANGELOGLOCK "
                       "set LOCKED=\"\", LOCKGRANTED=null, LOCKEDBY=null where ID=1)");
    return check_log(upgrade, created, err) < 0 ? -1 : check_alone(upgrade, created, err);
}

/* ---- one start without the lock */

static int stop(const struct dr_upgrade *upgrade, const json_t *inspect, struct dr_err *err)
{
    json_auto_t *no = json_pack("{s:s}", "Name", "no");
    const char *id = dr_json_string_or(inspect, "Id", "");

    if (!no)
        return dr_fail_memory(err);
    return dr_docker_set_restart(upgrade->engine, id, no, err) < 0
               ? -1
               : dr_server_shutdown(upgrade->engine, id, upgrade->log, err);
}

static int make_helper(struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *spec = json_deep_copy(json_object_get(dr_upgrade_server(upgrade), "spec"));
    json_t *env = dr_json_at(spec, "body", "Env", NULL);

    if (!json_is_array(env))
        return dr_fail(err, DR_ERR_INTERNAL, "the new server's description has no variables");
    return dr_json_append(env, json_string(VARIABLE), err) < 0
               ? -1
               : dr_container_make(upgrade, record(upgrade), spec, err);
}

static int run_helper(struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    json_auto_t *helper = NULL;
    json_auto_t *running = NULL;
    const char *id;

    if (dr_container_find(upgrade, record(upgrade), &helper, err) < 0 ||
        (!helper && make_helper(upgrade, err) < 0))
        return -1;
    id = dr_json_string_or(record(upgrade), "id", "");
    json_decref(helper);
    helper = dr_docker_inspect(upgrade->engine, id, err);
    if (!helper)
        return -1;
    if (!same_files(helper, created))
        return dr_fail(err, DR_ERR_PROOF, "'%.100s' would have another database",
                       dr_docker_name(helper));
    dr_log_say(upgrade->log, "starting the server once without the lock, as '%s'",
               dr_docker_name(helper));
    if (dr_docker_start(upgrade->engine, id, err) < 0 ||
        dr_upgrade_wait(upgrade, id, "new server", err) < 0)
        return -1;
    running = dr_docker_inspect(upgrade->engine, id, err);
    return running && stop(upgrade, running, err) == 0 ? dr_docker_remove(upgrade->engine, id, err)
                                                       : -1;
}

static int begin(struct dr_upgrade *upgrade, const json_t *created, struct dr_err *err)
{
    dr_autofree char *name = NULL;

    if (record(upgrade))
        return 0;
    if (check(upgrade, created, err) < 0)
        return -1;
    name = dr_text_format(err, "%s-clear-lock", dr_upgrade_text(upgrade, NULL, "name"));
    return name && dr_json_set(upgrade->journal->state, "unlock", json_pack("{s:s}", "name", name),
                               err) == 0
               ? dr_journal_save(upgrade->journal, err)
               : -1;
}

int dr_unlock(struct dr_upgrade *upgrade, struct dr_err *err)
{
    json_auto_t *created = NULL;

    if (dr_journal_is_done(upgrade->journal, "answer"))
        return 0;
    if (dr_upgrade_new(upgrade, &created, err) < 0 || begin(upgrade, created, err) < 0)
        return -1;
    if (!created)
        return dr_fail(err, DR_ERR_REFUSED, "the new server is gone");
    if ((dr_docker_is_running(created) && stop(upgrade, created, err) < 0) ||
        check_alone(upgrade, created, err) < 0 || run_helper(upgrade, created, err) < 0)
        return dr_err_wrap(err, "clear the lock");
    json_object_del(upgrade->journal->state, "unlock");
    dr_log_say(upgrade->log, "the lock is cleared, and the database migrated");
    return dr_journal_save(upgrade->journal, err);
}
