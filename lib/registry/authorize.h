/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_AUTHORIZE_H
#define DROVER_LIB_REGISTRY_AUTHORIZE_H

/*
 * What an exchange shows to be let in, and what it does about a 401. The rules: nothing secret goes
 * to another origin than the registry's own; a token is fetched or renewed once per try.
 */

#include "lib/err.h"
#include "lib/registry/exchange.h"
#include "lib/registry/session.h"

/* The Authorization line for where the request goes; owned, NULL with 0: none. */
int dr_authorize_line(const struct dr_registry *registry, const struct dr_exchange *exchange,
                      char **ret_line, struct dr_err *err);

/* After a 401: gets what is asked for. 0: send it again. DR_ERR_AUTH: it can't be had, or was of no
 * use. */
int dr_authorize_again(struct dr_registry *registry, struct dr_exchange *exchange,
                       struct dr_err *err);

#endif
