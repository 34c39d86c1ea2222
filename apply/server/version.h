/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_VERSION_H
#define DROVER_APPLY_SERVER_VERSION_H

/*
 * Versions of Rancher, and which upgrades drover knows: within v1.0 and v1.1, never back.
 */

#include "lib/err.h"

struct dr_version {
    unsigned major;
    unsigned minor;
    unsigned patch;
};

/* "v1.0.2" and nothing else; -1 otherwise (a build of somebody's own is no release). */
int dr_version_parse(const char *text, struct dr_version *ret_version);

/* As memcmp(). */
int dr_version_compare(const struct dr_version *a, const struct dr_version *b);

/* May a server of version `from` (NULL: it could not be learned) become `to`? The same version is allowed: its
 * registry may change. Else DR_ERR_REFUSED with the exact reason. */
int dr_version_check(const char *from, const char *to, struct dr_err *err);

#endif
