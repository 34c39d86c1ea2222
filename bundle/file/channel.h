/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_FILE_CHANNEL_H
#define DROVER_BUNDLE_FILE_CHANNEL_H

/*
 * channel.conf: what a site demands of the bundles that it takes. Lines "key = value"; empty lines and those that begin
 * with # are skipped:
 *
 *     channel = production        only bundles of this channel; "default" when it is not said
 *     threshold = 2               so many different trusted keys must have signed; 1
 *     max_age = 90d               a bundle may have been created at most so long ago; no limit
 *     max_clock_skew = 300s       how far builder's and receiver's clock may differ; 300s
 *     min_serial = 1464286418     lower serials are refused; 0
 */

#include <stdint.h>

#include "lib/err.h"

/* With its NUL. */
#define DR_CHANNEL_NAME 65

#define DR_CHANNEL_DEFAULT "default"

/* What is taken without a channel.conf, also for the clock of `--pubkey`. */
#define DR_CLOCK_SKEW_DEFAULT 300

struct dr_channel {
    char name[DR_CHANNEL_NAME];
    uint64_t threshold;
    uint64_t max_age; /* seconds; 0: no limit */
    uint64_t max_clock_skew;
    uint64_t min_serial;
};

/* Letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64: DR_ERR_FORMAT otherwise. */
int dr_channel_check_name(const char *name, struct dr_err *err);

/* A file that is not there gives the defaults. Unknown or repeated keys and bad values are DR_ERR_FORMAT naming the
 * line; a file that others may write is DR_ERR_REFUSED. */
int dr_channel_read(const char *path, struct dr_channel *ret_channel, struct dr_err *err);

#endif
