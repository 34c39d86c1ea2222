/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ERR_H
#define DROVER_LIB_ERR_H

/*
 * The one error idiom of drover.
 *
 * A function that can fail takes `struct dr_err *err` as its last argument and returns 0 or -1 (or
 * a pointer, NULL on failure). On success `err` is untouched; on failure it holds a code and one
 * sentence.
 *
 *     if (fd < 0)
 *         return dr_fail_errno(err, DR_ERR_IO, "open '%s'", path);
 *     if (dr_bundle_open(path, &bundle, err) < 0)
 *         return dr_err_wrap(err, "verify '%s'", path);
 *
 * The sentence says what was being done, to what, and what went wrong; where there is a next step
 * for the operator, it follows after a semicolon or as a second sentence. Lower case, no full stop
 * at the end. Credentials never enter it. The value lives on the caller's stack: nothing to free,
 * works without memory. Only main() prints errors, only main() exits. Broken promises of our own
 * code are assert(), not errors.
 */

#include <stdarg.h>

/* The codes, the exit statuses and the words of docs/exit-status.md. A code exists only where a
 * script or a caller acts on it; details go into the text. */
#define DR_CODES(X)                                                                                \
    X(INTERNAL, 1, "out of memory or a defect of drover itself")                                   \
    X(USAGE, 2, "the command line is wrong")                                                       \
    X(IO, 3, "a local file, folder or disk: missing, unreadable, full")                            \
    X(NET, 4, "a server could not be reached, broke off, or answered nonsense or 5xx")             \
    X(AUTH, 5, "a server wants credentials, or refuses those it got")                              \
    X(ABSENT, 6, "an image, tag, layer or container that was asked for is not there")              \
    X(VERIFY, 7, "signature, hash or form of a bundle is wrong: do not use it")                    \
    X(FORMAT, 8, "a document from a server or a user is malformed or beyond our limits")           \
    X(REFUSED, 9, "a precondition does not hold, so nothing was changed")                          \
    X(ENGINE, 10, "the Docker engine failed at what it was asked")                                 \
    X(RANCHER, 11, "Rancher failed at what it was asked")                                          \
    X(STOPPED, 12, "stopped in the middle; run the same command again to continue")                \
    X(PROOF, 13, "the work was done but a check of the result failed")

enum dr_code {
    DR_OK = 0,
#define DR_CODE_ENUM(name, status, words) DR_ERR_##name,
    DR_CODES(DR_CODE_ENUM)
#undef DR_CODE_ENUM
};

#define DR_ERR_TEXT_MAX 1024

struct dr_err {
    enum dr_code code;
    char text[DR_ERR_TEXT_MAX];
};

#define DR_ERR_INIT                                                                                \
    {                                                                                              \
        .code = DR_OK                                                                              \
    }

/* Fills `err` and returns -1. Control characters in the result are replaced, since texts often
 * quote foreign input. A longer text is cut. `err` may be NULL where a caller only wants to know
 * whether it worked. */
int dr_fail(struct dr_err *err, enum dr_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As dr_fail(), with ": " and the text of errno appended. */
int dr_fail_errno(struct dr_err *err, enum dr_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* dr_fail() for "malloc returned NULL". */
int dr_fail_memory(struct dr_err *err);

/* Puts context in front of the text: "<context>: <text>". Keeps the code. Returns -1. */
int dr_err_wrap(struct dr_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends advice: "<text>; <advice>". Returns -1. */
int dr_err_advise(struct dr_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The process exit status for a code; 0 for DR_OK. */
int dr_code_status(enum dr_code code);

/* One line of words for a code, from the table above. Borrowed. */
const char *dr_code_words(enum dr_code code);

#endif
