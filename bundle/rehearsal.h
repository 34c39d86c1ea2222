/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_REHEARSAL_H
#define DROVER_BUNDLE_REHEARSAL_H

/* `drover bundle --dry-run`: what a run would fetch and write, found out from manifests alone. Writes nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bundle/file/content.h"
#include "bundle/file/delta.h"
#include "bundle/file/volume_set.h"
#include "bundle/file/writer.h"
#include "bundle/ledger.h"
#include "lib/err.h"
#include "lib/pace.h"

struct dr_rehearsal {
    const char *release; /* NULL: images only */
    const char *output;  /* NULL: not said yet; then the space is that of this folder */
    bool replace;
    const struct dr_bundle_image *images;
    size_t count;
    const struct dr_writer *writer;      /* planned */
    const struct dr_volume_set *volumes; /* split; NULL: it is one file */
    uint64_t split;                      /* bytes that a volume has at most */
    unsigned parity;                     /* percent; 0: none is made */
    const struct dr_volume_set *set;     /* what that is made of */
    const struct dr_delta *delta;        /* what it leaves out; NULL: nothing */
    const json_t *bases;                 /* as the bundle says them; NULL: there are none */
    const char *const *base_files;       /* where each of them was read */
    struct dr_pace pace;
    const struct dr_past *past; /* what an earlier run left */
};

/* What OUTPUT.part, or those of its volumes, and the journal hold for a run that is asked for `asked`; nothing: past.journal is NULL. Nobody's
 * lock is taken, so a run that is at work now is one that left that. */
int dr_rehearsal_look(const char *output, const json_t *asked, struct dr_past *ret_past,
                      struct dr_err *err);

/* Prints the plan. Then what the run would fail by: DR_ERR_IO, the space is too small; DR_ERR_REFUSED, the output
 * exists. */
int dr_rehearsal_print(const struct dr_rehearsal *rehearsal, bool json, FILE *to,
                       struct dr_err *err);

#endif
