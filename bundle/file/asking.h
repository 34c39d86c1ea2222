/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_ASKING_H
#define DROVER_BUNDLE_FILE_ASKING_H

/*
 * Asks whoever stands at the drive for the next medium. While somebody is asked nothing is held open, so that the old one
 * can be taken out; the folders are looked at every second, and at once when Enter is pressed. What is in there instead
 * of what is wanted is told once.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bundle/file/volumes.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_asking {
    const struct dr_log *log;
    struct dr_progress
        *progress;   /* taken off the terminal, and stopped, meanwhile; NULL: there is none */
    char asked[512]; /* the last question: not to be repeated */
    char told[512];  /* the last answer likewise */
};

/* A dr_volumes_wait_fn, its context a struct dr_asking: the first medium. */
int dr_asking_first(void *asking, const struct dr_volumes *volumes, struct dr_err *err);

/* Waits until one of the volumes is here for which `wanted` (by number - 1) is true. `first`: the one that is best, and
 * asked for; 0: the first of them. Afterwards `volumes` has what is here. DR_ERR_STOPPED: the operator ended it. */
int dr_asking_volume(struct dr_asking *asking, struct dr_volumes *volumes, const bool *wanted,
                     uint64_t first, struct dr_err *err);

#endif
