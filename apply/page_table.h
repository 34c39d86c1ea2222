/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PAGE_TABLE_H
#define DROVER_APPLY_PAGE_TABLE_H

/* Tables of a page (apply/page.h). */

#include <jansson.h>

#include "lib/html.h"

enum dr_cell {
    DR_CELL_TEXT,
    DR_CELL_CODE,   /* a reference, a path */
    DR_CELL_SPAN,   /* seconds; null is "not back" */
    DR_CELL_KNOWN,  /* seconds; null is "not known" */
    DR_CELL_TIME,   /* "2016-05-26T18:13:38Z" */
    DR_CELL_NUMBER, /* an integer */
    DR_CELL_YES,    /* a truth value */
};

/* `key` with a dot in it, "before.state", is a field of an object. What is not there is "–". */
struct dr_page_column {
    const char *head;
    const char *key;
    enum dr_cell cell;
};

/* Nothing for no rows; `columns` end with a NULL head. `caption` (may be NULL) is a heading above it. */
void dr_page_table(struct dr_html *html, const char *caption, const json_t *rows,
                   const struct dr_page_column *columns);

/* "26 May 2016 18:13:38 UTC" is what people read. As it is when it is no such time. */
void dr_page_time(struct dr_html *html, const char *time);

#endif
