/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_SUMMARY_H
#define DROVER_BUNDLE_SUMMARY_H

/* What `drover bundle` says of the file that it has made: the result on stdout, how fast and what next on stderr. */

#include <stdbool.h>
#include <stddef.h>

#include "bundle/file/content.h"
#include "bundle/file/delta.h"
#include "bundle/file/volume_set.h"
#include "bundle/file/writer.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

struct dr_summary {
    const char *output;       /* NULL: it went into a pipe, and so nothing is said on stdout */
    bool json;                /* the result is printed as JSON, read back from the disk */
    const struct dr_key *key; /* that signed it; NULL: nobody has yet */
    size_t signers;           /* signatures that it has room for */
    const struct dr_bundle_image *images;
    size_t count;
    const struct dr_writer *writer;
    const struct dr_delta *delta;        /* what it leaves out; NULL: nothing */
    const struct dr_volume_set *volumes; /* that it was split into; NULL: one file */
    double seconds;                      /* the whole run */
};

int dr_summary_print(const struct dr_summary *summary, const struct dr_log *log,
                     struct dr_err *err);

#endif
