/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_TEXT_H
#define DROVER_LIB_TEXT_H

/*
 * Small helpers for NUL-terminated text. Functions that return `char *` return owned memory
 * (free(), or dr_autofree), NULL only when memory is out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/err.h"

/* printf into fresh memory; NULL and `err` set when memory is out. */
char *dr_text_format(struct dr_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A copy of `text`; NULL and `err` set when memory is out. */
char *dr_text_copy(const char *text, struct dr_err *err);

/* Replaces control characters (C0, DEL, and the bytes of UTF-8 C1 controls) and bytes that are no
 * UTF-8 by '?', in place: foreign text must not drive a terminal or forge a log line, and a text
 * that was cut in the middle of a character must still go into JSON. */
void dr_text_clean(char *text);

/* Prints it so. */
void dr_text_print(const char *text, FILE *to);

/* Bytes of the character that `text` (not empty) begins with, 0 when that is no well-formed UTF-8
 * (RFC 3629 §4). */
size_t dr_text_character(const char *text);

/* Copies `text` into an array of `room` bytes; -1 when it does not fit with its NUL (nothing is
 * written). */
int dr_text_put(char *to, size_t room, const char *text);

bool dr_text_starts(const char *text, const char *prefix);
bool dr_text_ends(const char *text, const char *suffix);

/* Decimal digits only, no sign, no spaces, at most `max`. */
int dr_text_uint64(const char *text, uint64_t max, uint64_t *ret_value, struct dr_err *err);

/* Lower-case hex of `size` bytes; `ret_hex` has room for 2 * size + 1. */
void dr_text_hex(const void *bytes, size_t size, char *ret_hex);

/* The inverse: exactly 2 * size lower-case hex digits, else -1. */
int dr_text_unhex(const char *hex, void *ret_bytes, size_t size);

/* "1.4 MB"-style size in decimal units, as docker prints them. `ret` has room for 16 bytes. */
void dr_text_size(uint64_t bytes, char ret[16]);

/* A number of bytes as people write it, from 1 to `max`: digits, and as they like a unit, one of k, M, G, T in either
 * case, which are powers of 1024; with a B behind (kB, MB), powers of 1000. -1: it is none. */
int dr_text_bytes(const char *text, uint64_t max, uint64_t *ret_bytes);

/* "2m05s"-style duration. `ret` has room for 16 bytes. */
void dr_text_seconds(double seconds, char ret[16]);

/* Standard base64 of `size` bytes (RFC 4648 §4, or §5 with `url`, always padded). Owned. */
char *dr_text_base64(const void *bytes, size_t size, bool url, struct dr_err *err);

/* The inverse of the standard alphabet, padded: at most `room` bytes, else -1. */
int dr_text_unbase64(const char *text, void *ret_bytes, size_t room, size_t *ret_size);

/* Seconds since the epoch as RFC 3339 in UTC, "2016-05-26T18:13:38Z". `ret` has room for 32 bytes.
 */
void dr_text_time(int64_t seconds, char ret[32]);

/* The inverse, of exactly that form: -1 when it is none, or not in the calendar. */
int dr_text_untime(const char *text, int64_t *ret_seconds);

/* "183 days", "5 hours", "1 minute": the largest unit of which there are at least two, for people. `ret` has room for
 * 32 bytes. */
void dr_text_age(uint64_t seconds, char ret[32]);

/* A span of time: digits and a unit, one of s, m, h, d ("90d"), or digits alone, which are seconds;
 * at most a hundred years. */
int dr_text_span(const char *text, uint64_t *ret_seconds, struct dr_err *err);

/* Such a time for a file's name, "20160526T181338Z": tar takes "a:b" for file b on machine a. */
void dr_text_stamp(const char *time, char ret[32]);

#endif
