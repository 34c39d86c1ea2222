/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_TRUSTED_H
#define DROVER_CLI_TRUSTED_H

/* The public keys of --pubkey, read once, as the trust that dr_bundle_open() wants. */

#include "bundle/file/trust.h"
#include "cli/cli.h"
#include "lib/err.h"
#include "lib/key.h"

struct dr_trusted {
    struct dr_key *keys[DR_LIST_MAX];
    struct dr_bundle_trust trust; /* points to `keys`: do not move the struct */
};

/* DR_ERR_USAGE when `files` is empty; SOURCE_DATE_EPOCH has no say in what time it is. */
int dr_trusted_read(const struct dr_list *files, struct dr_trusted *ret_trusted,
                    struct dr_err *err);
void dr_trusted_release(struct dr_trusted *trusted);
#define dr_auto_trusted __attribute__((cleanup(dr_trusted_release)))

#endif
