/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MANIFESTS_RELEASE_PARSE_H
#define DROVER_MANIFESTS_RELEASE_PARSE_H

/* The form of manifests/releases, read; only for manifests/release*.c. */

#include <jansson.h>

#include "manifests/release.h"

/* Takes over `document`; NULL, which has its reason in `err` already, gives NULL. DR_ERR_FORMAT. */
struct dr_release *dr_release_parse(json_t *document, struct dr_err *err);

#endif
