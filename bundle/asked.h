/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_ASKED_H
#define DROVER_BUNDLE_ASKED_H

/* What the journal of OUTPUT.part (bundle/ledger.h) says of the run that it is of. */

#include <jansson.h>

#include "bundle/base.h"
#include "bundle/bundle.h"
#include "bundle/fetched.h"
#include "bundle/tools.h"
#include "bundle/wanted.h"
#include "lib/err.h"

/* What makes one run's work another's: the layout must be the same. Where it comes from may change. A new reference. */
json_t *dr_asked_new(const struct dr_bundle_options *options, const struct dr_wanted_list *wanted,
                     const struct dr_bases *bases, const struct dr_tools *tools,
                     struct dr_err *err);

/* What every wanted image was found to be: its digest by its reference. A new reference. */
json_t *dr_asked_found(const struct dr_wanted_list *wanted, const struct dr_fetched *fetched,
                       struct dr_err *err);

#endif
