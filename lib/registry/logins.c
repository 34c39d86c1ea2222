/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/registry/logins.h"

#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

#define CONFIG_MAX (1u << 20)
#define LOGIN_MAX 65536
#define LOGINS_MAX 256

#define DOCKER_HUB "docker.io"
/* docker.io's login has had several names; credential helpers know it by the first. */
static const char *const hub_names[] = {"https://index.docker.io/v1/", DOCKER_HUB,
                                        "index.docker.io", "registry-1.docker.io", NULL};

static void release_login(struct dr_login *login)
{
    dr_credential_release(&login->credential);
    free(login->scope);
    free(login->helper);
}

void dr_logins_release(struct dr_logins *logins)
{
    for (size_t i = 0; i < logins->count; i++)
        release_login(&logins->items[i]);
    free(logins->items);
    free(logins->host);
    free(logins->looked);
    *logins = (struct dr_logins){0};
}

/* Old files name registries as addresses: "https://reg:5000/v1/". */
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

    if (strcmp(host, DOCKER_HUB) == 0) {
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
static int take_auth(const char *auth, const char *identity, struct dr_credential *credential,
                     struct dr_err *err)
{
    char plain[LOGIN_MAX];
    size_t size;
    char *colon;
    int done;

    if (dr_text_unbase64(auth, plain, sizeof plain - 1, &size) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "`auth` is not base64");
    plain[size] = '\0';
    colon = strchr(plain, ':');
    if (!colon || colon == plain) {
        done = dr_fail(err, DR_ERR_FORMAT, "`auth` is not the base64 of USER:PASSWORD");
    } else {
        *colon = '\0';
        done = dr_credential_set(credential, plain, identity ? NULL : colon + 1, identity, err);
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
    const char *token = dr_json_string_or(entry, "identitytoken", "");
    const char *identity = *token ? token : NULL;

    if (*auth)
        return take_auth(auth, identity, credential, err);
    if (identity)
        return dr_credential_set(credential, *user ? user : NULL, NULL, identity, err);
    return *user && *password ? dr_credential_set(credential, user, password, NULL, err) : 0;
}

/* Keeps the longest namespaces in front. */
static int add(struct dr_logins *logins, const char *scope, size_t size, const json_t *entry,
               const char *helper, struct dr_err *err)
{
    struct dr_login login = {.scope = dr_text_format(err, "%.*s", (int)size, scope)};
    size_t at = logins->count;

    if (!login.scope || (helper && !(login.helper = dr_text_copy(helper, err))) ||
        (entry && take_entry(entry, &login.credential, err) < 0)) {
        release_login(&login);
        return -1;
    }
    for (; at > 0 && strlen(logins->items[at - 1].scope) < size; at--)
        logins->items[at] = logins->items[at - 1];
    logins->items[at] = login;
    logins->count++;
    return 0;
}

/* "HOST/a/b" is podman's login for what is below a/b. */
static int add_namespaces(struct dr_logins *logins, const json_t *auths, struct dr_err *err)
{
    size_t length = strlen(logins->host);
    const char *key;
    json_t *entry;

    json_object_foreach((json_t *)(uintptr_t)auths, key, entry)
    {
        const char *scope = key + length + 1;
        size_t size;

        if (strncmp(key, logins->host, length) != 0 || key[length] != '/')
            continue;
        size = strlen(scope);
        while (size > 0 && scope[size - 1] == '/')
            size--;
        if (logins->count + 1 == LOGINS_MAX)
            return dr_fail(err, DR_ERR_FORMAT, "more than %d logins for one registry", LOGINS_MAX);
        if (size > 0 && add(logins, scope, size, entry, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int take_all(struct dr_logins *logins, const json_t *config, struct dr_err *err)
{
    const json_t *auths = json_object_get(config, "auths");
    const json_t *helper = find_host(json_object_get(config, "credHelpers"), logins->host);
    const json_t *entry = find_host(auths, logins->host);
    const char *name;

    if (!json_is_string(helper))
        helper = json_object_get(config, "credsStore");
    name = json_is_string(helper) && *json_string_value(helper) ? json_string_value(helper) : NULL;
    if ((entry || name) && add(logins, "", 0, entry, name, err) < 0)
        return -1;
    return add_namespaces(logins, auths, err);
}

int dr_logins_read(const char *path, const char *host, struct dr_logins *ret_logins,
                   struct dr_err *err)
{
    json_auto_t *config = dr_json_read(path, CONFIG_MAX, err);
    dr_auto_logins struct dr_logins logins = {0};

    if (!config)
        return -1;
    logins.host = dr_text_copy(host, err);
    logins.items = calloc(LOGINS_MAX, sizeof *logins.items);
    if (!logins.host || !logins.items)
        return dr_fail_memory(err);
    if (take_all(&logins, config, err) < 0)
        return dr_err_wrap(err, "the login for '%s' in '%s'", host, path);
    logins.looked = dr_text_format(err, "'%s' has no login for '%s'", path, host);
    if (!logins.looked)
        return -1;
    *ret_logins = logins;
    logins = (struct dr_logins){0};
    return 0;
}

static int find_none(const char *why, const char *host, struct dr_logins *ret_logins,
                     struct dr_err *err)
{
    *ret_logins =
        (struct dr_logins){.host = dr_text_copy(host, err), .looked = dr_text_copy(why, err)};
    return ret_logins->host && ret_logins->looked ? 0 : -1;
}

int dr_logins_find(const char *host, struct dr_logins *ret_logins, struct dr_err *err)
{
    const char *named = getenv("REGISTRY_AUTH_FILE");
    const char *folder = getenv("DOCKER_CONFIG");
    const char *home = getenv("HOME");
    dr_autofree char *path = NULL;
    dr_autofree char *absent = NULL;

    if (named && *named)
        return dr_logins_read(named, host, ret_logins, err) < 0
                   ? dr_err_wrap(err, "REGISTRY_AUTH_FILE")
                   : 0;
    if (folder && *folder)
        path = dr_file_join(folder, "config.json", err);
    else if (home && *home)
        path = dr_file_join(home, ".docker/config.json", err);
    else
        return find_none("HOME is not set, so no file was looked at", host, ret_logins, err);
    absent = path ? dr_text_format(err, "there is no '%s'", path) : NULL;
    if (!absent)
        return -1;
    return access(path, F_OK) < 0 ? find_none(absent, host, ret_logins, err)
                                  : dr_logins_read(path, host, ret_logins, err);
}

static bool covers(const char *scope, const char *repository)
{
    size_t size = strlen(scope);

    return size == 0 || (strncmp(scope, repository, size) == 0 &&
                         (repository[size] == '\0' || repository[size] == '/'));
}

static struct dr_login *find(const struct dr_logins *logins, const char *repository)
{
    for (size_t i = 0; i < logins->count; i++) {
        struct dr_login *login = &logins->items[i];

        if (covers(login->scope, repository) &&
            (login->helper || dr_credential_is_usable(&login->credential)))
            return login;
    }
    return NULL;
}

const struct dr_credential *dr_logins_get(const struct dr_logins *logins, const char *repository)
{
    const struct dr_login *login = find(logins, repository);

    return login && dr_credential_is_usable(&login->credential) ? &login->credential : NULL;
}

/* In place of what `looked` said. */
static int note(struct dr_logins *logins, char *words)
{
    if (!words)
        return -1;
    free(logins->looked);
    logins->looked = words;
    return 0;
}

int dr_logins_complete(struct dr_logins *logins, const char *repository, const struct dr_log *log,
                       struct dr_err *err)
{
    dr_auto_credential struct dr_credential credential = {0};
    struct dr_login *login = find(logins, repository);
    dr_autofree char *helper = login ? dr_steal(login->helper) : NULL;
    bool hub = strcmp(logins->host, DOCKER_HUB) == 0;
    struct dr_err why = DR_ERR_INIT;
    int found;

    if (!helper)
        return 0;
    found = dr_credential_ask_helper(helper, hub ? *hub_names : logins->host, &credential, &why);
    if (found > 0) {
        dr_credential_release(&login->credential);
        login->credential = credential;
        credential = (struct dr_credential){0};
        return 0;
    }
    if (found == 0)
        return note(logins, dr_text_format(err, "docker-credential-%s has no login for '%s'",
                                           helper, logins->host));
    if (why.code == DR_ERR_STOPPED) {
        if (err)
            *err = why;
        return -1;
    }
    if (log)
        dr_log_warn(log, "the login for '%s': %s", logins->host, why.text);
    return note(logins, dr_text_copy(why.text, err));
}

int dr_credential_find(const char *host, struct dr_credential *ret_credential, struct dr_err *err)
{
    dr_auto_logins struct dr_logins logins = {0};
    const struct dr_credential *login;

    if (dr_logins_find(host, &logins, err) < 0 || dr_logins_complete(&logins, "", NULL, err) < 0)
        return -1;
    login = dr_logins_get(&logins, "");
    return login ? dr_credential_set(ret_credential, login->user, login->password, login->identity,
                                     err)
                 : 0;
}
