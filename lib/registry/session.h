/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_SESSION_H
#define DROVER_LIB_REGISTRY_SESSION_H

/*
 * What the files of lib/registry share: the client itself. Nobody outside includes this.
 */

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/http/http.h"
#include "lib/log.h"
#include "lib/registry/certs.h"
#include "lib/registry/logins.h"
#include "lib/registry/registry.h"

struct dr_token; /* lib/registry/token.h */

struct dr_registry {
    char *host;
    char *base; /* "https://registry-1.docker.io"; NULL until dr_session_open() has found out */
    struct dr_certs certs;
    struct dr_http *http;
    struct dr_logins logins;
    struct dr_token *tokens; /* a list */
    bool basic;              /* the registry asked for Basic: send it along from now on */
    bool insecure;           /* declared so, or loopback: plain HTTP is allowed */
    bool loopback;           /* no proxy leads there */
    bool verified;           /* certificates are checked */
    uint64_t piece;          /* larger requests were refused; 0: none was */
    const struct dr_log *log;
};

/* Settles the scheme. Hosts that may use plain HTTP are asked GET /v2/ without credentials; others
 * are https by definition. Does nothing the second time. */
int dr_session_open(struct dr_registry *registry, struct dr_err *err);

/* The login for what a scope is about, as far as it is known; NULL: there is none. Borrowed. */
const struct dr_credential *dr_session_login(const struct dr_registry *registry, const char *scope);

/* Before a login is needed: asks the helper that has it, if one has. */
int dr_session_complete_login(struct dr_registry *registry, const char *scope, struct dr_err *err);

/* "<base>/v2/<repository><middle><tail>", e.g. ("a/b", "/manifests/", "v1"). Owned; NULL on
 * failure. */
char *dr_session_url(struct dr_registry *registry, const char *repository, const char *middle,
                     const char *tail, struct dr_err *err);

/* "repository:<repository>:<actions>" (token-auth scope grammar). Owned. */
char *dr_session_scope(const char *repository, const char *actions, struct dr_err *err);

#endif
