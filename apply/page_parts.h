/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_PAGE_PARTS_H
#define DROVER_APPLY_PAGE_PARTS_H

/* The parts of a page (apply/page.h), in their order but for the timeline. Each is nothing for a record without what it
 * would tell. */

#include <jansson.h>

#include "lib/html.h"

/* The figures that people ask for first. */
void dr_page_cards(struct dr_html *html, const json_t *record);

/* What was away, and for how long. */
void dr_page_interruptions(struct dr_html *html, const json_t *record);

/* Images, counts, settings, the server's container, network agents, balancers: before and after. */
void dr_page_tables(struct dr_html *html, const json_t *record);

/* What has changed, what was left out, what cannot be seen; the copy of the database; what to look at by hand. */
void dr_page_words(struct dr_html *html, const json_t *record);

#endif
