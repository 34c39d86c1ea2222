/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_ARCHIVE_H
#define DROVER_APPLY_SERVER_ARCHIVE_H

/*
 * Reads a .tar.gz from the disk, whole, to know that it can be read: libarchive understands it to its end, and on the
 * way the file is hashed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/hash.h"

struct dr_archive {
    struct dr_digest digest; /* of the file */
    uint64_t file_bytes;
    uint64_t entries;
    uint64_t content_bytes; /* of all files in it */
    bool has_ibdata;        /* ".../ibdata1", where InnoDB's tables are */
    bool has_mysql;         /* ".../mysql/", MySQL's own tables */
    int64_t uid;            /* the owner of the folder; -1: it is empty */
    int64_t gid;
    uint64_t strangers; /* entries of other owners */
};

/* Names are taken as in a copy of the database's folder: one folder that holds everything. DR_ERR_IO: the file; DR_ERR_VERIFY: it is no such archive, or cut. */
int dr_archive_read(const char *path, struct dr_archive *ret_archive, struct dr_err *err);

#endif
