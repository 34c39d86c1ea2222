/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_VERIFY_H
#define DROVER_BUNDLE_VERIFY_H

/*
 * `drover verify` of volumes. Where all are here, the layers are compared with the signed list, as of a file, and
 * everything else with what the labels say. Where some are not, or something is wrong, each that is here is checked by
 * itself, byte for byte by its table, and it is said which are good, damaged (which bytes, of which layer), not here, of
 * another bundle, or there twice.
 *
 * On stdout a line for each volume that was checked by itself, and for everything else that was found; or JSON.
 */

#include <stdbool.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_verify_options {
    const struct dr_log *log;
    bool
        alone; /* those that are not here are not missed; of a volume that was named, only that one */
    bool json;
};

/* `ret_whole`: all are here and good, and nothing was printed. Else DR_ERR_VERIFY where one is damaged, DR_ERR_REFUSED
 * where one is missing; with `alone`, 0. */
int dr_verify_volumes(struct dr_bundle *bundle, const struct dr_verify_options *options,
                      bool *ret_whole, struct dr_err *err);

/* One after the other, as they are put in, in any order (bundle/file/asking.h). Prints everything. */
int dr_verify_media(const char *path, const struct dr_bundle_trust *trust,
                    const struct dr_verify_options *options, struct dr_err *err);

#endif
