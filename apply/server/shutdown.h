/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_SHUTDOWN_H
#define DROVER_APPLY_SERVER_SHUTDOWN_H

/*
 * The end of a running server. With its database inside, `docker stop` alone never ends MySQL cleanly: its process 1
 * leaves at once and the kernel kills the rest. So MySQL is asked to shut down first; then the container ends by
 * itself, and a stop with a long time limit follows for whatever is left.
 */

#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/log.h"

/* The container must not restart by itself (its policy is "no" by now). Not broken off by a wanted stop. A MySQL that
 * refuses, or a container that was killed before MySQL had ended: DR_ERR_ENGINE. One that does not run is success. */
int dr_server_shutdown(struct dr_engine *engine, const char *id, const struct dr_log *log,
                       struct dr_err *err);

#endif
