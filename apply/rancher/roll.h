/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_ROLL_H
#define DROVER_APPLY_RANCHER_ROLL_H

/*
 * One instance of one balancer is replaced: chosen, removed, and waited for. Used by balancers.c
 * for all that are due, and by netagents.c for the one whose restart brings a host's network agent
 * back.
 *
 *     dr_auto_roll struct dr_roll roll = DR_ROLL_INIT;
 *     found = dr_roll_try(job, environment, balancer, NULL, &roll, err);
 *     dr_roll_remove(&roll, err);          when found is 1; from here on it must be finished
 *     dr_roll_finish(&roll, err);          or dr_roll_look() until it is 1
 *
 * `balancer` is a row as in the inventory; everything that decides is read afresh.
 */

#include "apply/rancher/container.h"
#include "apply/rancher/rancher.h"

struct dr_roll {
    const struct dr_rancher_job *job;
    const json_t *environment; /* of the inventory; borrowed */
    const json_t *balancer;    /* the row of before; borrowed */
    json_t *service;           /* as it was when chosen; owned */
    json_t *instance;          /* the one to replace; owned */
    json_t *others;            /* ids of the service's other instances; owned */
    json_t *entry;             /* in report["balancers"]; borrowed */
    struct dr_successor successor;
    bool back;         /* the new one is well; the old one may still be on its way out */
    double deadline;   /* of dr_clock(); for what is waited for at the moment */
    size_t expected;   /* running instances when it is done */
    size_t serving;    /* other instances that were well when it was chosen */
    double removed_at; /* of dr_clock() */
};

#define DR_ROLL_INIT                                                                               \
    {                                                                                              \
        .removed_at = 0                                                                            \
    }

void dr_roll_release(struct dr_roll *roll);
#define dr_auto_roll __attribute__((cleanup(dr_roll_release)))

#define DR_ROLL_WORDS 300

/* Why drover must not replace this service's instances, in words, or NULL. Written to and returned
 * from `ret`. */
const char *dr_roll_obstacle(const json_t *balancer, const char *reference,
                             char ret[DR_ROLL_WORDS]);

/* Does this instance run, healthy where its service has a check? */
bool dr_roll_is_well(const json_t *service, const json_t *instance);

/* Looks for an instance that is due (dr_job_is_due()) or in `error`, worst first; with `host_id`
 * only one that runs there, is well, and leaves the service whole but for it. 1 and `ret_roll`:
 * found; 0: none; 2: one is due, but the service is not whole at the moment. */
int dr_roll_try(const struct dr_rancher_job *job, const json_t *environment, const json_t *balancer,
                const char *host_id, struct dr_roll *ret_roll, struct dr_err *err);

/* The words for a service that did not become whole. Returns -1. */
int dr_roll_not_whole(const struct dr_roll *roll, const json_t *balancer, struct dr_err *err);

/* How long a service may take to become whole, before scaling. */
#define DR_ROLL_SECONDS 300

/* Notes it and removes the instance in one call. */
int dr_roll_remove(struct dr_roll *roll, struct dr_err *err);

/* One look at what dr_roll_finish() waits for. 1: finished; 0: not yet. */
int dr_roll_look(struct dr_roll *roll, struct dr_err *err);

/* Until the old one is gone and a new one runs the new image, healthy where there is a check, and
 * as many as should be. DR_ERR_RANCHER with Rancher's reason when it fails or takes too long. */
int dr_roll_finish(struct dr_roll *roll, struct dr_err *err);

/* "stack/name" of a balancer row; owned. */
char *dr_roll_name(const json_t *balancer, struct dr_err *err);

#endif
