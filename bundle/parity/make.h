/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_PARITY_MAKE_H
#define DROVER_BUNDLE_PARITY_MAKE_H

/*
 * Makes the parity files of a bundle that is complete (bundle/parity/parity.h). The bundle is read once, some stripes at a
 * time, in about 48 MiB of memory whatever its size. Each file is NAME.part until all are complete.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/label.h"
#include "bundle/file/volume_set.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/log.h"

/* Exactly `size` bytes of the bundle. */
typedef int dr_parity_read_fn(void *context, uint64_t offset, void *ret_data, size_t size,
                              struct dr_err *err);

struct dr_parity_wish {
    const char *output; /* of the bundle: OUTPUT.parity, or OUTPUT.p01 ... */
    unsigned percent;   /* 1 to DR_SCHEME_PERCENT_MAX */
    uint64_t limit;     /* bytes that a file may have; 0: one file, OUTPUT.parity */
    bool replace;       /* what is there under those names */
    const struct dr_volume_set *set;
    const struct dr_label *labels; /* of all volumes; NULL: the bundle is not split */
    dr_parity_read_fn *read;
    void *context;
    const struct dr_key *key;
};

/* What was made. */
struct dr_parity_made {
    unsigned files;
    uint64_t bytes;   /* of all files */
    uint64_t stripes; /* each survives that `rows` of its `columns` + `rows` chunks are lost */
    unsigned columns;
    unsigned rows;
};

#define DR_PARITY_FILES_MAX 99

/* "OUTPUT.parity" for number 0, else "OUTPUT.p01"; owned by the caller. */
char *dr_parity_path(const char *output, unsigned number, struct dr_err *err);

/* Before the bundle is made: is OUTPUT.parity (OUTPUT.p01) free? DR_ERR_REFUSED: it is not, and may not be replaced. */
int dr_parity_check_free(const char *output, bool split, bool replace, struct dr_err *err);

/* How many bytes all files would have, at most; of `wish` only percent, limit and set count. `labels_size`: of the copies of
 * all volumes' labels. */
int dr_parity_measure(const struct dr_parity_wish *wish, uint64_t labels_size, uint64_t *ret_bytes,
                      struct dr_err *err);

/* DR_ERR_REFUSED: one of the files exists; DR_ERR_USAGE: `limit` is too small; DR_ERR_IO: no room. */
int dr_parity_make(const struct dr_parity_wish *wish, const struct dr_log *log,
                   struct dr_parity_made *ret_made, struct dr_err *err);

#endif
