/* SPDX-License-Identifier: Apache-2.0 */
/* links: drover_lib_registry */
/* WWW-Authenticate, and what is done with the realm that it names. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/registry/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dr_challenge *challenge)
{
    struct dr_err err = DR_ERR_INIT;

    assert(memchr(challenge->scheme, '\0', sizeof challenge->scheme));
    assert(memchr(challenge->realm, '\0', sizeof challenge->realm));
    assert(memchr(challenge->service, '\0', sizeof challenge->service));
    assert(memchr(challenge->scope, '\0', sizeof challenge->scope));
    assert(!strpbrk(challenge->scheme, " \t,=\""));
    if (dr_realm_check(challenge->realm, "https://registry.example", &err) == 0)
        assert(strncasecmp(challenge->realm, "https://", 8) == 0);
    else
        assert(err.code != DR_OK && *err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_challenge challenges[DR_CHALLENGE_MAX];
    struct dr_err err = DR_ERR_INIT;
    char *value = malloc(size + 1);
    int count;

    if (!value)
        return 0;
    memcpy(value, data, size);
    value[size] = '\0';
    count = dr_challenge_parse(value, challenges, &err);
    assert(count <= DR_CHALLENGE_MAX);
    assert((count < 0) == (err.code == DR_ERR_FORMAT));
    for (int i = 0; i < count; i++)
        check(&challenges[i]);
    free(value);
    return 0;
}
