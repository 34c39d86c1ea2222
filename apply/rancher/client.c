/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/client.h"

#include <stdlib.h>
#include <string.h>

#include "apply/rancher/keys.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

#define BODY_MAX (24u << 20)
#define PAGE 500
#define PAGES_MAX 2000
#define AGAIN_SECONDS 120 /* how long a server that answered before may be silent */
#define FIRST_TRIES 3     /* of one that never answered yet */
#define BUSY_TRIES 5

/* A link's path below /v1, on the server that the operator named. */
static char *rebase(const struct dr_rancher *rancher, const char *url, struct dr_err *err)
{
    const char *scheme = strstr(url, "://");
    const char *tail = url;

    if (*url != '/') {
        tail = scheme ? strstr(scheme + 3, "/v1") : NULL;
        if (!tail || (tail[3] && !strchr("/?", tail[3]))) {
            dr_fail(err, DR_ERR_FORMAT, "Rancher gave a link that is none: '%.200s'", url);
            return NULL;
        }
        tail += 3;
    }
    return dr_text_format(err, "%s%s", rancher->base, tail);
}

int dr_client_exchange(struct dr_rancher *rancher, const char *method, const char *url,
                       const json_t *body, bool with_key, struct dr_http_response *ret_response,
                       struct dr_err *err)
{
    const char *headers[4] = {"Accept: application/json"};
    size_t count = 1;
    dr_autofree char *whole = rebase(rancher, url, err);
    dr_autofree char *text = NULL;
    struct dr_http_request request = {.method = method, .url = whole, .headers = headers};

    if (!whole)
        return -1;
    if (with_key && dr_rancher_prepare(rancher, err) < 0)
        return -1;
    if (with_key && dr_keys_choose(rancher, url))
        headers[count++] = dr_keys_choose(rancher, url);
    if (body) {
        text = dr_json_text(body, false, err);
        if (!text)
            return -1;
        headers[count++] = "Content-Type: application/json";
        request.body = text;
        request.body_size = strlen(text);
    }
    request.unstoppable = rancher->steady > 0;
    return dr_http_do(rancher->http, &request, ret_response, err);
}

/* "422 InvalidReference, field 'requestedHostId': ...", from Rancher's error document where there
 * is one. */
static void describe(const struct dr_http_response *response, char *ret, size_t room)
{
    json_auto_t *body = dr_json_parse(response->body.data, response->body.size, "error", NULL);
    const char *code = dr_json_string_or(body, "code", "");
    const char *message = dr_json_string_or(body, "message", "");
    const char *detail = dr_json_string_or(body, "detail", "");
    const char *field = dr_json_string_or(body, "fieldName", NULL);

    snprintf(ret, room, "%ld%s%.60s%s%.60s%s%s%.200s%s%.300s", response->status, *code ? " " : "",
             code, field ? ", field '" : "", field ? field : "", field ? "'" : "",
             *message && strcmp(message, code) != 0 ? ": " : "",
             strcmp(message, code) != 0 ? message : "", *detail ? ": " : "", detail);
}

static int redirected(const struct dr_http_response *response, const char *what, struct dr_err *err)
{
    char location[300];

    if (!dr_http_header(response, "location", 0, location, sizeof location))
        snprintf(location, sizeof location, "elsewhere");
    dr_fail(err, DR_ERR_NET, "%s: the server sends us on to %s (%ld)", what, location,
            response->status);
    return dr_err_advise(err, "give the address that it names with --rancher-url");
}

int dr_client_refusal(const struct dr_rancher *rancher, const struct dr_http_response *response,
                      const char *what, struct dr_err *err)
{
    char words[700];

    describe(response, words, sizeof words);
    switch (response->status) {
    case 401:
        dr_fail(err, DR_ERR_AUTH, "%s: Rancher %s (%s)", what,
                rancher->authorization ? "does not know this API key" : "wants an API key", words);
        return dr_err_advise(err, "make a key under API in Rancher's page and set "
                                  "RANCHER_ACCESS_KEY and RANCHER_SECRET_KEY");
    case 403:
        dr_fail(err, DR_ERR_AUTH, "%s: the API key may not do this (%s)", what, words);
        return dr_err_advise(err, "use an admin account's key or one of this environment, and see "
                                  "that the environment is active");
    case 404:
        return dr_fail(err, DR_ERR_ABSENT, "%s: there is no such thing (%s)", what, words);
    case 405:
        return dr_fail(err, DR_ERR_RANCHER, "%s: not possible in the state that it is in (%s)",
                       what, words);
    case 409:
        dr_fail(err, DR_ERR_RANCHER, "%s: Rancher is at work on it and goes on being so (%s)", what,
                words);
        return dr_err_advise(err, "look at Admin > Processes in Rancher's page, then run drover "
                                  "again");
    case 422:
        return dr_fail(err, DR_ERR_RANCHER, "%s: Rancher does not accept it (%s)", what, words);
    default:
        break;
    }
    if (response->status >= 300 && response->status < 400)
        return redirected(response, what, err);
    dr_fail(err, response->status >= 500 ? DR_ERR_NET : DR_ERR_RANCHER, "%s: Rancher failed (%s)",
            what, words);
    return dr_err_advise(err, "its log has the reason: docker logs <the server's container>");
}

