/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_PLACE_H
#define DROVER_CLI_PLACE_H

/* What the commands that change a server share: where their files are, and Rancher. */

#include "apply/apply.h"
#include "cli/cli.h"

/* A journal outlives this process and its working directory: makes `*path` absolute, owned by `*ret_owned` then. */
int dr_place_absolute(const char **path, char **ret_owned, struct dr_err *err);

/* RANCHER_ACCESS_KEY and RANCHER_SECRET_KEY. (RANCHER_URL is a setting: cli/settings.h.) */
void dr_place_rancher(struct dr_apply_options *options);

/* --insecure-registry names hosts, with or without port, as the engine's option does: is this registry's among them? */
bool dr_place_insecure(const struct dr_list *hosts, const char *registry);

#endif
