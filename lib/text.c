/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/text.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *dr_text_format(struct dr_err *err, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        dr_fail_memory(err);
        return NULL;
    }
    return text;
}

char *dr_text_copy(const char *text, struct dr_err *err)
{
    char *copy = strdup(text);

    if (!copy)
        dr_fail_memory(err);
    return copy;
}

size_t dr_text_character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t size = *c < 0x80 ? 1 : *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < size; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] >= 0xa0) ||
        (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] >= 0x90))
        return 0;
    return size;
}

void dr_text_clean(char *text)
{
    unsigned char *c = (unsigned char *)text;

    while (*c) {
        size_t size = dr_text_character((const char *)c);

        if (size == 0 || *c < 0x20 || *c == 0x7f) {
            *c++ = '?';
        } else if (*c == 0xc2 && c[1] < 0xa0) {
            *c++ = '?';
            *c++ = '?';
        } else {
            c += size;
        }
    }
}

void dr_text_print(const char *text, FILE *to)
{
    while (*text) {
        char piece[8] = {0};
        size_t size = dr_text_character(text);

        memcpy(piece, text, size ? size : 1);
        dr_text_clean(piece);
        fputs(piece, to);
        text += size ? size : 1;
    }
}

int dr_text_put(char *to, size_t room, const char *text)
{
    size_t size = strlen(text) + 1;

    if (size > room)
        return -1;
    memcpy(to, text, size);
    return 0;
}

bool dr_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool dr_text_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);

    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

int dr_text_uint64(const char *text, uint64_t max, uint64_t *ret_value, struct dr_err *err)
{
    uint64_t value = 0;

    if (!*text)
        return dr_fail(err, DR_ERR_FORMAT, "a number is missing");
    for (const char *c = text; *c; c++) {
        unsigned digit = (unsigned)(*c - '0');

        if (*c < '0' || *c > '9')
            return dr_fail(err, DR_ERR_FORMAT, "'%.40s' is not a number", text);
        if (value > (max - digit) / 10 || digit > max)
            return dr_fail(err, DR_ERR_FORMAT, "'%.40s' is more than the allowed %llu", text,
                           (unsigned long long)max);
        value = value * 10 + digit;
    }
    *ret_value = value;
    return 0;
}

void dr_text_hex(const void *bytes, size_t size, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;

    for (size_t i = 0; i < size; i++) {
        *ret_hex++ = digits[from[i] >> 4];
        *ret_hex++ = digits[from[i] & 15];
    }
    *ret_hex = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int dr_text_unhex(const char *hex, void *ret_bytes, size_t size)
{
    unsigned char *to = ret_bytes;

    if (strnlen(hex, 2 * size + 1) != 2 * size)
        return -1;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return -1;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

void dr_text_size(uint64_t bytes, char ret[16])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(ret, 16, "%u B", (unsigned)bytes);
        return;
    }
    for (value /= 1000; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    snprintf(ret, 16, "%.1f %s", value, units[unit]);
}

int dr_text_bytes(const char *text, uint64_t max, uint64_t *ret_bytes)
{
    static const char units[] = "kmgt";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, tolower((unsigned char)text[digits])) : NULL;
    const char *rest = text + digits + (unit ? 1 : 0);
    uint64_t factor = *rest == 'B' && unit ? 1000 : 1024;
    char number[32];
    uint64_t value;

    if (factor == 1000)
        rest++;
    if (*rest || digits >= sizeof number)
        return -1;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (dr_text_uint64(number, max, &value, NULL) < 0 || value == 0)
        return -1;
    for (const char *i = units; unit && i <= unit; i++) {
        if (value > max / factor)
            return -1;
        value *= factor;
    }
    *ret_bytes = value;
    return 0;
}

