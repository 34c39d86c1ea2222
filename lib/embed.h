/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_EMBED_H
#define DROVER_LIB_EMBED_H

/*
 * Files that are compiled into the program, so that one binary is all that has to travel. CMake's
 * drover_embed(TARGET NAME files...) makes an array `dr_<NAME>` of them, ended by a row whose name
 * is NULL; declare it where it is used:  extern const struct dr_embedded dr_<NAME>[];
 */

#include <stddef.h>

struct dr_embedded {
    const char *name; /* the file's name without folder and last extension */
    const char *text; /* its bytes, with a NUL after them */
    size_t size;      /* without that NUL */
};

#endif
