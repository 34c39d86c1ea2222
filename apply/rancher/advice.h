/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_ADVICE_H
#define DROVER_APPLY_RANCHER_ADVICE_H

/*
 * What an operator can do about what a host's engine said when it could not pull an image.
 */

#include "lib/err.h"

/* Appends the remedy for the engine's words `why` about `image` to `err`, where there is a usual
 * one. Returns -1. */
int dr_advise_pull(struct dr_err *err, const char *why, const char *image);

#endif
