/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_LOG_H
#define DROVER_LIB_LOG_H

/*
 * Talk for people, on stderr; results go to stdout and not through here. A `struct dr_log` is made
 * with the command line and handed down: no global. Progress is one line that is redrawn on a
 * terminal (with rate and time left), and one plain line every few seconds otherwise.
 *
 * For programs the same talk is JSON, one object per line (drover-bundle(1), PROGRESS):
 *     {"event": "progress", "verb": "fetch", "done": 1, "total": 2, "rate": 1, "seconds": 1, "left": 1}
 *     {"event": "message", "level": "info", "text": "..."}       level: detail, info, warning
 *     {"event": "error", "command": "bundle", "status": 4, "text": "..."}     the last line
 *
 *     dr_log_say(log, "verified %s: signature and every byte", path);
 *     struct dr_progress progress;
 *     dr_progress_start(&progress, log, "fetch", total_bytes);
 *     dr_progress_add(&progress, n);      as often as you like: it draws at most 10 times a second
 *     dr_progress_end(&progress);         clears the line; says nothing by itself
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum dr_log_form {
    DR_LOG_AUTO,  /* progress is redrawn on a terminal, else lines */
    DR_LOG_PLAIN, /* lines on a terminal too */
    DR_LOG_NONE,  /* no progress */
    DR_LOG_JSON,  /* everything as JSON */
};

struct dr_log {
    int verbosity; /* -1: only warnings (-q), 0: normal, 1: details (-v) */
    enum dr_log_form form;
    bool terminal; /* progress is redrawn */
    bool colour;
    const char *who; /* where several work at once: which of them talks; NULL: nobody else does */
};

/* For one of several that work at once, each in a thread of its own: every line begins with `who`, and
 * progress comes in lines. Borrows `who`. */
struct dr_log dr_log_of(const struct dr_log *log, const char *who);

/* "auto", "plain", "none" or "json"; -1: none of them. */
int dr_log_read_form(const char *text, enum dr_log_form *ret_form);

void dr_log_init(struct dr_log *log, int verbosity, enum dr_log_form form);

/* One line each. say: unless -q. detail: with -v. warn: always, prefixed "warning: ". */
void dr_log_say(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dr_log_detail(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dr_log_warn(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "drover COMMAND: TEXT", as the last line of a run that failed. */
void dr_log_error(const struct dr_log *log, const char *command, const struct dr_err *err);

/* `total` 0: it is not known. */
struct dr_progress {
    const struct dr_log *log;
    const char *verb;
    uint64_t done;
    uint64_t total;
    double started;
    double drawn;
};

void dr_progress_start(struct dr_progress *progress, const struct dr_log *log, const char *verb,
                       uint64_t total);
void dr_progress_add(struct dr_progress *progress, uint64_t bytes);

/* Takes back what a failed and repeated transfer had added. */
void dr_progress_take_back(struct dr_progress *progress, uint64_t bytes);
void dr_progress_end(struct dr_progress *progress);

/* Seconds since the start. */
double dr_progress_seconds(const struct dr_progress *progress);

#endif
