/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_LOG_H
#define DROVER_LIB_LOG_H

/*
 * Talk for people, on stderr; results go to stdout and not through here. A `struct dr_log` is made
 * by main() and handed down: no global. Progress is one line that is redrawn on a terminal (with
 * rate and time left), and one plain line every few seconds otherwise.
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

struct dr_log {
    int verbosity; /* -1: only warnings (-q), 0: normal, 1: details (-v) */
    bool terminal; /* stderr is a terminal */
    bool colour;
};

void dr_log_init(struct dr_log *log, int verbosity);

/* One line each. say: unless -q. detail: with -v. warn: always, prefixed "warning: ". */
void dr_log_say(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dr_log_detail(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void dr_log_warn(const struct dr_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

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
