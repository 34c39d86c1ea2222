/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_DOCUMENT_H
#define DROVER_APPLY_DOCUMENT_H

/*
 * The files that the journal (apply/journal.h) is made of. They name the containers that are stopped and removed and the
 * copy that a rollback unpacks: so a folder or file that others than root or this process's user may write, or that is a
 * symbolic link, is DR_ERR_REFUSED.
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

#define DR_DOCUMENT_FORMAT 1

/* Who may write into the folder may put a journal there, or take one away. One that is not there holds nothing. */
int dr_document_check_folder(const char *folder, struct dr_err *err);

/* A whole journal, DR_ERR_FORMAT when this drover does not understand it; any file of the folder. New references. */
json_t *dr_document_read(const char *path, struct dr_err *err);
json_t *dr_document_part(const char *path, struct dr_err *err);

/* Written, flushed and renamed, for its owner's eyes alone. */
int dr_document_save(const char *path, const json_t *value, bool pretty, struct dr_err *err);

#endif
