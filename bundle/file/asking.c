/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/asking.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/stop.h"
#include "lib/wait.h"

/* With -q too: without it, nobody would know what is waited for. */
static void say(const struct dr_asking *asking, const char *text)
{
    if (asking->progress)
        dr_progress_end(asking->progress);
    if (asking->log->verbosity < 0)
        dr_log_warn(asking->log, "%s", text);
    else
        dr_log_say(asking->log, "%s", text);
}

/* Whether it is something new. */
static bool say_once(const struct dr_asking *asking, char last[512], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool say_once(const struct dr_asking *asking, char last[512], const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strcmp(text, last) == 0)
        return false;
    memcpy(last, text, sizeof text);
    say(asking, text);
    return true;
}

/* A second, or until Enter is pressed where somebody could. */
static int pause_a_little(struct dr_err *err)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[256];

    if (dr_stop_check(err, "a medium was waited for") < 0)
        return -1;
    if (!isatty(STDIN_FILENO))
        dr_stop_sleep(dr_scaled(1));
    else if (poll(&input, 1, 1000) > 0 && read(STDIN_FILENO, line, sizeof line) <= 0)
        dr_stop_sleep(1);
    return dr_stop_check(err, "a medium was waited for");
}

static uint64_t which_is_here(const struct dr_volumes *volumes)
{
    uint64_t number = dr_volumes_set(volumes)->count;

    while (number > 0 && !dr_volumes_is_here(volumes, number))
        number--;
    return number;
}

/* What is in there, but is not what is wanted; `stale`: it was there before anybody was asked. Whether that is new. */
static bool tell_others(struct dr_asking *asking, const struct dr_volumes *volumes, uint64_t stale)
{
    size_t count;
    const struct dr_stray *strays = dr_volumes_strays(volumes, &count);
    uint64_t here = which_is_here(volumes);

    if (here > 0 && here != stale)
        return say_once(asking, asking->told, "'%s' is volume %llu, which is not needed now",
                        dr_volumes_item(volumes, here)->path, (unsigned long long)here);
    for (size_t i = 0; i < count; i++) {
        if (strays[i].kind == DR_STRAY_COPY)
            continue;
        if (strays[i].kind == DR_STRAY_FOREIGN)
            return say_once(asking, asking->told, "'%s' is %s: not of this bundle", strays[i].path,
                            strays[i].text);
        return say_once(asking, asking->told, "'%s'%s: %s", strays[i].path,
                        strays[i].kind == DR_STRAY_BAD ? " cannot be used" : "", strays[i].text);
    }
    return false;
}

int dr_asking_first(void *context, const struct dr_volumes *volumes, struct dr_err *err)
{
    struct dr_asking *asking = context;
    char where[DR_VOLUMES_TEXT];

    say_once(asking, asking->asked, "put in a volume of the bundle: in %.400s",
             dr_volumes_where(volumes, where));
    if (tell_others(asking, volumes, 0))
        *asking->asked = '\0';
    return pause_a_little(err);
}

static void ask(struct dr_asking *asking, const struct dr_volumes *volumes, const bool *wanted,
                uint64_t first)
{
    const struct dr_volume_set *set = dr_volumes_set(volumes);
    char where[DR_VOLUMES_TEXT];

    while (first == 0 || !wanted[first - 1])
        first++;
    /* What a pen writes on a medium; a wrong one is told with all that its label says. */
    say_once(asking, asking->asked, "put in volume %llu of %llu of %s%s, created %s: in %.160s",
             (unsigned long long)first, (unsigned long long)set->count,
             set->release ? "Rancher " : "images", set->release ? set->release : "", set->created,
             dr_volumes_where(volumes, where));
}

static bool is_any_here(const struct dr_volumes *volumes, const bool *wanted)
{
    for (uint64_t i = 1; i <= dr_volumes_set(volumes)->count; i++) {
        if (wanted[i - 1] && dr_volumes_is_here(volumes, i))
            return true;
    }
    return false;
}

int dr_asking_volume(struct dr_asking *asking, struct dr_volumes *volumes, const bool *wanted,
                     uint64_t first, struct dr_err *err)
{
    uint64_t stale = which_is_here(volumes);
    double started = dr_clock();

    *asking->asked = '\0';
    *asking->told = '\0';
    for (;;) {
        if (dr_volumes_look(volumes, err) < 0)
            return -1;
        if (is_any_here(volumes, wanted)) {
            if (asking->progress)
                asking->progress->started += dr_clock() - started;
            return 0;
        }
        ask(asking, volumes, wanted, first);
        if (tell_others(asking, volumes, stale))
            *asking->asked = '\0'; /* it is asked again */
        stale = which_is_here(volumes) == stale ? stale : 0;
        dr_volumes_let_go(volumes);
        if (pause_a_little(err) < 0)
            return -1;
    }
}
