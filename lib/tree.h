/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_TREE_H
#define DROVER_LIB_TREE_H

/*
 * What lies in a folder, counted: to know how much room a copy needs, and whether a copy is whole.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct dr_tree {
    uint64_t entries; /* files, folders and symbolic links, the top folder included; nothing else */
    uint64_t bytes;   /* of files; one with several names is counted under each */
    bool linked;      /* some file has several names */
};

/* Symbolic links are not followed. A folder that can't be read is DR_ERR_IO. What vanishes while it is
 * counted does not matter: a database is at work in there. */
int dr_tree_measure(const char *path, struct dr_tree *ret_tree, struct dr_err *err);

#endif
