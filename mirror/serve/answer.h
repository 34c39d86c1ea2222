/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_ANSWER_H
#define DROVER_MIRROR_SERVE_ANSWER_H

/*
 * What a registry says to a request (OCI distribution-spec 1.1, the pull category and content discovery): who may ask,
 * what is there, and no to whatever would change something.
 */

#include "mirror/serve/exchange.h"

/* Answers it, or begins to. */
void dr_serve_answer(struct dr_exchange *exchange);

#endif
