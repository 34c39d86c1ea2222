/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/credential.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"

static void erase(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void dr_credential_release(struct dr_credential *credential)
{
    erase(&credential->user);
    erase(&credential->password);
    erase(&credential->identity);
}

static int copy(char **to, const char *text, struct dr_err *err)
{
    *to = text ? dr_text_copy(text, err) : NULL;
    return text && !*to ? -1 : 0;
}

int dr_credential_set(struct dr_credential *credential, const char *user, const char *password,
                      const char *identity, struct dr_err *err)
{
    dr_credential_release(credential);
    if (copy(&credential->user, user, err) < 0 || copy(&credential->password, password, err) < 0)
        return -1;
    return copy(&credential->identity, identity, err);
}

char *dr_credential_basic(const struct dr_credential *credential, struct dr_err *err)
{
    const char *secret = credential->password ? credential->password : credential->identity;
    dr_autofree char *plain = NULL;
    dr_autofree char *encoded = NULL;

    if (!credential->user || !secret) {
        dr_fail(err, DR_ERR_AUTH, "it wants a user and a password, and the login has none");
        return NULL;
    }
    plain = dr_text_format(err, "%s:%s", credential->user, secret);
    encoded = plain ? dr_text_base64(plain, strlen(plain), false, err) : NULL;
    if (plain)
        explicit_bzero(plain, strlen(plain));
    return encoded ? dr_text_format(err, "Basic %s", encoded) : NULL;
}
