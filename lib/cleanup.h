/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_CLEANUP_H
#define DROVER_LIB_CLEANUP_H

/*
 * The one way to clean up: variables that release themselves when their scope ends (the cleanup
 * attribute of gcc and clang). A module with an object of its own adds its macro beside the type,
 * named dr_auto_<noun>.
 *
 *     dr_autofree char *path = NULL;
 *     dr_autoclose int fd = -1;
 *     ...
 *     *ret_path = dr_steal(path);      hand over: the scope no longer frees it
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void dr_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void dr_cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void dr_cleanup_fclose(FILE **stream)
{
    if (*stream)
        fclose(*stream);
}

#define dr_autofree __attribute__((cleanup(dr_cleanup_free)))
#define dr_autoclose __attribute__((cleanup(dr_cleanup_close)))
#define dr_autofclose __attribute__((cleanup(dr_cleanup_fclose)))

#define dr_steal(pointer)                                                                          \
    __extension__({                                                                                \
        __typeof__(pointer) dr_stolen = (pointer);                                                 \
        (pointer) = NULL;                                                                          \
        dr_stolen;                                                                                 \
    })

static inline int dr_steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

#endif
