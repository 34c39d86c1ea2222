/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_CANDIDATES_H
#define DROVER_BUNDLE_PARITY_CANDIDATES_H

/* The files that may be of a bundle that is to be repaired, before anybody has looked into them: what was named, and what
 * in the folders has a label or is called as it should be (bundle/parity/find.h). Each file is there once. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

struct dr_candidate {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    bool named; /* on the command line */
    bool asked; /* in a folder that was; not only beside a file */
};

#define DR_CANDIDATES_MAX 1200

struct dr_candidates {
    struct dr_candidate *items;
    size_t count;
    char *output; /* what the bundle is called, if a file was named: without .001, .p01, .parity */
};

#define DR_CANDIDATES_INIT                                                                         \
    {                                                                                              \
        .items = NULL                                                                              \
    }

/* A file and the folder that it is in, or a folder. */
int dr_candidates_add(struct dr_candidates *candidates, const char *path, struct dr_err *err);

/* A folder that was named. */
int dr_candidates_add_folder(struct dr_candidates *candidates, const char *folder,
                             struct dr_err *err);

void dr_candidates_release(struct dr_candidates *candidates);
#define dr_auto_candidates __attribute__((cleanup(dr_candidates_release)))

/* Is it called like the bundle, or like a volume or a parity file of it? False where no file was named. */
bool dr_candidates_is_called_so(const struct dr_candidates *candidates, const char *path);

/* Cuts .001, .p01 or .parity off. */
void dr_candidates_strip(char *name);

#endif
