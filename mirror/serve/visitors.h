/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_SERVE_VISITORS_H
#define DROVER_MIRROR_SERVE_VISITORS_H

/*
 * The open connections: so many at most, and none that only sits there. evhttp (libevent 2.1) knows neither a limit nor a
 * deadline for a request's headers, and does not tell when a connection that has not asked anything ends. So each
 * connection's bufferevent is held by a reference of ours, and one that evhttp has let go of is known by its callbacks,
 * which are gone.
 *
 *     dr_visitors_add(&visitors, bev);           in the callback that makes bufferevents
 *     dr_visitors_busy(&visitors, bev, true);    its request has arrived whole; false: it was answered
 *     dr_visitors_sweep(&visitors, limit);       every now and then
 */

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct dr_visitor {
    struct bufferevent *bev;
    double
        waiting_since; /* of dr_clock(), for a request that has not come whole; 0: one is being answered */
};

struct dr_visitors {
    struct dr_visitor *items;
    size_t count;
    size_t max;
};

#define DR_VISITORS_INIT                                                                           \
    {                                                                                              \
        .items = NULL                                                                              \
    }

/* Raises the limit of open files where that is needed and allowed, else lowers `max`. */
int dr_visitors_make(struct dr_visitors *ret_visitors, size_t max, struct dr_err *err);

/* Lets go of all. What evhttp still has must have been freed before. */
void dr_visitors_release(struct dr_visitors *visitors);

bool dr_visitors_full(const struct dr_visitors *visitors);

/* Only while it is not full. */
void dr_visitors_add(struct dr_visitors *visitors, struct bufferevent *bev);

void dr_visitors_busy(struct dr_visitors *visitors, const struct bufferevent *bev, bool busy);

/* Forgets those that are gone, and hangs up on those that have waited longer than `limit` seconds; for a new request of
 * theirs, when others wait for a place, not longer than two. */
void dr_visitors_sweep(struct dr_visitors *visitors, double limit);

#endif
