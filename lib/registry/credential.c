/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/credential.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define CONFIG_MAX (1u << 20)
#define LOGIN_MAX 65536

/* docker.io's login has had several names. */
static const char *const hub_names[] = {"https://index.docker.io/v1/", "docker.io",
                                        "index.docker.io", "registry-1.docker.io", NULL};

void dr_credential_release(struct dr_credential *credential)
{
    if (credential->password)
        explicit_bzero(credential->password, strlen(credential->password));
    free(credential->user);
    free(credential->password);
    free(credential->unusable);
    *credential = (struct dr_credential){0};
}

/* Old files name registries as addresses: "https://reg:5000/v1/". A path without scheme is a
 * namespace of podman's, whose login is not for the whole registry. */
static bool names_host(const char *key, const char *host)
{
    size_t size = strlen(host);

    if (strcmp(key, host) == 0)
        return true;
    if (!dr_text_starts(key, "https://") && !dr_text_starts(key, "http://"))
        return false;
    key = strstr(key, "://") + 3;
    return strncmp(key, host, size) == 0 && (key[size] == '\0' || key[size] == '/');
}

static const json_t *find_host(const json_t *object, const char *host)
{
    const char *key;
    json_t *value;

    if (strcmp(host, "docker.io") == 0) {
        for (const char *const *name = hub_names; *name; name++) {
            value = json_object_get(object, *name);
            if (value)
                return value;
        }
    }
    value = json_object_get(object, host);
    if (value)
        return value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (names_host(key, host))
            return value;
    }
    return NULL;
}

/* `auth` is base64 of user:password; docker itself cuts NUL bytes from the end of the password. */
static int take_auth(const char *auth, struct dr_credential *credential, struct dr_err *err)
{
    char plain[LOGIN_MAX];
    size_t size;
    char *colon;
    int done = -1;

    if (dr_text_unbase64(auth, plain, sizeof plain - 1, &size) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "`auth` is not base64");
    plain[size] = '\0';
    colon = strchr(plain, ':');
    if (!colon || colon == plain) {
        dr_fail(err, DR_ERR_FORMAT, "`auth` is not the base64 of USER:PASSWORD");
    } else {
        *colon = '\0';
        credential->user = dr_text_copy(plain, err);
        credential->password = credential->user ? dr_text_copy(colon + 1, err) : NULL;
        done = credential->password ? 0 : -1;
    }
    explicit_bzero(plain, sizeof plain);
    return done;
}

/* One entry of `auths`. */
static int take_entry(const json_t *entry, struct dr_credential *credential, struct dr_err *err)
{
    const char *auth = dr_json_string_or(entry, "auth", "");
    const char *user = dr_json_string_or(entry, "username", "");
    const char *password = dr_json_string_or(entry, "password", "");

    if (*dr_json_string_or(entry, "identitytoken", "")) {
        credential->unusable =
            dr_text_copy("its login is an identity token, which drover can't use yet: put user and "
                         "password into a file and name it in REGISTRY_AUTH_FILE",
                         err);
        return credential->unusable ? 0 : -1;
    }
    if (*auth)
        return take_auth(auth, credential, err);
    if (!*user || !*password)
        return 0;
    credential->user = dr_text_copy(user, err);
    credential->password = credential->user ? dr_text_copy(password, err) : NULL;
    return credential->password ? 0 : -1;
}

static int note_helper(const char *helper, const char *path, struct dr_credential *credential,
                       struct dr_err *err)
{
    credential->unusable = dr_text_format(
        err,
        "'%s' leaves its login to docker-credential-%s, which drover can't ask yet: put user and "
        "password into a file and name it in REGISTRY_AUTH_FILE",
        path, helper);
    return credential->unusable ? 0 : -1;
}

int dr_credential_read(const char *path, const char *host, struct dr_credential *ret_credential,
                       struct dr_err *err)
{
    json_auto_t *config = dr_json_read(path, CONFIG_MAX, err);
    dr_auto_credential struct dr_credential credential = {0};
    const json_t *entry;
    const json_t *helper;

    if (!config)
        return -1;
    entry = find_host(json_object_get(config, "auths"), host);
    if (entry && take_entry(entry, &credential, err) < 0)
        return dr_err_wrap(err, "the login for '%s' in '%s'", host, path);
    helper = find_host(json_object_get(config, "credHelpers"), host);
    if (!json_is_string(helper))
        helper = json_object_get(config, "credsStore");
    if (json_is_string(helper) && *json_string_value(helper) && !credential.user &&
        !credential.unusable && note_helper(json_string_value(helper), path, &credential, err) < 0)
        return -1;
    *ret_credential = credential;
    credential = (struct dr_credential){0};
    return 0;
}

int dr_credential_find(const char *host, struct dr_credential *ret_credential, struct dr_err *err)
{
    const char *named = getenv("REGISTRY_AUTH_FILE");
    const char *folder = getenv("DOCKER_CONFIG");
    const char *home = getenv("HOME");
    dr_autofree char *path = NULL;

    *ret_credential = (struct dr_credential){0};
    if (named && *named)
        return dr_credential_read(named, host, ret_credential, err) < 0
                   ? dr_err_wrap(err, "REGISTRY_AUTH_FILE")
                   : 0;
    if (folder && *folder)
        path = dr_file_join(folder, "config.json", err);
    else if (home && *home)
        path = dr_file_join(home, ".docker/config.json", err);
    else
        return 0;
    if (!path)
        return -1;
    return access(path, F_OK) < 0 ? 0 : dr_credential_read(path, host, ret_credential, err);
}

char *dr_credential_basic(const struct dr_credential *credential, struct dr_err *err)
{
    dr_autofree char *plain = dr_text_format(err, "%s:%s", credential->user, credential->password);
    dr_autofree char *encoded = plain ? dr_text_base64(plain, strlen(plain), false, err) : NULL;

    if (plain)
        explicit_bzero(plain, strlen(plain));
    return encoded ? dr_text_format(err, "Basic %s", encoded) : NULL;
}
