/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_CREDENTIAL_H
#define DROVER_LIB_REGISTRY_CREDENTIAL_H

/*
 * One login: user and password, or an identity token (what `docker login` leaves where a registry
 * trades the password for an OAuth2 refresh token). Where it comes from: lib/registry/logins.h.
 */

#include "lib/err.h"

struct dr_credential {
    char *user;     /* NULL: there is none */
    char *password; /* NULL: none */
    char *identity; /* identity token; NULL: none */
};

/* Erases the secrets from memory. */
void dr_credential_release(struct dr_credential *credential);
#define dr_auto_credential __attribute__((cleanup(dr_credential_release)))

/* Copies of what is not NULL, in place of what was there. */
int dr_credential_set(struct dr_credential *credential, const char *user, const char *password,
                      const char *identity, struct dr_err *err);

/* Whether there is anything to log in with. */
static inline int dr_credential_is_usable(const struct dr_credential *credential)
{
    return credential && (credential->identity || (credential->user && credential->password));
}

/* "Basic <base64>" for an Authorization header; owned. An identity token stands in for the password
 * (Azure's registries and others take that). NULL when there is no user, too. */
char *dr_credential_basic(const struct dr_credential *credential, struct dr_err *err);

/* The login for the whole of a registry, out of lib/registry/logins.h, helpers asked; `user` is NULL
 * when there is none. For who hands it on to an engine. Errors as of dr_logins_find(). */
int dr_credential_find(const char *host, struct dr_credential *ret_credential, struct dr_err *err);

/* Asks the program docker-credential-HELPER, as docker does (docker-credential-helpers' protocol:
 * "get" with the server's name on stdin). 1: it has a login; 0: it has none for that server. -1: it
 * is not there, failed, said nonsense or took longer than a minute (DR_ERR_AUTH). Prompts of its
 * own may appear on the terminal. */
int dr_credential_ask_helper(const char *helper, const char *server,
                             struct dr_credential *ret_credential, struct dr_err *err);

#endif
