/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_VOLUMES_CHOICE_H
#define DROVER_BUNDLE_FILE_VOLUMES_CHOICE_H

/*
 * Of which bundle the volumes in a folder are, where a folder was named and none of them: of the one that has most
 * there. Where two are complete, or equally so, only the operator knows.
 */

#include <stddef.h>
#include <stdint.h>

#include "bundle/file/media.h"
#include "bundle/file/volume_set.h"
#include "lib/err.h"

#define DR_VOLUMES_CHOICES 8

struct dr_volumes_choice {
    struct {
        struct dr_digest sums;
        uint64_t slice;
        uint64_t volumes; /* that it has */
        uint64_t here;
        char path[512]; /* of the first one */
        char text[DR_VOLUME_SET_TEXT];
    } items[DR_VOLUMES_CHOICES];
    size_t count;
    size_t chosen;
};

/* A dr_find_fn with the choice as its context. */
int dr_volumes_choice_add(void *choice, struct dr_find *find, struct dr_err *err);

/* Sets `chosen`, unless there is nothing. DR_ERR_REFUSED: not to be decided here. */
int dr_volumes_choice_make(struct dr_volumes_choice *choice, struct dr_err *err);

#endif
