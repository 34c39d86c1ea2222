/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_CLAIM_H
#define DROVER_LIB_CLAIM_H

/*
 * A name on this machine that one process at a time may hold, whoever runs it and whatever folders it writes to: a
 * socket in the abstract namespace (unix(7)). It leaves no file, needs no permission, and ends with the process.
 *
 *     dr_autoclose int claim = -1;
 *     dr_claim_take("apply unix:///var/run/docker.sock", &claim, err);
 */

#include "lib/err.h"

/* `what` is at most 96 bytes long, the rest is ignored. Held until `*ret_fd` is closed; children don't inherit it.
 * Held by somebody else: DR_ERR_REFUSED. */
int dr_claim_take(const char *what, int *ret_fd, struct dr_err *err);

#endif
