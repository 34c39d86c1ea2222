/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_CHECK_H
#define DROVER_BUNDLE_FILE_CHECK_H

/* dr_bundle_hash_layers() as the commands do it: with progress, and with the bundle's name in errors. */

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"

/* Of layers that could not be read as they were signed: appends what to do about the file. Volumes have said that
 * already, each for itself. Returns -1. */
int dr_bundle_advise_damage(const struct dr_bundle *bundle, struct dr_err *err);

/* `path` is for people. With `say` it also tells that all was good, and how long it took. */
int dr_bundle_check_layers(struct dr_bundle *bundle, const char *path, bool say,
                           const struct dr_log *log, struct dr_err *err);

#endif
