/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PAGE_H
#define DROVER_APPLY_PAGE_H

/*
 * A record (apply/record.h) as one HTML page for people who were not there: no scripts, nothing from outside, and all that
 * came from outside escaped. apply/page.css is in it.
 */

#include <jansson.h>

#include "lib/err.h"

/* Could a file be written at this path? Tried, and nothing is left of it: DR_ERR_IO is to be had before anything begins.
 * A file that is there already is replaced when it is empty or such a page; any other one: DR_ERR_REFUSED. */
int dr_page_check(const char *path, struct dr_err *err);

/* Writes the page there: whole, or not at all. What is there is looked at again. */
int dr_page_save(const char *path, const json_t *record, struct dr_err *err);

#endif
