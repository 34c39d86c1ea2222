/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_DESCRIPTION_H
#define DROVER_APPLY_DESCRIPTION_H

/* The new container's description as apply/server/spec.h wants it, out of the journal's document. */

#include <jansson.h>

#include "apply/server/spec.h"

#define DR_VARIABLES_MAX 8

struct dr_description {
    struct dr_spec_input input; /* borrows from the document and from `variables`: do not move */
    const char *variables[DR_VARIABLES_MAX + 1];
};

/* `api` is the engine's agreed version. */
void dr_description_read(const json_t *state, unsigned api, struct dr_description *ret_description);

#endif