static bool is_absence(long status)
{
    return status == 0 || (status >= 502 && status <= 504);
}

/* GET, again and again while a server that was there before is away. */
static int read_patiently(struct dr_rancher *rancher, const char *url,
                          struct dr_http_response *ret_response, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    struct dr_wait wait;
    bool said = false;
    unsigned tries = 0;

    dr_wait_start(&wait, AGAIN_SECONDS);
    wait.steady = rancher->steady > 0;
    for (;;) {
        int done = dr_client_exchange(rancher, "GET", url, NULL, true, ret_response, &failure);
        int again;

        if (done == 0 && !is_absence(ret_response->status)) {
            rancher->answered = true;
            return 0;
        }
        if (done < 0 && failure.code != DR_ERR_NET)
            break;
        if (!rancher->answered && ++tries == FIRST_TRIES && done == 0)
            return 0;
        if (tries == FIRST_TRIES)
            break;
        if (!said && rancher->answered)
            dr_log_say(rancher->log, "Rancher does not answer at the moment; trying on");
        said = rancher->answered;
        again = dr_wait_again(&wait, "waiting for Rancher to answer", err);
        if (again < 0)
            return -1;
        if (again == 0 && done == 0)
            return 0;
        if (again == 0)
            break;
    }
    if (err)
        *err = failure;
    return -1;
}

static json_t *parse(const struct dr_http_response *response, const char *what, struct dr_err *err)
{
    json_t *value;

    if (response->body.size == 0 || response->body.data[0] != '{') {
        dr_fail(err, DR_ERR_FORMAT, "%s: the answer is no JSON document", what);
        dr_err_advise(err, "is this really the address of a Rancher server?");
        return NULL;
    }
    value = dr_json_parse(response->body.data, response->body.size, "Rancher's answer", err);
    if (!value)
        dr_err_wrap(err, "%s", what);
    return value;
}

json_t *dr_client_get(struct dr_rancher *rancher, const char *url, const char *what,
                      struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(BODY_MAX);

    if (read_patiently(rancher, url, &response, err) < 0) {
        if (!err || err->code != DR_ERR_STOPPED)
            dr_err_wrap(err, "%s", what);
        return NULL;
    }
    if (response.status != 200) {
        dr_client_refusal(rancher, &response, what, err);
        return NULL;
    }
    return parse(&response, what, err);
}

int dr_client_send(struct dr_rancher *rancher, const char *method, const char *url,
                   const json_t *body, json_t **ret_answer, const char *what, struct dr_err *err)
{
    dr_auto_http_response struct dr_http_response response = DR_HTTP_RESPONSE_INIT(BODY_MAX);
    struct dr_wait wait;

    dr_wait_start(&wait, AGAIN_SECONDS);
    wait.steady = rancher->steady > 0;
    for (unsigned tries = 1;; tries++) {
        if (dr_client_exchange(rancher, method, url, body, true, &response, err) < 0)
            return dr_err_wrap(err, "%s", what);
        if (response.status != 409 || tries == BUSY_TRIES)
            break;
        dr_log_detail(rancher->log, "%s: busy (409), again in a moment", what);
        if (dr_wait_again(&wait, what, err) < 0)
            return -1;
    }
    if (response.status < 200 || response.status > 299)
        return dr_client_refusal(rancher, &response, what, err);
    if (!ret_answer)
        return 0;
    *ret_answer = parse(&response, what, err);
    return *ret_answer ? 0 : -1;
}

bool dr_client_removed(const json_t *resource)
{
    const char *state = dr_json_string_or(resource, "state", "");
    const json_t *removed = json_object_get(resource, "removed");

    return (removed && !json_is_null(removed)) || strcmp(state, "removed") == 0 ||
           strcmp(state, "purging") == 0 || strcmp(state, "purged") == 0;
}

/* Hands one page's rows on; `seen` holds the ids so far, since rows move between pages of a
 * collection that changes while it is read. */
