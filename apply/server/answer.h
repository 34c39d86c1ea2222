/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_ANSWER_H
#define DROVER_APPLY_SERVER_ANSWER_H

/*
 * Waiting for a server, which migrates or recovers its database before it answers anything. That takes as long as it takes,
 * and a server that is killed on the way leaves a database that only a restored copy heals: so there is no time
 * limit, and a wish to stop drover does not end the wait. What does end it is a server that says it has failed.
 */

#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/log.h"

struct dr_answer {
    struct dr_engine *engine;
    const char *container; /* id */
    const char *who;       /* "new server", in what is said */
    const char *url;       /* of its /ping */
    const char *ca_file;   /* CA of that URL's certificate; NULL: the system's */
    const struct dr_log *log;
};

/* Returns when /ping says pong. DR_ERR_RANCHER when the container ends or restarts, or its log says that the start
 * has failed, with the reason in words and the documented remedy. */
int dr_answer_wait(const struct dr_answer *answer, struct dr_err *err);

/* What the log of `who` says about a failed start: fills `err` and returns -1 for the markers that drover knows, 0
 * otherwise. */
int dr_answer_read_log(const char *who, const char *log, struct dr_err *err);

#endif
