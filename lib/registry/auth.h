/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_REGISTRY_AUTH_H
#define DROVER_LIB_REGISTRY_AUTH_H

/*
 * WWW-Authenticate as registries send it with 401 (RFC 7235 §2.1, §4.1; distribution's token and
 * oauth pages): one header can hold several challenges, several headers can come, values are tokens
 * or quoted strings with commas inside. Only Basic and Bearer matter to us, the others are skipped.
 */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/http/http.h"

struct dr_challenge {
    char scheme[16]; /* as sent: compare without case; "" when it was longer */
    char realm[1024];
    char service[256];
    char scope[1024];
    char error[64];
};

#define DR_CHALLENGE_MAX 8

/* Reads one header's value into `ret` (room for DR_CHALLENGE_MAX), returns how many there are. What
 * breaks the grammar, repeats a parameter or is beyond the limits is DR_ERR_FORMAT as a whole. */
int dr_challenge_parse(const char *value, struct dr_challenge *ret_challenges, struct dr_err *err);

/* The challenge to answer out of all headers: Bearer before Basic. False: there is none of them. */
bool dr_challenge_choose(const struct dr_http_response *response, struct dr_challenge *ret);

/* Whether a token may be asked for at `realm` by a client of `base` (the registry's own address).
 * The realm is chosen by whoever answered: https, unless the registry itself is spoken to in the
 * clear; no user in it; no literal address of loopback, link or private networks other than the
 * registry's own host. DR_ERR_AUTH says why not. */
int dr_realm_check(const char *realm, const char *base, struct dr_err *err);

/* Whether something without a secret may be fetched from `url`, which a manifest names: https, no user in it, no
 * literal address of loopback, link or private networks. DR_ERR_FORMAT. */
int dr_outer_url_check(const char *url, struct dr_err *err);

#endif
