/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_BACKUP_H
#define DROVER_APPLY_SERVER_BACKUP_H

/*
 * A copy of the database's folder, taken from a stopped container: one FILE.tar.gz with owners and modes as the
 * engine streams them (names begin with "mysql/"), FILE.tar.gz.sha256 beside it as sha256sum -c reads it. Both are
 * complete and on the disk, or not there. `tar` alone restores it.
 */

#include <jansson.h>
#include <stdint.h>

#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_backup_order {
    struct dr_engine *engine;
    const char *container; /* id, stopped */
    const char *folder;    /* inside: "/var/lib/mysql" */
    const char *source;    /* the same folder on this machine, to compare with; NULL: not here */
    const char *file;      /* "/…/name.tar.gz" */
    const struct dr_log *log;
};

/* Streams, compresses, hashes, flushes, renames; then reads the file back whole (hash, form of the archive, and
 * as many entries and bytes as went in and as lie in `source`). Returns what dr_backup_check() needs:
 * {"file", "sha256", "bytes", "entries", "content_bytes"}. New reference; NULL on failure, and nothing is left
 * under the file's name. */
json_t *dr_backup_take(const struct dr_backup_order *order, struct dr_err *err);

/* Is that backup there and whole? DR_ERR_VERIFY or DR_ERR_IO when not. */
int dr_backup_check(const json_t *backup, struct dr_err *err);

#endif
