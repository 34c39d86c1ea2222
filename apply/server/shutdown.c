/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/shutdown.h"

#include <string.h>

#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/wait.h"

/* InnoDB may have a big log to write out before it ends; and s6 waits for nobody. */
#define MYSQL_SECONDS 300
#define STOP_SECONDS 300u

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

static int wait_for_end(struct dr_engine *engine, const char *id, const struct dr_log *log,
                        struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, MYSQL_SECONDS);
    wait.steady = true;
    for (;;) {
        json_auto_t *inspect = dr_docker_inspect(engine, id, err);

        if (!inspect)
            return -1;
        if (!dr_docker_is_running(inspect))
            return 0;
        if (dr_wait_again(&wait, "waiting for MySQL", err) <= 0)
            break;
    }
    dr_log_warn(log, "the container goes on running %.0f s after MySQL was shut down; stopping it",
                dr_wait_seconds(&wait));
    return 0;
}

int dr_server_shutdown(struct dr_engine *engine, const char *id, const struct dr_log *log,
                       struct dr_err *err)
{
    json_auto_t *before = dr_docker_inspect(engine, id, err);
    json_auto_t *after = NULL;
    bool ended;

    if (!before)
        return -1;
    if (!dr_docker_is_running(before))
        return 0;
    if (ask_mysql(engine, id, err) < 0 || wait_for_end(engine, id, log, err) < 0)
        return -1;
    after = dr_docker_inspect(engine, id, err);
    if (!after)
        return -1;
    ended = !dr_docker_is_running(after);
    if (dr_docker_stop(engine, id, STOP_SECONDS, err) < 0)
        return -1;
    json_decref(after);
    after = dr_docker_inspect(engine, id, err);
    if (!after)
        return -1;
    if (!ended && json_integer_value(dr_json_at(after, "State", "ExitCode", NULL)) == KILLED)
        return dr_fail(
            err, DR_ERR_ENGINE,
            "the old server did not end in %u s and had to be killed, so its database may "
            "need a recovery",
            STOP_SECONDS);
    return 0;
}
