/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/shutdown.h"

#include <string.h>

#include "apply/server/clean.h"
#include "apply/server/database.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/wait.h"

/* InnoDB may have a big log to write out before it ends; and s6 waits for nobody. */
#define MYSQL_SECONDS 300
#define STOP_SECONDS 300u
#define LEAVING_SECONDS 30

/* 128 + a signal; SIGKILL. */
#define SIGNALLED 128
#define KILLED 137

enum told {
    TOLD_YES, /* and it has ended by now, since mysqladmin waits for that */
    TOLD_PERHAPS, /* mysqladmin got no answer, or was killed, as it is by a container that ends; or it is not known */
    TOLD_NO,
};

/* `err` holds the reason of all but TOLD_YES. */
static enum told tell_mysql(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    static const char *const argv[] = {"mysqladmin", "-uroot", "shutdown", NULL};
    dr_auto_buf struct dr_buf output = DR_BUF_INIT(2000);
    int status = -1;

    if (dr_docker_exec(engine, id, argv, &output, &status, err) < 0) {
        dr_err_wrap(err, "shut down MySQL");
        return TOLD_NO;
    }
    if (status == 0)
        return TOLD_YES;
    if (status < 0) {
        dr_fail(err, DR_ERR_ENGINE,
                "shut down MySQL: the engine does not tell how mysqladmin ended");
        return TOLD_PERHAPS;
    }
    dr_fail(err, DR_ERR_ENGINE, "shut down MySQL: mysqladmin ended with status %d: %.300s", status,
            output.data ? output.data : "it said nothing");
    if (status > SIGNALLED)
        return TOLD_PERHAPS;
    return output.data && strstr(output.data, "Can't connect") ? TOLD_PERHAPS : TOLD_NO;
}

/* 1: the container has ended; 0: it runs on after `seconds`. */
static int wait_for_end(struct dr_engine *engine, const char *id, double seconds,
                        struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, seconds);
    wait.steady = true;
    for (;;) {
        json_auto_t *inspect = dr_docker_inspect(engine, id, err);

        if (!inspect)
            return -1;
        if (!dr_docker_is_running(inspect))
            return 1;
        if (dr_wait_again(&wait, "waiting for MySQL", err) <= 0)
            return 0;
    }
}

/* As wait_for_end(); `ret_clean`: it has, and MySQL before it. A MySQL that does not listen may have been told before, by a
 * run that was killed, and be on its way out: it closes its socket first. And nothing can be run in a container that is
 * about to end. */
static int end_mysql(struct dr_engine *engine, const char *id, const struct dr_log *log,
                     bool *ret_clean, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    enum told told = tell_mysql(engine, id, &why);
    int ended;

    if (told == TOLD_PERHAPS)
        dr_log_detail(log, "%.300s: waiting, since MySQL may be on its way out", why.text);
    ended = wait_for_end(engine, id, told == TOLD_NO ? LEAVING_SECONDS : MYSQL_SECONDS, err);
    *ret_clean = told == TOLD_YES && ended == 1;
    if (told == TOLD_YES || ended != 0)
        return ended;
    if (err)
        *err = why;
    return -1;
}

/* The kernel, or somebody, may have killed or stopped all of it while MySQL was writing its pages. `inside`: there is a
 * MySQL in it; `stopped`: it was drover that stopped it. */
static int check_end(struct dr_engine *engine, const char *id, bool inside, bool stopped,
                     struct dr_err *err)
{
    json_auto_t *after = dr_docker_inspect(engine, id, err);
    bool killed = json_integer_value(dr_json_at(after, "State", "ExitCode", NULL)) == KILLED;
    enum dr_clean clean = DR_CLEAN_UNKNOWN;

    if (!after || (inside && dr_clean_look(engine, id, &clean, err) < 0))
        return -1;
    if (clean == DR_CLEAN_YES || (clean == DR_CLEAN_UNKNOWN && !killed))
        return 0;
    if (!stopped || !killed)
        return dr_fail(err, DR_ERR_ENGINE,
                       "the old server was killed before MySQL had said that it ended, so its "
                       "database may need a recovery");
    return dr_fail(err, DR_ERR_ENGINE,
                   "the old server did not end in %u s and had to be killed, so its database "
                   "may need a recovery",
                   STOP_SECONDS);
}

int dr_server_shutdown(struct dr_engine *engine, const char *id, const struct dr_log *log,
                       struct dr_err *err)
{
    json_auto_t *before = dr_docker_inspect(engine, id, err);
    bool inside = before && dr_database_kind(before) != DR_DATABASE_EXTERNAL;
    bool clean = false;
    int ended;

    if (!before)
        return -1;
    if (!dr_docker_is_running(before))
        return 0;
    ended = inside ? end_mysql(engine, id, log, &clean, err) : 0;
    if (ended < 0)
        return -1;
    if (ended == 0 && inside)
        dr_log_warn(log, "the container runs on although MySQL was shut down; stopping it");
    if (dr_docker_stop(engine, id, STOP_SECONDS, err) < 0)
        return -1;
    return clean ? 0 : check_end(engine, id, inside, ended == 0, err);
}
