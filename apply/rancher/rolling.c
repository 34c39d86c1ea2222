/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/rolling.h"

#include <stdlib.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/roll.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define PARALLEL_MOST 64
#define PAUSE_FIRST 0.25
#define PAUSE_MOST 2.0
#define AFFINITY "io.rancher.scheduler.affinity:host_label"

/* One service at a time goes through a lane. */
struct lane {
    const json_t *balancer; /* NULL: the lane is free */
    bool removed;           /* an instance is away: to be finished whatever happens */
    struct dr_roll roll;
    double deadline; /* for becoming whole */
};

struct rolling {
    const struct dr_rancher_job *job;
    const json_t *environment;
    const json_t *rows;
    bool *begun; /* by row */
    size_t left;
    struct lane lanes[PARALLEL_MOST];
    size_t width;
    struct dr_err failure; /* the first one */
};

/* ---- who may be away together */

static void public_port(const json_t *port, char ret[16])
{
    const char *text = json_string_value(port) ? json_string_value(port) : "";

    snprintf(ret, 16, "%.*s", (int)strcspn(text, ":/"), text);
}

static bool share_a_port(const json_t *one, const json_t *other)
{
    const json_t *a;
    const json_t *b;
    size_t i;
    size_t k;

    json_array_foreach(dr_json_at(one, "launchConfig", "ports", NULL), i, a)
    {
        char port[16];

        public_port(a, port);
        json_array_foreach(dr_json_at(other, "launchConfig", "ports", NULL), k, b)
        {
            char same[16];

            public_port(b, same);
            if (strcmp(port, same) == 0)
                return true;
        }
    }
    return false;
}

static const char *label_of(const json_t *balancer, const char *label)
{
    const char *text =
        json_string_value(dr_json_at(balancer, "launchConfig", "labels", label, NULL));

    return text ? text : "";
}

bool dr_rolling_compete(const json_t *one, const json_t *other)
{
    /* Rancher brings a global one's instance back to the host that it was on. */
    if (strcmp(label_of(one, "io.rancher.scheduler.global"), "true") == 0 ||
        strcmp(label_of(other, "io.rancher.scheduler.global"), "true") == 0)
        return false;
    /* Bound to hosts by labels of different values: taken for different hosts. */
    if (*label_of(one, AFFINITY) && *label_of(other, AFFINITY) &&
        strcmp(label_of(one, AFFINITY), label_of(other, AFFINITY)) != 0)
        return false;
    return share_a_port(one, other);
}

static bool may_begin(const struct rolling *rolling, const json_t *balancer)
{
    for (size_t i = 0; i < rolling->width; i++) {
        if (rolling->lanes[i].balancer && dr_rolling_compete(rolling->lanes[i].balancer, balancer))
            return false;
    }
    return true;
}

/* ---- the lanes */

static void release(struct lane *lane)
{
    dr_roll_release(&lane->roll);
    *lane = (struct lane){.balancer = NULL};
}

static void enter(struct rolling *rolling, struct lane *lane)
{
    size_t count = json_array_size(rolling->rows);

    for (size_t i = 0; rolling->left > 0 && i < count; i++) {
        const json_t *balancer = json_array_get(rolling->rows, i);

        if (rolling->begun[i] || !may_begin(rolling, balancer))
            continue;
        rolling->begun[i] = true;
        rolling->left--;
        lane->balancer = balancer;
        lane->deadline = dr_clock() + dr_scaled(DR_ROLL_SECONDS);
        return;
    }
}

/* The lane's next instance. 1: something was done; 0: not yet. */
static int begin(struct rolling *rolling, struct lane *lane, struct dr_err *err)
{
    int found =
        dr_roll_try(rolling->job, rolling->environment, lane->balancer, NULL, &lane->roll, err);

    if (found < 0)
        return -1;
    if (found == 0) {
        release(lane);
        return 1;
    }
    if (found == 2)
        return dr_clock() < lane->deadline ? 0
                                           : dr_roll_not_whole(&lane->roll, lane->balancer, err);
    lane->removed = true;
    rolling->job->rancher->steady++;
    return dr_roll_remove(&lane->roll, err) < 0 ? -1 : 1;
}