static int hand_on(const json_t *page, json_t *seen, dr_client_item_fn *item, void *context,
                   const char *what, struct dr_err *err)
{
    json_t *data;
    json_t *row;
    size_t i;

    if (dr_json_get_array(page, "data", &data, err) < 0)
        return dr_err_wrap(err, "%s", what);
    json_array_foreach(data, i, row)
    {
        const char *id;

        if (dr_json_get_string(row, "id", &id, err) < 0)
            return dr_err_wrap(err, "%s", what);
        if (dr_client_removed(row) || json_object_get(seen, id))
            continue;
        if (dr_json_set(seen, id, json_true(), err) < 0 || item(context, row, err) < 0)
            return -1;
    }
    return 0;
}

static char *with_query(const char *url, const char *query, const char *more, struct dr_err *err)
{
    return dr_text_format(err, "%s%c%s%s%s", url, strchr(url, '?') ? '&' : '?', query ? query : "",
                          query ? "&" : "", more);
}

int dr_client_list(struct dr_rancher *rancher, const char *url, const char *query,
                   dr_client_item_fn *item, void *context, const char *what, struct dr_err *err)
{
    char more[64];
    dr_autofree char *next = NULL;
    json_auto_t *seen = json_object();

    snprintf(more, sizeof more, "removed_null=true&sort=id&limit=%d", PAGE);
    next = with_query(url, query, more, err);
    for (unsigned pages = 0; next && seen; pages++) {
        json_auto_t *page = dr_client_get(rancher, next, what, err);
        const char *link = json_string_value(dr_json_at(page, "pagination", "next", NULL));

        if (!page || hand_on(page, seen, item, context, what, err) < 0)
            return -1;
        if (!link)
            return 0;
        if (pages == PAGES_MAX || strcmp(link, next) == 0)
            return dr_fail(err, DR_ERR_FORMAT, "%s: the list has no end", what);
        free(next);
        next = dr_text_copy(link, err);
    }
    return next ? dr_fail_memory(err) : -1;
}

int dr_client_newest(struct dr_rancher *rancher, const char *url, const char *query, unsigned count,
                     dr_client_item_fn *item, void *context, const char *what, struct dr_err *err)
{
    char more[64];
    dr_autofree char *whole = NULL;
    json_auto_t *seen = json_object();
    json_auto_t *page = NULL;

    snprintf(more, sizeof more, "removed_null=true&sort=id&order=desc&limit=%u", count);
    whole = with_query(url, query, more, err);
    if (!whole || !seen)
        return dr_fail_memory(err);
    page = dr_client_get(rancher, whole, what, err);
    return page ? hand_on(page, seen, item, context, what, err) : -1;
}

/* The schema's own link, unless it leads to the root, where an admin sees all environments and may
 * write nothing. */
static char *collection_of(struct dr_rancher *rancher, const char *project, const json_t *schema,
                           const char *type, struct dr_err *err)
{
    const char *link = dr_client_link(schema, "collection");
    const char *plural = dr_json_string_or(schema, "pluralName", NULL);

    if (link && strstr(link, "/projects/"))
        return rebase(rancher, link, err);
    /* With several keys it is the URL that says which one opens it. */
    if (link && rancher->access == DR_RANCHER_ENVIRONMENT && !rancher->keys)
        return rebase(rancher, link, err);
    if (!plural) {
        dr_fail(err, DR_ERR_FORMAT, "Rancher's schema '%s' names no collection", type);
        return NULL;
    }
    return dr_text_format(err, "%s/projects/%s/%s", rancher->base, project, plural);
}

char *dr_client_collection(struct dr_rancher *rancher, const char *project, const char *type,
                           struct dr_err *err)
{
    dr_autofree char *key = dr_text_format(err, "%s/%s", project, type);
    dr_autofree char *url = NULL;
    dr_autofree char *found = NULL;
    json_auto_t *schema = NULL;
    const char *known;

    if (!key)
        return NULL;
    known = json_string_value(json_object_get(rancher->collections, key));
    if (known)
        return dr_text_copy(known, err);
    url = dr_text_format(err, "/projects/%s/schemas/%s", project, type);
    if (!url)
        return NULL;
    schema = dr_client_get(rancher, url, "read a schema of Rancher's API", err);
    if (!schema)
        return NULL;
    found = collection_of(rancher, project, schema, type, err);
    if (!found || dr_json_set(rancher->collections, key, json_string(found), err) < 0)
        return NULL;
    return dr_steal(found);
}

const char *dr_client_link(const json_t *resource, const char *name)
{
    const char *link = json_string_value(dr_json_at(resource, "links", name, NULL));

    /* The inventory keeps this one link of a resource. */
    return link || strcmp(name, "self") != 0 ? link : dr_json_string_or(resource, "self", NULL);
}

const char *dr_client_action(const json_t *resource, const char *name)
{
    return json_string_value(dr_json_at(resource, "actions", name, NULL));
}
