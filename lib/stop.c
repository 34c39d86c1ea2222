/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/stop.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

/* The one piece of process-wide state that drover has: a signal handler has nowhere else to write
 * to. */
static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

void dr_stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void dr_stop_ignore_hangup(void)
{
    signal(SIGHUP, SIG_IGN);
}

bool dr_stop_wanted(void)
{
    return stop_signal != 0;
}

int dr_stop_check(struct dr_err *err, const char *doing)
{
    if (!dr_stop_wanted())
        return 0;
    return dr_fail(err, DR_ERR_STOPPED, "stopped by %s while %s",
                   stop_signal == SIGTERM ? "SIGTERM" : "Ctrl-C", doing);
}

double dr_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void dr_stop_sleep(double seconds)
{
    double end = dr_clock() + seconds;

    for (double left = seconds; left > 0 && !dr_stop_wanted(); left = end - dr_clock()) {
        double piece = left < 0.1 ? left : 0.1;
        struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)(piece * 1e9)};

        nanosleep(&pause, NULL);
    }
}
