/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"

int dr_log_read_form(const char *text, enum dr_log_form *ret_form)
{
    static const char *const names[] = {
        [DR_LOG_AUTO] = "auto",
        [DR_LOG_PLAIN] = "plain",
        [DR_LOG_NONE] = "none",
        [DR_LOG_JSON] = "json",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_form = (enum dr_log_form)i;
            return 0;
        }
    }
    return -1;
}

void dr_log_init(struct dr_log *log, int verbosity, enum dr_log_form form)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;

    log->verbosity = verbosity;
    log->form = form;
    log->who = NULL;
    log->terminal = terminal && form == DR_LOG_AUTO;
    log->colour = terminal && form != DR_LOG_JSON && !(no_colour && *no_colour);
}

struct dr_log dr_log_of(const struct dr_log *log, const char *who)
{
    struct dr_log own = *log;

    own.who = who;
    own.terminal = false;
    return own;
}

/* One object, one line. What cannot be told for want of memory is not told. */
static void put_json(json_t *object)
{
    dr_autofree char *text = object ? dr_json_text(object, false, NULL) : NULL;

    if (text)
        fprintf(stderr, "%s\n", text);
    json_decref(object);
}

/* Without control characters. A character that was cut through makes it ASCII. */
static json_t *text_json(char *text)
{
    json_t *string;

    for (char *part = text, *next; part; part = next) {
        next = strchr(part, '\n');
        if (next)
            *next = '\0';
        dr_text_clean(part);
        if (next)
            *next++ = '\n';
    }
    string = json_string(text);
    if (string)
        return string;
    for (char *c = text; *c; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    return json_string(text);
}

static void put_lines(const char *who, const char *prefix, char *text)
{
    for (char *part = text, *next; part; part = next) {
        next = strchr(part, '\n');
        if (next)
            *next++ = '\0';
        dr_text_clean(part);
        fprintf(stderr, "%s%s%s%s\n", who ? who : "", who ? ": " : "", prefix, part);
    }
}

__attribute__((format(printf, 4, 0))) static void put(const struct dr_log *log, const char *level,
                                                      const char *prefix, const char *format,
                                                      va_list args)
{
    char text[2048];

    fflush(stdout); /* so that a log of both streams has them in order */
    vsnprintf(text, sizeof text, format, args);
    if (log->form == DR_LOG_JSON)
        put_json(json_pack("{s:s, s:s, s:s*, s:o}", "event", "message", "level", level, "registry",
                           log->who, "text", text_json(text)));
    else
        put_lines(log->who, prefix, text);
}

void dr_log_say(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    if (log->verbosity < 0)
        return;
    va_start(args, format);
    put(log, "info", "", format, args);
    va_end(args);
}

void dr_log_detail(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    if (log->verbosity < 1)
        return;
    va_start(args, format);
    put(log, "detail", "", format, args);
    va_end(args);
}

void dr_log_warn(const struct dr_log *log, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(log, "warning", log->colour ? "\033[33mwarning:\033[0m " : "warning: ", format, args);
    va_end(args);
}

void dr_log_error(const struct dr_log *log, const char *command, const struct dr_err *err)
{
    char text[sizeof err->text];

    fflush(stdout);
    if (log->form != DR_LOG_JSON) {
        fprintf(stderr, "drover %s: %s\n", command, err->text);
        return;
    }
    memcpy(text, err->text, sizeof text);
    put_json(json_pack("{s:s, s:s, s:i, s:o}", "event", "error", "command", command, "status",
                       dr_code_status(err->code), "text", text_json(text)));
}

/* Without a terminal a line every 10 seconds is enough for a log file. */
static double interval(const struct dr_progress *progress)
{
    if (progress->log->terminal)
        return 0.1;
    return progress->log->form == DR_LOG_JSON ? 1 : 10;
}

/* What remains, in seconds; below 0: nobody knows. */
static double time_left(const struct dr_progress *progress, double rate)
{
    if (rate <= 0 || progress->total < progress->done)
        return -1;
    return (double)(progress->total - progress->done) / rate;
}

static void draw_json(const struct dr_progress *progress, double rate)
{
    double left = time_left(progress, rate);
    bool known = progress->total > 0;

    put_json(json_pack("{s:s, s:s*, s:s, s:I, s:o, s:I, s:I, s:o}", "event", "progress", "registry",
                       progress->log->who, "verb", progress->verb, "done",
                       (json_int_t)progress->done, "total",
                       known ? json_integer((json_int_t)progress->total) : json_null(), "rate",
                       (json_int_t)rate, "seconds", (json_int_t)dr_progress_seconds(progress),
                       "left", known && left >= 0 ? json_integer((json_int_t)left) : json_null()));
}

static void draw_text(const struct dr_progress *progress, double rate)
{
    double left = time_left(progress, rate);
    bool terminal = progress->log->terminal;
    char done[16];
    char total[16];
    char speed[16];
    char time[16] = "?";

    dr_text_size(progress->done, done);
    dr_text_size(progress->total, total);
    dr_text_size((uint64_t)rate, speed);
    if (left >= 0)
        dr_text_seconds(left, time);
    flockfile(stderr);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (progress->log->who)
        fprintf(stderr, "%s: ", progress->log->who);
    if (progress->total == 0)
        fprintf(stderr, "%s %s, %s/s", progress->verb, done, speed);
    else
        fprintf(stderr, "%s %3u%%, %s of %s, %s/s, %s left", progress->verb,
                (unsigned)((double)progress->done * 100 / (double)progress->total), done, total,
                speed, time);
    if (!terminal)
        fputc('\n', stderr);
    fflush(stderr);
    funlockfile(stderr);
}

static void draw(const struct dr_progress *progress)
{
    double seconds = dr_progress_seconds(progress);
    double rate = seconds > 0.2 ? (double)progress->done / seconds : 0;

    if (progress->log->form == DR_LOG_JSON)
        draw_json(progress, rate);
    else
        draw_text(progress, rate);
}

static bool is_drawn(const struct dr_progress *progress)
{
    return progress->log->verbosity >= 0 && progress->log->form != DR_LOG_NONE;
}

void dr_progress_start(struct dr_progress *progress, const struct dr_log *log, const char *verb,
                       uint64_t total)
{
    *progress = (struct dr_progress){.log = log, .verb = verb, .total = total};
    progress->started = progress->drawn = dr_clock();
    if (log->form == DR_LOG_JSON && is_drawn(progress))
        draw(progress);
}

void dr_progress_add(struct dr_progress *progress, uint64_t bytes)
{
    double now = dr_clock();

    progress->done += bytes;
    if (!is_drawn(progress) || now - progress->drawn < interval(progress))
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
    if (!is_drawn(progress))
        return;
    if (progress->log->terminal)
        fputs("\r\033[K", stderr);
    else if (progress->log->form == DR_LOG_JSON)
        draw(progress);
}

double dr_progress_seconds(const struct dr_progress *progress)
{
    return dr_clock() - progress->started;
}
