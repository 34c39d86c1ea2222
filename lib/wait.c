/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/wait.h"

#include <stdlib.h>
#include <time.h>

#include "lib/stop.h"

#define PAUSE_FIRST 0.25
#define PAUSE_MOST 2.0
#define PIECE 0.2

double dr_scaled(double seconds)
{
    const char *text = getenv("DROVER_TEST_SCALE");
    double scale = text ? strtod(text, NULL) : 1;

    return scale >= 0.0001 && scale < 1 ? seconds * scale : seconds;
}

void dr_wait_start(struct dr_wait *wait, double seconds)
{
    wait->started = dr_clock();
    wait->end = wait->started + dr_scaled(seconds);
    wait->pause = PAUSE_FIRST;
    wait->steady = false;
}

/* dr_stop_sleep() returns at once when a stop is wanted: a steady wait would spin. */
static void sleep_steadily(double seconds)
{
    double end = dr_clock() + seconds;

    for (double left = seconds; left > 0; left = end - dr_clock()) {
        double piece = left < PIECE ? left : PIECE;
        struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)(piece * 1e9)};

        nanosleep(&pause, NULL);
    }
}

int dr_wait_again(struct dr_wait *wait, const char *doing, struct dr_err *err)
{
    double left = wait->end - dr_clock();
    double pause = dr_scaled(wait->pause);

    if (!wait->steady && dr_stop_check(err, doing) < 0)
        return -1;
    if (left <= 0)
        return 0;
    wait->pause = wait->pause * 1.5 < PAUSE_MOST ? wait->pause * 1.5 : PAUSE_MOST;
    if (pause > left)
        pause = left;
    if (wait->steady)
        sleep_steadily(pause);
    else
        dr_stop_sleep(pause);
    return wait->steady || dr_stop_check(err, doing) == 0 ? 1 : -1;
}

double dr_wait_seconds(const struct dr_wait *wait)
{
    return dr_clock() - wait->started;
}
