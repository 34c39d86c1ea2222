/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_CLIENT_H
#define DROVER_APPLY_RANCHER_CLIENT_H

/*
 * Requests to Rancher's API, for the modules of this folder only. URLs come from links; their host
 * is always replaced by the one that the operator gave, since Rancher builds them from what it
 * thinks its own address is. `what` says what is being done, for errors: "read the hosts of
 * 'Default'".
 *
 * Reading is repeated for a while when a server that answered before breaks off or answers 502 to
 * 504; writing only when it answers 409 (another process of Rancher's has the object), five times.
 */

#include <jansson.h>
#include <stdbool.h>

#include "apply/rancher/rancher.h"
#include "lib/http/http.h"

struct dr_rancher {
    struct dr_http *http;
    char *base;          /* "http://host:8080/v1" */
    char *authorization; /* "Authorization: Basic ...", or NULL */
    json_t *keys;        /* several keys (apply/rancher/keys.h), or NULL */
    json_t *by_project;  /* "1a5": the header of the key that opens it; NULL until probed */
    const struct dr_log *log;
    json_t *collections; /* "1a5/container": URL */
    enum dr_rancher_access access;
    bool probed;
    bool probing;
    bool answered;   /* at least once: from then on silence is worth another try */
    unsigned steady; /* > 0: in the middle of a change, a wish to stop has to wait */
};

/* One resource; `url` is a link, or begins with '/' and lies below the base. New reference. */
json_t *dr_client_get(struct dr_rancher *rancher, const char *url, const char *what,
                      struct dr_err *err);

/* POST, PUT or DELETE with an optional JSON body. `ret_answer` (may be NULL): the resource, a new
 * reference. */
int dr_client_send(struct dr_rancher *rancher, const char *method, const char *url,
                   const json_t *body, json_t **ret_answer, const char *what, struct dr_err *err);

/* Gets one item of a collection, borrowed; -1 and `err` to give up. */
typedef int dr_client_item_fn(void *context, const json_t *item, struct dr_err *err);

/* All pages of a collection. `query` ("systemContainer=NetworkAgent", or NULL) is passed on, but
 * Rancher ignores filters on what is no column, so `item` has to check again. Removed rows and rows
 * seen before are left out. */
int dr_client_list(struct dr_rancher *rancher, const char *url, const char *query,
                   dr_client_item_fn *item, void *context, const char *what, struct dr_err *err);

/* As dr_client_list(), but only the newest `count` rows (by id), in one request. */
int dr_client_newest(struct dr_rancher *rancher, const char *url, const char *query, unsigned count,
                     dr_client_item_fn *item, void *context, const char *what, struct dr_err *err);

/* The URL of a project's collection of `type` ("container"), from its schema; owned. DR_ERR_ABSENT:
 * this key's schema has no such type. Never the root's collections, which span all environments and
 * cannot be written to. */
char *dr_client_collection(struct dr_rancher *rancher, const char *project, const char *type,
                           struct dr_err *err);

/* links.<name> or actions.<name> of a resource; borrowed, NULL when there is none: the action is
 * not possible now. */
const char *dr_client_link(const json_t *resource, const char *name);
const char *dr_client_action(const json_t *resource, const char *name);

/* Gone for good: removed, purging, purged. (`stopping` and `removing` are still on their way.) */
bool dr_client_removed(const json_t *resource);

/* The one exchange under all of these: any status is an answer. `ret_response` as in dr_http_do().
 */
int dr_client_exchange(struct dr_rancher *rancher, const char *method, const char *url,
                       const json_t *body, bool with_key, struct dr_http_response *ret_response,
                       struct dr_err *err);

/* With several keys: finds out which environments each opens, once, before the first request that
 * needs one. */
int dr_rancher_prepare(struct dr_rancher *rancher, struct dr_err *err);

/* The words for an answer that is no success: fills `err`, returns -1. */
int dr_client_refusal(const struct dr_rancher *rancher, const struct dr_http_response *response,
                      const char *what, struct dr_err *err);

#endif
