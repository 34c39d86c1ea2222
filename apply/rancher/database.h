/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_DATABASE_H
#define DROVER_APPLY_RANCHER_DATABASE_H

/*
 * What Rancher says of its own database [rancher §7, §8]: only admins may ask, so nothing is known
 * with other keys.
 */

#include "apply/rancher/rancher.h"

struct dr_rancher_database {
    char host[128]; /* "localhost" is the server's own; "" where it can't be seen */
    bool locked;    /* the lock of the change log is held */
    char locked_by[256];
    char lock_id[64];
};

/* GET haconfigs and databasechangeloglocks. What this key may not see, or this version does not
 * have, is no failure. */
int dr_rancher_database(struct dr_rancher *rancher, struct dr_rancher_database *ret_database,
                        struct dr_err *err);

#endif