void dr_text_seconds(double seconds, char ret[16])
{
    unsigned long whole = seconds > 0 ? (unsigned long)seconds : 0;

    if (seconds < 10)
        snprintf(ret, 16, "%.1fs", seconds > 0 ? seconds : 0.0);
    else if (whole < 60)
        snprintf(ret, 16, "%lus", whole);
    else if (whole < 3600)
        snprintf(ret, 16, "%lum%02lus", whole / 60, whole % 60);
    else
        snprintf(ret, 16, "%luh%02lum", whole / 3600 % 100000, whole / 60 % 60);
}

char *dr_text_base64(const void *bytes, size_t size, bool url, struct dr_err *err)
{
    char *text = size < INT_MAX / 2 ? malloc((size + 2) / 3 * 4 + 1) : NULL;

    if (!text) {
        dr_fail_memory(err);
        return NULL;
    }
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    for (char *c = text; url && *c; c++) {
        if (*c == '+')
            *c = '-';
        else if (*c == '/')
            *c = '_';
    }
    return text;
}

int dr_text_unbase64(const char *text, void *ret_bytes, size_t room, size_t *ret_size)
{
    size_t length = strlen(text);
    size_t padding = dr_text_ends(text, "==") ? 2 : dr_text_ends(text, "=");
    size_t size = length / 4 * 3 - padding;
    unsigned char *plain;
    int got;

    /* OpenSSL forgives spaces around, and counts padding as bytes. */
    if (length == 0 || length % 4 != 0 || length > INT_MAX / 2 || size > room ||
        strpbrk(text, " \t\r\n") || memchr(text, '=', length - padding))
        return -1;
    plain = malloc(length / 4 * 3);
    got = plain ? EVP_DecodeBlock(plain, (const unsigned char *)text, (int)length) : -1;
    if (got >= 0) {
        memcpy(ret_bytes, plain, size);
        *ret_size = size;
    }
    if (plain)
        explicit_bzero(plain, length / 4 * 3);
    free(plain);
    return got < 0 ? -1 : 0;
}

void dr_text_time(int64_t seconds, char ret[32])
{
    time_t when = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&when, &parts) || !strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(ret, 32, "?");
}

int dr_text_untime(const char *text, int64_t *ret_seconds)
{
    struct tm parts = {0};
    char again[32];
    int64_t seconds;

    if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return -1;
    seconds = timegm(&parts);
    dr_text_time(seconds, again);
    if (strcmp(text, again) != 0)
        return -1;
    *ret_seconds = seconds;
    return 0;
}

void dr_text_age(uint64_t seconds, char ret[32])
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    size_t unit = 0;

    while (units[unit].seconds > 1 && seconds < 2 * units[unit].seconds)
        unit++;
    seconds /= units[unit].seconds;
    snprintf(ret, 32, "%llu %s%s", (unsigned long long)seconds, units[unit].name,
             seconds == 1 ? "" : "s");
}

int dr_text_span(const char *text, uint64_t *ret_seconds, struct dr_err *err)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const uint64_t most = UINT64_C(100) * 366 * 86400;
    size_t length = strlen(text);
    uint64_t unit = 1;
    char digits[24];

    for (size_t i = 0; length > 0 && i < sizeof units / sizeof *units; i++) {
        if (text[length - 1] == units[i].letter) {
            unit = units[i].seconds;
            length--;
            break;
        }
    }
    if (length == 0 || length >= sizeof digits)
        return dr_fail(err, DR_ERR_FORMAT, "'%.40s' is no span of time like 90d, 12h or 300s",
                       text);
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (dr_text_uint64(digits, most / unit, ret_seconds, err) < 0)
        return dr_err_wrap(err, "read the span of time '%s'", text);
    *ret_seconds *= unit;
    return 0;
}

void dr_text_stamp(const char *time, char ret[32])
{
    size_t used = 0;

    for (; *time && used < 31; time++) {
        if (*time != '-' && *time != ':')
            ret[used++] = *time;
    }
    ret[used] = '\0';
}
