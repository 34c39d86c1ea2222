/* SPDX-License-Identifier: Apache-2.0 */
// The start of a server, in Cattle's order: mysqld, liquibase (nothing listens while it migrates),
// then the API and the wait for the hosts' agents. Each phase is a timer, so that mysqladmin is
// answered throughout.
#include "server.h"

#include "api.h"
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "mysqld.h"
#include "pull.h"
#include "settings.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct evhttp *http;
static struct evhttp_bound_socket *bound;
static struct event *phase;
static int exit_status;

static void next_phase(double seconds, event_callback_fn fn)
{
    if (phase)
        event_free(phase);
    phase = evtimer_new(sim_base, fn, NULL);
    double scaled = sim_scaled(seconds);
    struct timeval tv = {.tv_sec = (time_t)scaled,
                         .tv_usec = (suseconds_t)((scaled - (double)(time_t)scaled) * 1e6)};
    evtimer_add(phase, &tv);
}

// ---- ends

// Cattle gave up: the JVM's exit(1) makes s6 end the container, and mysqld with it, uncleanly.
static void startup_failed(void)
{
    sim_log("ERROR", "STARTUP FAILED [%d] ms", 316);
    db_commit();
    exit_status = 1;
    event_base_loopbreak(sim_base);
}

// A big buffer pool takes its time to be written out; nothing is clean before its end.
static void flush_pages(void)
{
    const char *text = getenv("RANCHER_SIM_FLUSH_SECONDS");
    double seconds = text ? sim_scaled(atof(text)) : 0;
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&left, NULL);
}

// mysqladmin shutdown: the one clean way to stop. The finish scripts then end the whole container.
static void clean_shutdown(void)
{
    db_commit();
    sim_mysql_log("[Note] /usr/sbin/mysqld: Normal shutdown");
    sim_mysql_log(" InnoDB: Starting shutdown...");
    flush_pages();
    if (db_checkpoint(true))
        return;
    sim_mysql_log(" InnoDB: Shutdown completed; log sequence number 1595675");
    sim_mysql_log("[Note] /usr/sbin/mysqld: Shutdown complete");
    event_note("cleanShutdown", NULL, NULL, NULL);
    // Nothing may change any more: the listener and every timer end with the loop.
    event_base_loopbreak(sim_base);
}

static void on_signal(int number)
{
    (void)number;
    // s6-svscan goes at once and the kernel kills mysqld: no flush, no mark. That is the unclean
    // stop.
    _exit(0);
}

// ---- HTTP

void server_listen(void)
{
    const char *text = getenv("RANCHER_SIM_PORT");
    int port = text && *text ? atoi(text) : 8080;
    if (!http) {
        http = evhttp_new(sim_base);
        if (!http)
            abort();
        evhttp_set_max_body_size(http, (ev_ssize_t)64 << 20);
        evhttp_set_max_headers_size(http, 64 << 10);
        evhttp_set_timeout(http, 120);
        evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                             EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD);
        evhttp_set_gencb(http, api_handle, NULL);
    }
    bound = evhttp_bind_socket_with_handle(http, "0.0.0.0", (uint16_t)port);
    if (!bound) {
        sim_log("ERROR", "bind port %d: %s", port, strerror(errno));
        exit_status = 1;
        event_base_loopbreak(sim_base);
    }
}

static void listen_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    server_listen();
    host_server_started();
    db_commit();
}

bool server_is_paused(void)
{
    return !bound;
}

void server_pause(double seconds)
{
    if (!bound)
        return;
    evhttp_del_accept_socket(http, bound);
    bound = NULL;
    sim_log("INFO", "API paused (fault apiRestart)");
    next_phase(seconds, listen_again);
}

// ---- the phases of a start

static void phase_serve(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    if (db_count(T_ACCOUNT) == 0)
        project_create("Default", "active");
    engine_resume();
    host_server_started(); // after it: the hosts' own waits begin anew
    traffic_resume();
    server_listen();
    db_commit();
    if (!bound)
        return;
    sim_log("INFO", "Startup Succeeded, Listening on port 8081");
    event_note("serverStarted", NULL, NULL, release_here()->server);
}

static void phase_migrated(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    int from = (int)json_integer_value(json_object_get(db_meta(), "schema"));
    if (from != release_here()->schema) {
        sim_log("INFO", "liquibase: schema %d -> %d", from, release_here()->schema);
        json_object_set_new(db_meta(), "schema", json_integer(release_here()->schema));
        if (from)
            db_bump("migrations");
    }
    json_object_del(db_meta(), "changeLogLock");
    db_touch_meta();
    db_commit();
    next_phase(5, phase_serve);
}

