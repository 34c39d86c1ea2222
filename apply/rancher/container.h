/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_RANCHER_CONTAINER_H
#define DROVER_APPLY_RANCHER_CONTAINER_H

/*
 * Single containers in Rancher: looking at one, removing one, and the little ones that drover makes
 * for itself, which carry a label and a name of their own so that a later run finds and clears what
 * a kill left behind.
 */

#include <stdbool.h>

#include "apply/rancher/rancher.h"

/* The container's present state, through its own link. Removed ones are still shown for a while.
 * New reference. */
json_t *dr_container_look(struct dr_rancher *rancher, const json_t *container, struct dr_err *err);

/* Removes it in one call, running or not (Rancher stops it first). Already leaving or gone is fine;
 * so is an answer that got lost, since the state is looked at afterwards. Does not wait. */
int dr_container_remove(struct dr_rancher *rancher, const json_t *container, const char *what,
                        struct dr_err *err);

/* Waits until it is removed. DR_ERR_RANCHER with its state after `seconds` (before scaling). */
int dr_container_wait_removed(struct dr_rancher *rancher, const json_t *container, const char *what,
                              double seconds, struct dr_err *err);

struct dr_container_spec {
    const char *purpose; /* "helper" or "probe": the name becomes drover-<purpose>-<host id> */
    const char *host_id;
    const char *image;   /* reference */
    const char *network; /* "managed", "none" */
    bool start;
};

/* Makes one of drover's own. Neither waits nor starts unless told. New reference. */
json_t *dr_container_create(struct dr_rancher *rancher, const char *project,
                            const struct dr_container_spec *spec, struct dr_err *err);

/* Those of drover's own containers that are in `project` now, by host id: {"1h1": container}. Only
 * those of that purpose, and only what carries drover's label. New reference. */
json_t *dr_container_own(struct dr_rancher *rancher, const char *project, const char *purpose,
                         struct dr_err *err);

/* Removes all of drover's own containers of that purpose. */
int dr_container_sweep(struct dr_rancher *rancher, const char *project, const char *purpose,
                       struct dr_err *err);

/* Why it failed, in Rancher's or the host's words; NULL while it has not. Borrowed. */
const char *dr_container_failure(const json_t *container);

bool dr_container_state_is(const json_t *container, const char *state);

/* What Rancher says of it beyond "In Progress"; false (and nothing written): no such word. */
#define DR_REASON 400
bool dr_container_reason(const json_t *container, char ret_reason[DR_REASON]);

/* What Rancher makes to take another container's place, as last seen. Each one that gives way to
 * the next has died. */
#define DR_SUCCESSOR_DEATHS 3
struct dr_successor {
    json_t *last; /* owned */
    json_t *dead; /* the one before it; owned */
    unsigned deaths;
};

/* `found`: the one that is there now, or NULL. True: so many have died that waiting for the next
 * would only feed Rancher's endless trying, which makes a server unstable. */
bool dr_successor_see(struct dr_successor *successor, json_t *found);
/* Why the last one, or the one before it, failed, in Rancher's or the host's words: looked up now.
 * False: no word. */
bool dr_successor_reason(struct dr_rancher *rancher, const struct dr_successor *successor,
                         char ret_reason[DR_REASON]);
void dr_successor_release(struct dr_successor *successor);
#define dr_auto_successor __attribute__((cleanup(dr_successor_release)))

#endif
