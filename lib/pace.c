/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pace.h"

#include <stdio.h>

#include "lib/json.h"
#include "lib/text.h"

#define MINUTE 60u
#define HOUR 3600u
#define DAY 86400u

static unsigned long long up(uint64_t amount, uint64_t unit)
{
    return amount / unit + (amount % unit != 0);
}

uint64_t dr_pace_seconds(uint64_t bytes, uint64_t rate)
{
    return up(bytes, rate);
}

/* "3 h 25 min": the second unit counted in steps, and left out where there is nothing of it. */
static void put_two(unsigned long long steps, unsigned per_first, const char *first, unsigned step,
                    const char *second, char ret[40])
{
    unsigned long long rest = steps % per_first * step;

    if (rest)
        snprintf(ret, 40, "%llu %s %llu %s", steps / per_first, first, rest, second);
    else
        snprintf(ret, 40, "%llu %s", steps / per_first, first);
}

const char *dr_pace_text(uint64_t bytes, uint64_t rate, char ret[DR_PACE_TEXT])
{
    uint64_t seconds = dr_pace_seconds(bytes, rate);
    char time[40];
    char speed[16];

    if (seconds <= MINUTE)
        snprintf(time, sizeof time, "%llu s", (unsigned long long)seconds);
    else if (seconds <= 2 * HOUR)
        snprintf(time, sizeof time, "%llu min", up(seconds, MINUTE));
    else if (seconds <= 2 * DAY)
        put_two(up(seconds, 5 * MINUTE), 12, "h", 5, "min", time);
    else
        put_two(up(seconds, HOUR), 24, "days", 1, "h", time);
    dr_text_size(rate, speed);
    snprintf(ret, DR_PACE_TEXT, "about %.31s at %s/s", time, speed);
    return ret;
}

int dr_pace_json(json_t *plan, const char *key, uint64_t bytes, uint64_t rate, struct dr_err *err)
{
    return rate
               ? dr_json_set(plan, key, json_integer((json_int_t)dr_pace_seconds(bytes, rate)), err)
               : 0;
}
