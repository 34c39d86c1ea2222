/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_CREDENTIAL_H
#define DROVER_LIB_REGISTRY_CREDENTIAL_H

/*
 * User and password for a registry, from where `docker login` and `podman login` leave them: the
 * file named by REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json, else ~/.docker/config.json;
 * there `auths`.HOST.`auth` (base64 of user:password), or `username` and `password`.
 *
 * Helpers (`credsStore`, `credHelpers`) and identity tokens can't be asked yet. They are not an
 * error here, since the registry may want no login at all; `unusable` says in words what was found,
 * for the error when it does.
 */

#include <stdbool.h>

#include "lib/err.h"

struct dr_credential {
    char *user; /* NULL: there is none */
    char *password;
    char *unusable; /* NULL: nothing of that kind was found */
};

/* `host` as in an image reference ("docker.io", "reg:5000"). No file, or nothing for this host in
 * it, is no error: ret_credential->user is NULL then. DR_ERR_FORMAT: the file is not what it should
 * be; DR_ERR_IO: it can't be read, or REGISTRY_AUTH_FILE names none. */
int dr_credential_find(const char *host, struct dr_credential *ret_credential, struct dr_err *err);

/* The same from one file. */
int dr_credential_read(const char *path, const char *host, struct dr_credential *ret_credential,
                       struct dr_err *err);

/* Erases the password from memory. */
void dr_credential_release(struct dr_credential *credential);
#define dr_auto_credential __attribute__((cleanup(dr_credential_release)))

/* "Basic <base64>" for an Authorization header; owned. */
char *dr_credential_basic(const struct dr_credential *credential, struct dr_err *err);

#endif
