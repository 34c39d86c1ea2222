/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_VIEWING_H
#define DROVER_CLI_VIEWING_H

/*
 * What the commands have in common that only look at bundles (inspect, diff): --pubkey, without which nothing is
 * verified, and --json.
 */

#include <stdbool.h>

#include "bundle/file/trust.h"
#include "cli/cli.h"
#include "cli/trusted.h"

struct dr_viewing {
    struct dr_list bundles;
    struct dr_common common;
    struct dr_list media;
    bool json;
    struct dr_trusted trusted;
    struct dr_bundle_trust trust; /* borrows from `trusted`; `unverified` without --pubkey */
};

#define DR_VIEWING_INIT                                                                            \
    {                                                                                              \
        .trusted = DR_TRUSTED_INIT                                                                 \
    }

/* Reads the command line, which names exactly `count` bundles. With --help common.help is set: return 0 at once. */
int dr_viewing_read(int argc, char **argv, size_t count, struct dr_viewing *ret_viewing,
                    struct dr_err *err);

void dr_viewing_release(struct dr_viewing *viewing);
#define dr_auto_viewing __attribute__((cleanup(dr_viewing_release)))

#endif
