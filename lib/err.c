/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static const struct {
    int status;
    const char *words;
} codes[] = {[DR_OK] = {0, "success"},
#define DR_CODE_ROW(name, status, words) [DR_ERR_##name] = {status, words},
             DR_CODES(DR_CODE_ROW)
#undef DR_CODE_ROW
};

__attribute__((format(printf, 3, 0))) static void fill(struct dr_err *err, enum dr_code code,
                                                       const char *format, va_list args)
{
    if (!err)
        return;
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
    dr_text_clean(err->text);
}

static void append(struct dr_err *err, const char *separator, const char *more)
{
    size_t used = strlen(err->text);

    snprintf(err->text + used, sizeof err->text - used, "%s%s", separator, more);
    dr_text_clean(err->text);
}

int dr_fail(struct dr_err *err, enum dr_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fill(err, code, format, args);
    va_end(args);
    return -1;
}

int dr_fail_errno(struct dr_err *err, enum dr_code code, const char *format, ...)
{
    int saved = errno;
    va_list args;

    va_start(args, format);
    fill(err, code, format, args);
    va_end(args);
    if (err)
        append(err, ": ", strerror(saved));
    return -1;
}

int dr_fail_memory(struct dr_err *err)
{
    return dr_fail(err, DR_ERR_INTERNAL, "out of memory");
}

int dr_err_wrap(struct dr_err *err, const char *format, ...)
{
    char tail[DR_ERR_TEXT_MAX];
    va_list args;

    if (!err)
        return -1;
    memcpy(tail, err->text, sizeof tail);
    va_start(args, format);
    fill(err, err->code, format, args);
    va_end(args);
    append(err, ": ", tail);
    return -1;
}

int dr_err_advise(struct dr_err *err, const char *format, ...)
{
    char advice[DR_ERR_TEXT_MAX];
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(advice, sizeof advice, format, args);
    va_end(args);
    append(err, "; ", advice);
    return -1;
}

int dr_code_status(enum dr_code code)
{
    return codes[code].status;
}

const char *dr_code_words(enum dr_code code)
{
    return codes[code].words;
}