static int look(struct rolling *rolling, struct lane *lane, struct dr_err *err)
{
    int finished = dr_roll_look(&lane->roll, err);

    if (finished <= 0)
        return finished;
    rolling->job->rancher->steady--;
    lane->removed = false;
    lane->deadline = dr_clock() + dr_scaled(DR_ROLL_SECONDS);
    return 1;
}

static void fail(struct rolling *rolling, struct lane *lane, const struct dr_err *failure)
{
    if (lane->removed)
        rolling->job->rancher->steady--;
    release(lane);
    if (rolling->failure.code == DR_OK)
        rolling->failure = *failure;
    else if (failure->code != DR_ERR_STOPPED)
        dr_log_warn(rolling->job->log, "%s", failure->text);
}

/* True when it came on. */
static bool move_on(struct rolling *rolling, struct lane *lane)
{
    struct dr_err failure = DR_ERR_INIT;
    int moved;

    if (!lane->removed && rolling->failure.code != DR_OK) {
        release(lane);
        return true;
    }
    if (!lane->balancer)
        enter(rolling, lane);
    if (!lane->balancer)
        return false;
    moved = lane->removed ? look(rolling, lane, &failure) : begin(rolling, lane, &failure);
    if (moved < 0)
        fail(rolling, lane, &failure);
    return moved != 0;
}

static bool is_busy(const struct rolling *rolling)
{
    for (size_t i = 0; i < rolling->width; i++) {
        if (rolling->lanes[i].balancer)
            return true;
    }
    return rolling->left > 0 && rolling->failure.code == DR_OK;
}

static void roll_all(struct rolling *rolling)
{
    struct dr_wait wait;
    double pause = PAUSE_FIRST;

    while (is_busy(rolling)) {
        bool moved = false;

        if (rolling->failure.code == DR_OK)
            dr_stop_check(&rolling->failure, "balancers are being replaced");
        for (size_t i = 0; i < rolling->width; i++)
            moved |= move_on(rolling, &rolling->lanes[i]);
        pause = moved ? PAUSE_FIRST : pause * 1.5 < PAUSE_MOST ? pause * 1.5 : PAUSE_MOST;
        if (moved || !is_busy(rolling))
            continue;
        dr_wait_start(&wait, 2 * PAUSE_MOST);
        wait.steady = rolling->job->rancher->steady > 0;
        wait.pause = pause;
        dr_wait_again(&wait, "balancers are being replaced", NULL);
    }
}

int dr_rolling_run(const struct dr_rancher_job *job, const json_t *environment, const json_t *rows,
                   struct dr_err *err)
{
    size_t count = json_array_size(rows);
    unsigned wanted = job->wishes ? job->wishes->parallel : 0;
    dr_autofree bool *begun = calloc(count + 1, sizeof *begun);
    struct rolling *rolling = calloc(1, sizeof *rolling);
    int done;

    if (!begun || !rolling) {
        free(rolling);
        return dr_fail_memory(err);
    }
    rolling->job = job;
    rolling->environment = environment;
    rolling->rows = rows;
    rolling->begun = begun;
    rolling->left = count;
    rolling->width = wanted == 0 ? DR_RANCHER_PARALLEL : wanted;
    if (rolling->width > PARALLEL_MOST)
        rolling->width = PARALLEL_MOST;
    if (count > 1)
        dr_log_say(job->log, "%s: %zu balancers, up to %zu at once, one instance of each",
                   dr_json_string_or(environment, "name", "?"), count,
                   rolling->width < count ? rolling->width : count);
    roll_all(rolling);
    for (size_t i = 0; i < rolling->width; i++)
        release(&rolling->lanes[i]);
    done = rolling->failure.code == DR_OK ? 0 : -1;
    if (done < 0 && err)
        *err = rolling->failure;
    free(rolling);
    return done;
}
