/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_COPIES_H
#define DROVER_APPLY_COPIES_H

/*
 * The copies of databases that upgrades have left: `drover backup verify`, and how many of them are kept.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* Is that file a copy of a server's database, and whole? Its hash against FILE.sha256, the archive to its end, InnoDB's
 * and MySQL's own tables in it, all of one owner who is not root. Told on stdout; DR_ERR_VERIFY when something is
 * wrong. */
int dr_copies_verify(const char *file, bool json, struct dr_err *err);

/* Removes all but the newest `keep` copies of this container's database from the folder of `file` (a copy itself,
 * "<folder>/<container>-<version>-<stamp>.tar.gz"), with what lies beside each under its name. `file` always stays,
 * and so does what is no key of `own` (dr_journal_copies()): other hosts may keep theirs there, of servers of the same
 * name. How many went: `ret_count`. */
int dr_copies_thin(const char *file, const char *container, const json_t *own, uint64_t keep,
                   unsigned *ret_count, struct dr_err *err);

#endif
