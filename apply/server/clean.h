/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_CLEAN_H
#define DROVER_APPLY_SERVER_CLEAN_H

/*
 * Did MySQL end cleanly in a server that does not run any more? Its exit status does not tell: after a plain docker stop
 * it is 0 as well, and MySQL was killed. The last words in MySQL's own log do.
 */

#include "lib/engine/engine.h"
#include "lib/err.h"

enum dr_clean {
    DR_CLEAN_UNKNOWN, /* there is no log, or it says nothing of starts and ends */
    DR_CLEAN_YES,
    DR_CLEAN_NO,
};

/* By the end of /var/log/mysql/error.log in the container. -1: the engine did not give it. */
int dr_clean_look(struct dr_engine *engine, const char *id, enum dr_clean *ret_clean,
                  struct dr_err *err);

/* By the text of a log, or of its end. */
enum dr_clean dr_clean_read(const char *log);

#endif
