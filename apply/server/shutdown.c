/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/shutdown.h"

#include <string.h>

#include "apply/server/database.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/wait.h"

/* InnoDB may have a big log to write out before it ends; and s6 waits for nobody. */
#define MYSQL_SECONDS 300
#define STOP_SECONDS 300u
#define LEAVING_SECONDS 30

/* 128 + SIGKILL */
#define KILLED 137

static int ask_mysql(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    static const char *const argv[] = {"mysqladmin", "-uroot", "shutdown", NULL};
    dr_auto_buf struct dr_buf output = DR_BUF_INIT(2000);
    int status = -1;

    if (dr_docker_exec(engine, id, argv, &output, &status, err) < 0)
        return dr_err_wrap(err, "shut down MySQL");
    if (status > 0)
        return dr_fail(err, DR_ERR_ENGINE,
                       "shut down MySQL: mysqladmin ended with status %d: %.300s", status,
                       output.data ? output.data : "it said nothing");
    return 0;
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

/* A MySQL that can't be reached may have been told before, by a run that was killed, and be on its way out. */
static int end_mysql(struct dr_engine *engine, const char *id, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    int ended;

    if (ask_mysql(engine, id, &why) == 0)
        return wait_for_end(engine, id, MYSQL_SECONDS, err);
    ended = wait_for_end(engine, id, LEAVING_SECONDS, err);
    if (ended == 0 && err)
        *err = why;
    return ended == 0 ? -1 : ended;
}

int dr_server_shutdown(struct dr_engine *engine, const char *id, const struct dr_log *log,
                       struct dr_err *err)
{
    json_auto_t *before = dr_docker_inspect(engine, id, err);
    json_auto_t *after = NULL;
    int ended;

    if (!before)
        return -1;
    if (!dr_docker_is_running(before))
        return 0;
    ended = dr_database_kind(before) == DR_DATABASE_EXTERNAL ? 0 : end_mysql(engine, id, err);
    if (ended < 0)
        return -1;
    if (ended == 0 && dr_database_kind(before) != DR_DATABASE_EXTERNAL)
        dr_log_warn(log, "the container runs on although MySQL was shut down; stopping it");
    if (dr_docker_stop(engine, id, STOP_SECONDS, err) < 0)
        return -1;
    after = dr_docker_inspect(engine, id, err);
    if (!after)
        return -1;
    if (ended == 0 && json_integer_value(dr_json_at(after, "State", "ExitCode", NULL)) == KILLED)
        return dr_fail(err, DR_ERR_ENGINE,
                       "the old server did not end in %u s and had to be killed, so its database "
                       "may need a recovery",
                       STOP_SECONDS);
    return 0;
}
