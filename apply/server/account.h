/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_ACCOUNT_H
#define DROVER_APPLY_SERVER_ACCOUNT_H

/*
 * An account inside a container, read from its /etc/passwd: files on the host that it shall own need the numbers.
 */

#include <sys/types.h>

#include "lib/engine/engine.h"
#include "lib/err.h"

struct dr_account {
    uid_t uid;
    gid_t gid;
};

/* What all images of rancher/server up to v1.1 have for "mysql", as Rancher's upgrade page says. */
#define DR_ACCOUNT_MYSQL_UID 102
#define DR_ACCOUNT_MYSQL_GID 105

/* `container` need not run. A container without that account, or without the file: the documented numbers. */
int dr_account_find(struct dr_engine *engine, const char *container, const char *name,
                    struct dr_account *ret_account, struct dr_err *err);

/* The line of `name` in the text of a passwd file; -1: it has none that can be read. */
int dr_account_parse(const char *passwd, const char *name, struct dr_account *ret_account);

#endif
