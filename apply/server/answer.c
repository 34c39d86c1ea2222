/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/answer.h"

#include <string.h>
#include <time.h>

#include "lib/engine/container.h"
#include "lib/http/http.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define FOREVER 1e9
#define LOG_EVERY 5.0
#define TALK_EVERY 30.0
#define LOG_LINES 200u
#define LOG_MAX (256u << 10)

struct watch {
    const struct dr_answer *answer;
    struct dr_http *http;
    struct dr_wait wait;
    int64_t since;   /* the log of earlier starts is not of interest */
    double next_log; /* seconds of the wait */
    double next_talk;
    bool told;         /* that a wish to stop is not followed */
    char symptom[256]; /* why it is not up yet */
};

int dr_answer_read_log(const char *who, const char *log, struct dr_err *err)
{
    const char *line = strstr(log, "LockException");

    if (line) {
        const char *holder = strstr(line, "Currently locked by");
        int length = holder ? (int)strcspn(holder, "\r\n") : 0;

        return dr_fail(
            err, DR_ERR_RANCHER,
            "the %s can't get the lock of its database's change log (%.*s): a "
            "server was killed while it migrated. When it is certain that no other server "
            "uses this database, run the same command with --clear-lock; by hand: mysql -e "
            "'update cattle.DATABASECHANGELOGLOCK set LOCKED=\"\", LOCKGRANTED=null, "
            "LOCKEDBY=null where ID=1' inside the container, and restart it",
            who, length < 120 ? length : 120, holder ? holder : "");
    }
    line = strstr(log, "STARTUP FAILED");
    if (line)
        return dr_fail(err, DR_ERR_RANCHER,
                       "the %s says '%.*s'; its log has the reason (docker logs)", who,
                       (int)strcspn(line, "\r\n"), line);
    return 0;
}

/* The last line with something in it. */
static const char *last_line(char *log)
{
    size_t size = strlen(log);
    char *line;

    while (size > 0 && strchr("\r\n \t", log[size - 1]))
        log[--size] = '\0';
    line = strrchr(log, '\n');
    return line ? line + 1 : log;
}

static int read_log(struct watch *watch, struct dr_buf *log, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;

    /* No log (another log driver) is no reason to give up on a server. */
    if (dr_docker_logs(watch->answer->engine, watch->answer->container, LOG_LINES, watch->since,
                       log, &why) < 0 ||
        log->size == 0)
        return 0;
    return dr_answer_read_log(watch->answer->who, log->data, err);
}

static int ended(struct watch *watch, const json_t *inspect, struct dr_err *err)
{
    dr_auto_buf struct dr_buf log = DR_BUF_INIT(LOG_MAX);

    if (read_log(watch, &log, err) < 0)
        return -1;
    return dr_fail(err, DR_ERR_RANCHER,
                   "the %s ended with status %lld; the last that it said: '%.300s'",
                   watch->answer->who,
                   (long long)dr_json_int_or(json_object_get(inspect, "State"), "ExitCode", -1),
                   log.size > 0 ? last_line(log.data) : "nothing");
}

static int check_container(struct watch *watch, struct dr_err *err)
{
    json_auto_t *inspect = dr_docker_inspect(watch->answer->engine, watch->answer->container, err);

    if (!inspect)
        return -1;
    if (!dr_docker_is_running(inspect) || dr_json_int_or(inspect, "RestartCount", 0) > 0 ||
        dr_json_true(json_object_get(inspect, "State"), "Restarting"))
        return ended(watch, inspect, err);
    return 0;
}

/* While it migrates, connections are refused, reset, or answered by a proxy: all of that is "not yet". */
static bool ping(struct watch *watch)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(65536);
    struct dr_http_request request = {.url = watch->answer->url, .unstoppable = true};
    struct dr_err why = DR_ERR_INIT;

    if (dr_http_do(watch->http, &request, &response, &why) < 0) {
        snprintf(watch->symptom, sizeof watch->symptom, "%.255s", why.text);
        return false;
    }
    if (response.status == 200 && response.body.size >= 4 &&
        memcmp(response.body.data, "pong", 4) == 0)
        return true;
    snprintf(watch->symptom, sizeof watch->symptom, "it answers with status %ld", response.status);
    return false;
}

static int talk(struct watch *watch, struct dr_err *err)
{
    double now = dr_wait_seconds(&watch->wait);

    if (dr_stop_wanted() && !watch->told) {
        watch->told = true;
        dr_log_warn(
            watch->answer->log,
            "the %s may be migrating or recovering its database, and must not be disturbed: drover "
            "waits for it and stops then. Ctrl-C again ends drover alone; the server goes on, "
            "and the same command continues later",
            watch->answer->who);
    }
    if (now >= watch->next_log) {
        dr_auto_buf struct dr_buf log = DR_BUF_INIT(LOG_MAX);

        watch->next_log = now + dr_scaled(LOG_EVERY);
        if (read_log(watch, &log, err) < 0)
            return -1;
    }
    if (now >= watch->next_talk) {
        char time[16];

        dr_text_seconds(now, time);
        watch->next_talk = now + dr_scaled(TALK_EVERY);
        dr_log_say(watch->answer->log,
                   "  %s: the %s runs and does not answer yet (a migration takes as long as "
                   "it takes): %.200s",
                   time, watch->answer->who, watch->symptom);
    }
    return 0;
}

int dr_answer_wait(const struct dr_answer *answer, struct dr_err *err)
{
    struct dr_http_options options = {.ca_file = answer->ca_file,
                                      .ca_option = "--rancher-ca-cert",
                                      .connect_seconds = 5,
                                      .stall_seconds = 10};
    dr_auto_http struct dr_http *http = dr_http_new(&options, err);
    struct watch watch = {.answer = answer, .http = http, .next_talk = dr_scaled(TALK_EVERY)};
    json_auto_t *inspect = dr_docker_inspect(answer->engine, answer->container, err);
    struct tm started = {0};

    if (!http || !inspect)
        return -1;
    if (strptime(dr_json_string_or(json_object_get(inspect, "State"), "StartedAt", ""),
                 "%Y-%m-%dT%H:%M:%S", &started))
        watch.since = (int64_t)timegm(&started);
    dr_wait_start(&watch.wait, FOREVER);
    watch.wait.steady = true;
    for (;;) {
        if (check_container(&watch, err) < 0)
            return -1;
        if (ping(&watch))
            return 0;
        if (talk(&watch, err) < 0 || dr_wait_again(&watch.wait, "waiting for Rancher", err) <= 0)
            return -1;
    }
}
