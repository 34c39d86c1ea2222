/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_ADDRESS_H
#define DROVER_MIRROR_SERVE_ADDRESS_H

/* Where to listen: ADDR, ADDR:PORT, :PORT (every address of this machine), [ADDR6]:PORT; the port is 5000 unless said. */

#include <stdbool.h>

#include "lib/err.h"

/* With its NUL; "[", the longest address of IPv6 with a scope, "]:", a port. */
#define DR_ADDRESS_TEXT 80

struct dr_address {
    int fd;                     /* bound, but not listening yet: nobody can connect. Owned */
    char text[DR_ADDRESS_TEXT]; /* what it was bound to: "127.0.0.1:5000" */
    bool loopback;              /* this machine alone reaches it */
    bool any;                   /* every address of this machine */
};

#define DR_ADDRESS_INIT                                                                            \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* DR_ERR_USAGE: not of that form; DR_ERR_REFUSED: another program has it, or this machine has not. */
int dr_address_bind(const char *text, struct dr_address *ret_address, struct dr_err *err);

#endif
