/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_POLICY_H
#define DROVER_BUNDLE_FILE_POLICY_H

/*
 * What a receiver demands of a bundle that is authentic: that it is neither expired nor too old, that it is of his
 * channel, and that no newer one was taken before. All of it stands in bundle.json, so it is asked after the signature
 * and before anything else of the content is used.
 */

#include "bundle/file/content.h"
#include "bundle/file/trust.h"
#include "lib/err.h"

/* DR_ERR_REFUSED says what is wrong with the bundle, or with this machine's clock. Where trust->state is there, what
 * was accepted is noted in it. Does nothing for trust->unverified. */
int dr_policy_check(const struct dr_bundle_trust *trust, const struct dr_bundle_about *about,
                    struct dr_err *err);

#endif
