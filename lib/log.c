/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/stop.h"
#include "lib/text.h"

void dr_log_init(struct dr_log *log, int verbosity)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    log->verbosity = verbosity;
    log->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    log->colour = log->terminal && !(no_colour && *no_colour);
}

__attribute__((format(printf, 2, 0))) static void line(const char *prefix, const char *format,
                                                       va_list args)
{
    char text[2048];

    fflush(stdout); /* so that a log of both streams has them in order */
    vsnprintf(text, sizeof text, format, args);
    for (char *part = text, *next; part; part = next) {
        next = strchr(part, '\n');
        if (next)
            *next++ = '\0';
        dr_text_clean(part);
        fprintf(stderr, "%s%s\n", prefix, part);
    }
}

void dr_log_say(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    if (log->verbosity < 0)
        return;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

void dr_log_detail(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    if (log->verbosity < 1)
        return;
    va_start(args, format);
    line("", format, args);
    va_end(args);
}

void dr_log_warn(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line(log->colour ? "\033[33mwarning:\033[0m " : "warning: ", format, args);
    va_end(args);
}

/* Without a terminal a line every 10 seconds is enough for a log file. */
static double interval(const struct dr_progress *progress)
{
    return progress->log->terminal ? 0.1 : 10;
}

static void draw(struct dr_progress *progress)
{
    double seconds = dr_progress_seconds(progress);
    double rate = seconds > 0.2 ? (double)progress->done / seconds : 0;
    unsigned percent =
        progress->total ? (unsigned)((double)progress->done * 100 / (double)progress->total) : 100;
    char done[16];
    char total[16];
    char speed[16];
    char left[16] = "?";

    dr_text_size(progress->done, done);
    dr_text_size(progress->total, total);
    dr_text_size((uint64_t)rate, speed);
    if (rate > 0 && progress->total >= progress->done)
        dr_text_seconds((double)(progress->total - progress->done) / rate, left);
    if (progress->log->terminal)
        fprintf(stderr, "\r\033[K%s %3u%%  %s of %s  %s/s  %s left", progress->verb, percent, done,
                total, speed, left);
    else
        fprintf(stderr, "%s %u%%, %s of %s, %s/s, %s left\n", progress->verb, percent, done, total,
                speed, left);
    fflush(stderr);
}

void dr_progress_start(struct dr_progress *progress, const struct dr_log *log, const char *verb,
                       uint64_t total)
{
    *progress = (struct dr_progress){.log = log, .verb = verb, .total = total};
    progress->started = progress->drawn = dr_clock();
}

void dr_progress_add(struct dr_progress *progress, uint64_t bytes)
{
    double now = dr_clock();

    progress->done += bytes;
    if (progress->log->verbosity < 0 || now - progress->drawn < interval(progress))
        return;
    progress->drawn = now;
    draw(progress);
}

void dr_progress_take_back(struct dr_progress *progress, uint64_t bytes)
{
    progress->done -= bytes < progress->done ? bytes : progress->done;
}

void dr_progress_end(struct dr_progress *progress)
{
    if (progress->log->terminal && progress->log->verbosity >= 0)
        fputs("\r\033[K", stderr);
}

double dr_progress_seconds(const struct dr_progress *progress)
{
    return dr_clock() - progress->started;
}
