/* SPDX-License-Identifier: Apache-2.0 */
#include "mysqld.h"

#include "base.h"
#include "engine.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char SOCKET[] = "/var/run/mysqld/mysqld.sock";
static const char PID[] = "/var/run/mysqld/mysqld.pid";

static void (*shutdown_callback)(void);

static void address(struct sockaddr_un *out)
{
    char path[SIM_PATH_MAX];
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "%.107s", sim_path(path, SOCKET));
}

static void serve(evutil_socket_t listener, short what, void *arg)
{
    (void)what, (void)arg;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    // A client that says nothing must not hold the server up.
    struct timeval limit = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char word[32] = "";
    ssize_t got = read(fd, word, sizeof word - 1);
    word[got > 0 ? got : 0] = 0;
    bool down = !strcmp(word, "shutdown");
    const char *text = down ? "ok\n" : "mysqld is alive\n";
    if (write(fd, text, strlen(text)) < 0)
        down = down && errno == EPIPE;
    close(fd);
    if (!down)
        return;
    // The real one closes its socket first, and takes its pid file away when all is on the disk.
    struct sockaddr_un where;
    char path[SIM_PATH_MAX];
    address(&where);
    unlink(where.sun_path);
    shutdown_callback();
    unlink(sim_path(path, PID));
}

static void write_pid(void)
{
    char path[SIM_PATH_MAX];
    FILE *file = fopen(sim_path(path, PID), "w");
    if (!file)
        return;
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

// As the real mysqladmin, which waits up to shutdown_timeout (an hour).
static void wait_for_end(void)
{
    char path[SIM_PATH_MAX];
    struct timespec tick = {.tv_nsec = 20000000};
    for (int i = 0; i < 3600 * 50 && !access(sim_path(path, PID), F_OK); i++)
        nanosleep(&tick, NULL);
}

int mysqld_listen(void (*on_shutdown)(void))
{
    struct sockaddr_un where;
    char folder[SIM_PATH_MAX];
    shutdown_callback = on_shutdown;
    sim_mkdirs(sim_path(folder, "/var/run/mysqld"));
    address(&where);
    unlink(where.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, 8)) {
        sim_log("ERROR", "mysqld socket %s: %s", where.sun_path, strerror(errno));
        return -1;
    }
    chmod(where.sun_path, 0777);
    write_pid();
    struct event *event = event_new(sim_base, fd, EV_READ | EV_PERSIST, serve, NULL);
    return event && !event_add(event, NULL) ? 0 : -1;
}

int mysqladmin_main(int argc, char **argv)
{
    const char *command = NULL;
    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-')
            command = argv[i];
    if (!command || (strcmp(command, "shutdown") && strcmp(command, "ping"))) {
        fprintf(stderr, "mysqladmin: unknown command: '%s'\n", command ? command : "");
        return 1;
    }
    struct sockaddr_un where;
    address(&where);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where)) {
        fprintf(stderr,
                "mysqladmin: connect to server at 'localhost' failed\nerror: 'Can't connect to "
                "local MySQL server through socket '%s' (%d)'\n",
                SOCKET, errno);
        return 1;
    }
    char text[64] = "";
    ssize_t got = write(fd, command, strlen(command)) < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 1;
    if (!strcmp(command, "ping"))
        fputs(text, stdout);
    else
        wait_for_end();
    return 0;
}
