/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/rancher.h"

#include <stdlib.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/keys.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define PING_MAX 65536
#define PROBE "find out who may use Rancher's API"

/* "http://host:8080/", ".../v1", ".../v1/projects/1a5" all mean http://host:8080/v1. */
static char *normalise(const char *url, struct dr_err *err)
{
    char host[256];
    size_t size = strcspn(url, "?#");
    const char *version = strstr(url, "/v1");

    if ((!dr_text_starts(url, "http://") && !dr_text_starts(url, "https://")) ||
        dr_http_url_host(url, host, sizeof host, NULL) < 0) {
        char shown[300];

        dr_fail(err, DR_ERR_USAGE, "'%s' is no address of a Rancher server",
                dr_http_display(url, shown, sizeof shown));
        dr_err_advise(err, "it looks like http://host:8080; keys go into RANCHER_ACCESS_KEY and "
                           "RANCHER_SECRET_KEY");
        return NULL;
    }
    if (version && (size_t)(version - url) < size && (!version[3] || strchr("/?#", version[3])))
        size = (size_t)(version - url);
    while (size > 0 && url[size - 1] == '/')
        size--;
    return dr_text_format(err, "%.*s/v1", (int)size, url);
}

static int set_up(struct dr_rancher *rancher, const struct dr_rancher_options *options,
                  struct dr_err *err)
{
    const struct dr_http_options http = {.ca_file = options->ca_file,
                                         .ca_option = "--rancher-ca-cert",
                                         .insecure = options->insecure};
    bool keyed = options->access_key && *options->access_key;

    rancher->log = options->log;
    rancher->base = normalise(options->url, err);
    rancher->collections = json_object();
    if (!rancher->collections)
        return dr_fail_memory(err);
    if (!rancher->base)
        return -1;
    if (keyed)
        rancher->authorization = dr_keys_header(options->access_key, options->secret_key, err);
    if (keyed && !rancher->authorization)
        return -1;
    if (options->keys_file) {
        const char *first;

        rancher->keys = dr_keys_read(options->keys_file, err);
        first = dr_json_string_or(json_array_get(rancher->keys, 0), "authorization", NULL);
        free(rancher->authorization);
        rancher->authorization = first ? dr_text_copy(first, err) : NULL;
        if (!rancher->authorization)
            return -1;
    }
    rancher->http = dr_http_new(&http, err);
    return rancher->http ? 0 : -1;
}

struct dr_rancher *dr_rancher_new(const struct dr_rancher_options *options, struct dr_err *err)
{
    struct dr_rancher *rancher = calloc(1, sizeof *rancher);

    if (!rancher) {
        dr_fail_memory(err);
        return NULL;
    }
    if (set_up(rancher, options, err) == 0)
        return rancher;
    dr_rancher_free(rancher);
    return NULL;
}

void dr_rancher_free(struct dr_rancher *rancher)
{
    if (!rancher)
        return;
    dr_http_free(rancher->http);
    json_decref(rancher->collections);
    json_decref(rancher->keys);
    json_decref(rancher->by_project);
    free(rancher->base);
    free(rancher->authorization);
    free(rancher);
}

const char *dr_rancher_url(const struct dr_rancher *rancher)
{
    return rancher->base;
}

int dr_rancher_ping(struct dr_rancher *rancher, bool *ret_up, char ret_why[256], struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(PING_MAX);
    dr_autofree char *url =
        dr_text_format(err, "%.*s/ping", (int)(strlen(rancher->base) - 3), rancher->base);
    struct dr_err failure = DR_ERR_INIT;
    char why[256] = "pong";

    if (!url)
        return -1;
    *ret_up = false;
    if (dr_http_do(rancher->http, &(struct dr_http_request){.url = url}, &response, &failure) < 0) {
        if (failure.code == DR_ERR_STOPPED)
            return dr_fail(err, DR_ERR_STOPPED, "%s", failure.text);
        snprintf(why, sizeof why, "%.255s", failure.text);
    } else if (response.status != 200 || !response.body.data ||
               strncmp(response.body.data, "pong", 4) != 0) {
        snprintf(why, sizeof why, "%.200s answers %ld, not pong", url, response.status);
    } else {
        *ret_up = true;
    }
    if (ret_why)
        memcpy(ret_why, why, sizeof why);
    return 0;
}

int64_t dr_rancher_time(struct dr_rancher *rancher)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(PING_MAX);
    dr_autofree char *url =
        dr_text_format(NULL, "%.*s/ping", (int)(strlen(rancher->base) - 3), rancher->base);
    char date[64];

    if (!url ||
        dr_http_do(rancher->http, &(struct dr_http_request){.url = url}, &response, NULL) < 0 ||
        !dr_http_header(&response, "Date", 0, date, sizeof date))
        return -1;
    return dr_http_date(date);
}

static int read_setting(struct dr_rancher *rancher, const char *name, char ret[64],
                        struct dr_err *err)
{
    dr_autofree char *url = dr_text_format(err, "/settings/%s", name);
    json_auto_t *setting = url ? dr_client_get(rancher, url, "read Rancher's version", err) : NULL;

    if (!setting)
        return -1;
    if (dr_text_put(ret, 64, dr_json_string_or(setting, "value", "")) < 0)
        return dr_fail(err, DR_ERR_FORMAT, "Rancher's setting %s is longer than any version", name);
    return 0;
}

int dr_rancher_version(struct dr_rancher *rancher, char ret_version[64], struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    int done = read_setting(rancher, "rancher.server.version", ret_version, &failure);

    if (done == 0 && *ret_version)
        return 0;
    if (done < 0 && failure.code != DR_ERR_ABSENT) {
        if (err)
            *err = failure;
        return -1;
    }
    return read_setting(rancher, "rancher.server.image", ret_version, err);
}

