/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PAGE_TIMELINE_H
#define DROVER_APPLY_PAGE_TIMELINE_H

/* The timeline of a page (apply/page.h): every row with a bar that shows when, and for how long. */

#include <jansson.h>

#include "lib/html.h"

/* Nothing for a record without one. */
void dr_page_timeline(struct dr_html *html, const json_t *record);

#endif
