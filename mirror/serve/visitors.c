/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/serve/visitors.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/stop.h"

/* What the program has open besides. */
#define OTHER_FILES 32

#define LIMIT_WHEN_FULL 2

int dr_visitors_make(struct dr_visitors *ret_visitors, size_t max, struct dr_err *err)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return dr_fail_errno(err, DR_ERR_INTERNAL, "read the limit of open files");
    if (files.rlim_cur < max + OTHER_FILES) {
        files.rlim_cur = files.rlim_max < max + OTHER_FILES ? files.rlim_max : max + OTHER_FILES;
        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
            return dr_fail_errno(err, DR_ERR_INTERNAL, "raise the limit of open files");
    }
    if (files.rlim_cur < max + OTHER_FILES)
        max = files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : OTHER_FILES;
    ret_visitors->items = calloc(max, sizeof *ret_visitors->items);
    if (!ret_visitors->items)
        return dr_fail_memory(err);
    ret_visitors->max = max;
    return 0;
}

void dr_visitors_release(struct dr_visitors *visitors)
{
    for (size_t i = 0; i < visitors->count; i++)
        bufferevent_decref(visitors->items[i].bev);
    free(visitors->items);
    *visitors = (struct dr_visitors)DR_VISITORS_INIT;
}

bool dr_visitors_full(const struct dr_visitors *visitors)
{
    return visitors->count == visitors->max;
}

void dr_visitors_add(struct dr_visitors *visitors, struct bufferevent *bev)
{
    bufferevent_incref(bev);
    visitors->items[visitors->count++] =
        (struct dr_visitor){.bev = bev, .waiting_since = dr_clock()};
}

void dr_visitors_busy(struct dr_visitors *visitors, const struct bufferevent *bev, bool busy)
{
    for (size_t i = 0; i < visitors->count; i++) {
        if (visitors->items[i].bev == bev)
            visitors->items[i].waiting_since = busy ? 0 : dr_clock();
    }
}

/* evhttp has freed it: only our reference keeps it. */
static bool is_gone(struct bufferevent *bev)
{
    bufferevent_event_cb on_event = NULL;

    bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
    return !on_event;
}

void dr_visitors_sweep(struct dr_visitors *visitors, double limit)
{
    double now = dr_clock();
    size_t kept = 0;

    if (dr_visitors_full(visitors) && limit > LIMIT_WHEN_FULL)
        limit = LIMIT_WHEN_FULL;
    for (size_t i = 0; i < visitors->count; i++) {
        struct dr_visitor *visitor = &visitors->items[i];

        if (is_gone(visitor->bev)) {
            bufferevent_decref(visitor->bev);
            continue;
        }
        /* evhttp reads the end of the stream then, and frees it. */
        if (visitor->waiting_since > 0 && now - visitor->waiting_since > limit)
            shutdown(bufferevent_getfd(visitor->bev), SHUT_RDWR);
        visitors->items[kept++] = *visitor;
    }
    visitors->count = kept;
}