static const char *lock_owner(void)
{
    static char name[128];
    if (gethostname(name, sizeof name - 1))
        snprintf(name, sizeof name, "unknown");
    return name;
}

static void lock_failed(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    json_t *lock = json_object_get(db_meta(), "changeLogLock");
    const char *by = json_string_value(json_object_get(lock, "by"));
    const char *since = json_string_value(json_object_get(lock, "since"));
    sim_log("ERROR",
            "liquibase.exception.LockException: Could not acquire change log lock.  Currently "
            "locked by %s (%s) since %s",
            by ? by : "?", by ? by : "?", since ? since : "?");
    startup_failed();
}

// A large database takes minutes.
static double migration_seconds(void)
{
    const char *text = getenv("RANCHER_SIM_MIGRATION_SECONDS");
    return text ? atof(text) : 20;
}

static void phase_liquibase(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    const char *release = getenv("CATTLE_DB_RELEASE_CHANGE_LOCK");
    if (release && !strcasecmp(release, "true"))
        json_object_del(db_meta(), "changeLogLock");
    int have = (int)json_integer_value(json_object_get(db_meta(), "schema"));
    if (json_object_get(db_meta(), "changeLogLock")) {
        sim_log("INFO", "liquibase: Waiting for changelog lock....");
        next_phase(300, lock_failed);
        return;
    }
    if (have > release_here()->schema) {
        sim_log("ERROR", "database schema %d is newer than this server's %d", have,
                release_here()->schema);
        startup_failed();
        return;
    }
    // Every start takes the lock for a moment, not only one that migrates.
    char when[32];
    sim_iso(sim_now_ms(), when);
    json_object_set_new(db_meta(), "changeLogLock",
                        json_pack("{s:s, s:s}", "by", lock_owner(), "since", when));
    db_touch_meta();
    db_commit();
    sim_log("INFO", "liquibase: Successfully acquired change log lock");
    next_phase(have && have != release_here()->schema ? migration_seconds() : 1, phase_migrated);
}

// ---- where the database is

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool is_external(void)
{
    return is_set("CATTLE_DB_CATTLE_MYSQL_HOST") || is_set("MYSQL_PORT_3306_TCP_ADDR");
}

// An external database stands in /external-db; without that mount it is one that nobody filled.
static const char *data_folder(char out[SIM_PATH_MAX])
{
    struct stat st;
    if (!is_external())
        return sim_path(out, "/var/lib/mysql");
    if (!stat(sim_path(out, "/external-db"), &st))
        return out;
    return sim_path(out, "/tmp/external-db-empty");
}

static void note_unclean_stop(void)
{
    // An external mysqld lives on when the server goes.
    if (is_external() || db_was_new() || json_is_true(json_object_get(db_meta(), "clean")))
        return;
    sim_mysql_log("InnoDB: Database was not shut down normally!");
    sim_mysql_log("InnoDB: Starting crash recovery.");
    sim_log("WARN", "InnoDB: crash recovery");
    db_bump("uncleanStops");
}

static int make_folders(void)
{
    static const char *const names[] = {"/var/lib/mysql", "/var/log/mysql", "/var/lib/cattle",
                                        "/var/run/mysqld", "/tmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[SIM_PATH_MAX];
        if (sim_mkdirs(sim_path(path, names[i]))) {
            sim_log("ERROR", "create %s: %s", path, strerror(errno));
            return -1;
        }
    }
    return 0;
}

static void set_signals(void)
{
    // PID 1 gets no default action for signals: without these a docker stop would wait for its
    // SIGKILL.
    struct sigaction end = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGCHLD, &ignore, NULL);
}

int server_main(void)
{
    char folder[SIM_PATH_MAX];
    set_signals();
    sim_base = event_base_new();
    if (!sim_base || make_folders())
        return 1;
    instance_init();
    service_init();
    host_init();
    pulltask_init();
    requests_open();
    events_open();
    if (db_open(data_folder(folder)))
        return 1;
    note_unclean_stop();
    if (db_checkpoint(false))
        return 1;
    sim_mysql_log("[Note] /usr/sbin/mysqld: ready for connections.");
    if (!is_external() && mysqld_listen(clean_shutdown))
        return 1;
    next_phase(2, phase_liquibase);
    event_base_dispatch(sim_base);
    return exit_status;
}