const char *dr_rancher_access_name(enum dr_rancher_access access)
{
    static const char *const names[] = {
        [DR_RANCHER_OPEN] = "open",
        [DR_RANCHER_ADMIN] = "admin",
        [DR_RANCHER_ACCOUNT] = "account",
        [DR_RANCHER_ENVIRONMENT] = "environment",
    };

    return names[access];
}

struct owned {
    const char *account;
    bool found;
    unsigned count;
};

static int look_for_account(void *context, const json_t *project, struct dr_err *err)
{
    struct owned *owned = context;

    (void)err;
    owned->count++;
    if (strcmp(dr_json_string_or(project, "id", ""), owned->account) == 0)
        owned->found = true;
    return 0;
}

/* Settings that are not public are only shown to admins; a key of an environment acts as that
 * environment, which the header says and the list of projects confirms. */
static int tell_keys_apart(struct dr_rancher *rancher, const char *account, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(PING_MAX);
    struct owned owned = {.account = account};

    if (dr_client_exchange(rancher, "GET", "/settings/bootstrap.required.image", NULL, true,
                           &response, err) < 0)
        return dr_err_wrap(err, "find out what the API key is");
    if (response.status == 200) {
        rancher->access = DR_RANCHER_ADMIN;
        return 0;
    }
    if (dr_client_list(rancher, "/projects", NULL, look_for_account, &owned,
                       "read the environments", err) < 0)
        return -1;
    rancher->access = owned.found && owned.count == 1 ? DR_RANCHER_ENVIRONMENT : DR_RANCHER_ACCOUNT;
    return 0;
}

static int on_opened(void *context, const json_t *project, struct dr_err *err)
{
    struct dr_rancher *rancher = context;
    const char *id = dr_json_string_or(project, "id", "");

    if (json_object_get(rancher->by_project, id))
        return 0;
    return dr_json_set(rancher->by_project, id, json_string(rancher->authorization), err);
}

/* Asks with the present key. `ret_account`: as whom it acts. */
static int ask(struct dr_rancher *rancher, const char *access, char ret_account[64],
               struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response keyed = DR_HTTP_RESPONSE_INIT(1u << 20);

    if (dr_client_exchange(rancher, "GET", "/projects?limit=1", NULL, true, &keyed, err) < 0)
        return dr_err_wrap(err, "%s", PROBE);
    if (keyed.status != 200) {
        dr_client_refusal(rancher, &keyed, PROBE, err);
        return access ? dr_err_wrap(err, "API key '%s'", access) : -1;
    }
    if (!dr_http_header(&keyed, "x-api-account-id", 0, ret_account, 64))
        *ret_account = '\0';
    return 0;
}

/* An admin's key is used alone; of others each opens its environments. */
static int probe_keys(struct dr_rancher *rancher, struct dr_err *err)
{
    enum dr_rancher_access access = DR_RANCHER_ENVIRONMENT;
    const json_t *key;
    size_t i;

    json_array_foreach(rancher->keys, i, key)
    {
        char account[64];

        free(rancher->authorization);
        rancher->authorization = dr_text_copy(dr_json_string_or(key, "authorization", ""), err);
        if (!rancher->authorization ||
            ask(rancher, dr_json_string_or(key, "access", "?"), account, err) < 0 ||
            tell_keys_apart(rancher, account, err) < 0)
            return -1;
        if (rancher->access == DR_RANCHER_ADMIN) {
            json_object_clear(rancher->by_project);
            return 0;
        }
        if (rancher->access == DR_RANCHER_ACCOUNT)
            access = DR_RANCHER_ACCOUNT;
        if (dr_client_list(rancher, "/projects", NULL, on_opened, rancher, "read the environments",
                           err) < 0)
            return -1;
    }
    rancher->access = access;
    return 0;
}

static int probe(struct dr_rancher *rancher, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response bare = DR_HTTP_RESPONSE_INIT(1u << 20);
    char account[64] = "";

    if (dr_client_exchange(rancher, "GET", "/projects?limit=1", NULL, false, &bare, err) < 0)
        return dr_err_wrap(err, "%s", PROBE);
    if (bare.status == 200) {
        rancher->access = DR_RANCHER_OPEN;
        return 0;
    }
    if (bare.status != 401)
        return dr_client_refusal(rancher, &bare, PROBE, err);
    if (rancher->keys)
        return probe_keys(rancher, err);
    if (ask(rancher, NULL, account, err) < 0)
        return -1;
    return tell_keys_apart(rancher, account, err);
}

int dr_rancher_probe(struct dr_rancher *rancher, enum dr_rancher_access *ret_access,
                     struct dr_err *err)
{
    if (!rancher->probed) {
        if (rancher->keys && !rancher->by_project)
            rancher->by_project = json_object();
        if (rancher->keys && !rancher->by_project)
            return dr_fail_memory(err);
        rancher->probing = true;
        if (probe(rancher, err) < 0) {
            rancher->probing = false;
            return -1;
        }
        rancher->probing = false;
        rancher->probed = true;
        rancher->answered = true;
    }
    *ret_access = rancher->access;
    return 0;
}

int dr_rancher_prepare(struct dr_rancher *rancher, struct dr_err *err)
{
    enum dr_rancher_access access;

    if (!rancher->keys || rancher->probed || rancher->probing)
        return 0;
    return dr_rancher_probe(rancher, &access, err);
}
