/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_UPGRADE_H
#define DROVER_APPLY_UPGRADE_H

/*
 * One upgrade under way: the journal, which is the whole truth about it, and the two that are talked to. Everything
 * here can be made again from the journal after a kill.
 */

#include "apply/apply.h"
#include "apply/journal.h"
#include "apply/rancher/rancher.h"
#include "lib/claim.h"
#include "lib/engine/engine.h"

struct dr_upgrade {
    const struct dr_apply_options *options;
    const struct dr_log *log;
    const struct dr_bundle *bundle; /* verified; NULL on the way back */
    struct dr_journal *journal;
    struct dr_engine *engine;
    struct dr_rancher *rancher;
    struct dr_rancher_job job; /* borrows from the journal's document */
    struct dr_claims claims;   /* what nobody else may work on meanwhile: apply/session.h */
};

/* Lets go of the Rancher, the engine and the claims; the rest is borrowed. */
void dr_upgrade_release(struct dr_upgrade *upgrade);
#define dr_auto_upgrade __attribute__((cleanup(dr_upgrade_release)))

/* state["server"], made by apply/look.h. Borrowed. */
json_t *dr_upgrade_server(const struct dr_upgrade *upgrade);

/* A text of state["server"], or of state["server"][part] with `part`; "" when there is none. Borrowed. */
const char *dr_upgrade_text(const struct dr_upgrade *upgrade, const char *part, const char *key);

/* state["target"]. Borrowed. */
json_t *dr_upgrade_target(const struct dr_upgrade *upgrade);

/* The server container is part of this upgrade. */
bool dr_upgrade_has_server(const struct dr_upgrade *upgrade);

/* Inspect of the old container and of the new one. New references; a container that is not there is NULL and no
 * failure (0), as is a new one that was never made. */
int dr_upgrade_old(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err);
int dr_upgrade_new(const struct dr_upgrade *upgrade, json_t **ret_inspect, struct dr_err *err);

/* The new container was started: from now on only forward, since the database may be migrated. Once found out it stays
 * in the document (saved with it), whatever becomes of the container. */
int dr_upgrade_is_committed(const struct dr_upgrade *upgrade, bool *ret_committed,
                            struct dr_err *err);

/* Nobody but the old and the new server's containers runs on the database, else DR_ERR_REFUSED: asked before one of them
 * is started, and before it is copied. Between plan and now somebody may have put another server there. */
int dr_upgrade_check_alone(const struct dr_upgrade *upgrade, struct dr_err *err);

/* Makes `job` from the journal's document and opens the way to Rancher. */
int dr_upgrade_connect(struct dr_upgrade *upgrade, struct dr_err *err);

/* Waits until Rancher answers out of this container (an id), which is the "new server", say: apply/server/answer.h. */
int dr_upgrade_wait(const struct dr_upgrade *upgrade, const char *container, const char *who,
                    struct dr_err *err);

#endif
