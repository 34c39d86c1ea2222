/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_CLAIM_H
#define DROVER_LIB_CLAIM_H

/*
 * Names on this machine that one process at a time may hold, whoever runs it and whatever folders it writes to: each is
 * a socket in the abstract namespace (unix(7)). It leaves no file, needs no permission, and ends with the process.
 *
 *     dr_auto_claims struct dr_claims claims = DR_CLAIMS_INIT;
 *     dr_claims_take(&claims, "apply unix:///var/run/docker.sock", err);
 */

#include <stddef.h>

#include "lib/err.h"

struct dr_claims {
    int *fds;
    size_t count;
};

#define DR_CLAIMS_INIT                                                                             \
    {                                                                                              \
        .count = 0                                                                                 \
    }

/* One more. `what` is at most 96 bytes long, the rest is ignored. Held until the release; children don't inherit it. Held
 * already, by whomever: DR_ERR_REFUSED. */
int dr_claims_take(struct dr_claims *claims, const char *what, struct dr_err *err);

void dr_claims_release(struct dr_claims *claims);
#define dr_auto_claims __attribute__((cleanup(dr_claims_release)))

#endif
