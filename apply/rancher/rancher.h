/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_RANCHER_H
#define DROVER_APPLY_RANCHER_RANCHER_H

/*
 * Rancher's API (v1, Cattle 0.159 to 0.165) as `drover apply` uses it: one object for one server
 * and one key, and the job that all steps of the upgrade's Rancher half work on.
 *
 *     dr_auto_rancher struct dr_rancher *rancher = dr_rancher_new(&options, err);
 *     struct dr_rancher_job job = {.rancher = rancher, .agent = ..., .log = log, ...};
 *     job.inventory = dr_inventory_take(rancher, err);     kept in the journal: the "before"
 *     dr_prepull_plan(&job, rows, err); ... show, ask ...
 *     dr_prepull_run(&job, err);                           what can fail early, fails here
 *     ... the core replaces the server; dr_rancher_ping(), dr_settings_check() ...
 *     dr_agents_run(), dr_netagents_run(), dr_balancers_run(), dr_prove()
 *
 * Every *_plan() is made from the inventory alone: it talks to nobody and changes nothing. Every
 * *_run() looks at what Rancher says now and does only what is missing, so after a kill the same
 * call with the same inventory and report goes on. A stop (Ctrl-C) is honoured between two hosts or
 * balancers, never in the middle of one.
 *
 * Errors: DR_ERR_NET no answer or 5xx, DR_ERR_AUTH 401/403, DR_ERR_ABSENT 404, DR_ERR_RANCHER all
 * else that Rancher refuses or does not bring about, DR_ERR_REFUSED a precondition before the first
 * change, DR_ERR_STOPPED.
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"
#include "lib/log.h"

struct dr_rancher;

struct dr_rancher_options {
    const char *url;        /* http(s)://HOST[:PORT][/...], with or without /v1 */
    const char *access_key; /* NULL: access control is off */
    const char *secret_key;
    const char *keys_file; /* several keys instead, one ACCESS:SECRET per line; NULL: none */
    const char *ca_file;   /* PEM with the CA of the server's certificate; NULL: the system's */
    bool insecure;         /* do not verify the server's certificate */
    const struct dr_log *log;
};

/* Only reads the options (strings are copied, `log` is borrowed): nothing is sent. NULL on failure;
 * a URL that is none is DR_ERR_USAGE. */
struct dr_rancher *dr_rancher_new(const struct dr_rancher_options *options, struct dr_err *err);
void dr_rancher_free(struct dr_rancher *rancher);
static inline void dr_cleanup_rancher(struct dr_rancher **rancher)
{
    dr_rancher_free(*rancher);
}
#define dr_auto_rancher __attribute__((cleanup(dr_cleanup_rancher)))

/* The normalised base, "http://host:8080/v1". Borrowed. */
const char *dr_rancher_url(const struct dr_rancher *rancher);

/* Does /ping answer "pong"? Refused, reset, timed out, 502, 503, a certificate that is not trusted,
 * anything else: *ret_up is false and `ret_why` (may be NULL; 256 bytes) says what came instead. -1
 * only when stopped. */
int dr_rancher_ping(struct dr_rancher *rancher, bool *ret_up, char ret_why[256],
                    struct dr_err *err);

/* What time it is on the server, by the Date of its answer to /ping, as seconds since the epoch; -1 when it does not
 * tell. Never fails: who wants to know why there is no answer asks dr_rancher_ping(). */
int64_t dr_rancher_time(struct dr_rancher *rancher);

/* What the server says it is ("v1.0.2"): rancher.server.version, before 1.1 rancher.server.image.
 */
int dr_rancher_version(struct dr_rancher *rancher, char ret_version[64], struct dr_err *err);

enum dr_rancher_access {
    DR_RANCHER_OPEN,        /* access control is off: everybody is admin */
    DR_RANCHER_ADMIN,       /* an admin account's key: sees all environments */
    DR_RANCHER_ACCOUNT,     /* an ordinary account's key: the environments that it is a member of */
    DR_RANCHER_ENVIRONMENT, /* an environment's key: that one alone, and no settings */
};

/* Which of them it is, found by asking once [rancher §1.2]. No key where one is needed, or a wrong
 * one: DR_ERR_AUTH with the way to make one. */
int dr_rancher_probe(struct dr_rancher *rancher, enum dr_rancher_access *ret_access,
                     struct dr_err *err);

/* "open", "admin", "account", "environment". Borrowed. */
const char *dr_rancher_access_name(enum dr_rancher_access access);

/* Balancers whose launch configuration names an image of its own [rancher §4.2]. */
enum dr_pinned {
    DR_PINNED_REPORT,   /* left alone and reported */
    DR_PINNED_RECREATE, /* the whole service is removed and made again [rancher §5] */
    DR_PINNED_UPGRADE,  /* Rancher's own upgrade of the service, then finished [rancher §4.4] */
};

/* What the operator may wish otherwise. All zero: nothing special. */
struct dr_rancher_wishes {
    unsigned parallel; /* balancer services that are rolled at once; 0: DR_RANCHER_PARALLEL */
    bool recreate;     /* also what runs the right image already, if it ran before the start */
    enum dr_pinned pinned;
    const json_t *skip_hosts; /* array of names (apply/rancher/hosts.h), or NULL; borrowed */
    const json_t *host_order; /* likewise */
};
#define DR_RANCHER_PARALLEL 4

/* What the steps share. All borrowed. */
struct dr_rancher_job {
    struct dr_rancher *rancher;             /* may be NULL for *_plan() */
    const json_t *inventory;                /* of before the first change */
    const char *agent;                      /* the new reference, "reg:5000/rancher/agent:v1.0.2" */
    const char *agent_instance;             /* the new reference */
    const struct dr_rancher_wishes *wishes; /* NULL: none */
    double settle_seconds; /* hosts must be back for so long, before scaling; 0: 150 */
    json_t *report; /* object that the *_run() fill; the core keeps it in its journal. Steps that a
                     * kill cut short find their own earlier entries there and go on counting */
    /* Called after each entry in `report`, so that the journal can be written. NULL: nobody wants
     * to know. */
    int (*changed)(void *context, struct dr_err *err);
    void *context;
    const struct dr_log *log;
};

#endif
