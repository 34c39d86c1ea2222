/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_TOKEN_H
#define DROVER_LIB_REGISTRY_TOKEN_H

/*
 * Bearer tokens of one registry (distribution-spec token authentication): fetched from the realm of
 * a challenge, kept per scope until shortly before they expire.
 */

#include "lib/err.h"
#include "lib/registry/auth.h"
#include "lib/registry/session.h"

/* A token that is good for `scope` for some time yet; NULL: there is none. Borrowed. */
const char *dr_token_get(const struct dr_registry *registry, const char *scope);

/* Fetches a token for what the challenge demands and for `scope` (several scopes are separated by
 * spaces), in place of the one that there was. DR_ERR_AUTH when the realm is not acceptable or
 * refuses. */
int dr_token_renew(struct dr_registry *registry, const struct dr_challenge *challenge,
                   const char *scope, struct dr_err *err);

void dr_token_free_all(struct dr_registry *registry);

#endif
