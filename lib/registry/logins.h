/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_LOGINS_H
#define DROVER_LIB_REGISTRY_LOGINS_H

/*
 * The logins for one registry, from where `docker login` and `podman login` leave them: the file
 * named by REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json, else ~/.docker/config.json; there
 *
 *     auths.HOST                     for the whole registry: `auth` (base64 of user:password),
 *                                    `username` and `password`, or `identitytoken`
 *     auths."HOST/NAMESPACE"         podman's: only for repositories below; the longest one counts
 *     credHelpers.HOST, credsStore   a program that knows, and comes before `auths`
 *
 * A helper is asked when a registry wants a login and not before: it may want to be unlocked.
 */

#include <stddef.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/registry/credential.h"

struct dr_login {
    char *scope;  /* "" for the whole registry, or the namespace */
    char *helper; /* still to be asked; NULL: none */
    struct dr_credential credential;
};

struct dr_logins {
    char *host;
    struct dr_login *items; /* the longest namespace first */
    size_t count;
    char *looked; /* in words, for errors: where logins were looked for, and what was wrong there */
};

/* `host` as in an image reference ("docker.io", "reg:5000"). No file, or nothing for this host in
 * it, is no error. DR_ERR_FORMAT: the file is not what it should be; DR_ERR_IO: it can't be read,
 * or REGISTRY_AUTH_FILE names none. */
int dr_logins_find(const char *host, struct dr_logins *ret_logins, struct dr_err *err);

/* The same from one file. */
int dr_logins_read(const char *path, const char *host, struct dr_logins *ret_logins,
                   struct dr_err *err);
void dr_logins_release(struct dr_logins *logins);
#define dr_auto_logins __attribute__((cleanup(dr_logins_release)))

/* The login for a repository ("" : for the registry as such) as far as it is known: NULL when there is
 * none. Borrowed. */
const struct dr_credential *dr_logins_get(const struct dr_logins *logins, const char *repository);

/* Asks the helper that this takes, if it was not asked yet. That it can't be had is a warning: the
 * registry may let anybody in. -1: stopped. */
int dr_logins_complete(struct dr_logins *logins, const char *repository, const struct dr_log *log,
                       struct dr_err *err);

#endif
