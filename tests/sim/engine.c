/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "base.h"
#include "faults.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event_base *sim_base;

static struct step registry[64];
static size_t registered;
static int events_fd = -1;

static const char *const KEYS[SLOTS] = {"_step", "_side"};

void engine_register(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count && registered < sizeof registry / sizeof *registry; i++)
        registry[registered++] = steps[i];
}

static void fire(struct row *row, int slot)
{
    const char *name = row_str(row, KEYS[slot]);
    for (size_t i = 0; i < registered; i++) {
        if (strcmp(registry[i].name, name) != 0)
            continue;
        registry[i].run(row);
        break;
    }
    db_commit();
}

static void fire_process(evutil_socket_t fd, short what, void *row)
{
    (void)fd, (void)what;
    fire(row, SLOT_PROCESS);
}

static void fire_side(evutil_socket_t fd, short what, void *row)
{
    (void)fd, (void)what;
    fire(row, SLOT_SIDE);
}

static void arm(struct row *row, int slot, double seconds)
{
    if (!row->timer[slot])
        row->timer[slot] =
            evtimer_new(sim_base, slot == SLOT_PROCESS ? fire_process : fire_side, row);
    double scaled = sim_scaled(seconds);
    struct timeval tv = {.tv_sec = (time_t)scaled};
    tv.tv_usec = (suseconds_t)((scaled - (double)tv.tv_sec) * 1e6);
    if (row->timer[slot])
        evtimer_add(row->timer[slot], &tv);
}

void engine_after(struct row *row, int slot, double seconds, const char *step)
{
    if (strcmp(row_str(row, KEYS[slot]), step) != 0)
        row_set_str(row, KEYS[slot], step);
    arm(row, slot, seconds * faults_slowness(row));
}

void engine_done(struct row *row, int slot)
{
    if (row->timer[slot])
        evtimer_del(row->timer[slot]);
    row_unset(row, KEYS[slot]);
}

const char *engine_pending(const struct row *row, int slot)
{
    const char *name = row_str(row, KEYS[slot]);
    return *name ? name : NULL;
}

void engine_resume(void)
{
    for (int t = 0; t < T_TYPES; t++) {
        for (int n = 1; n <= db_count((enum row_type)t); n++) {
            struct row *row = db_get((enum row_type)t, n);
            for (int slot = 0; row && slot < SLOTS; slot++)
                if (engine_pending(row, slot))
                    arm(row, slot, 1);
        }
    }
}

// ---- states

static bool is_transitional(const char *state)
{
    size_t size = strlen(state);
    return !strcmp(state, "requested") || !strncmp(state, "updating-", 9) ||
           (size > 3 && !strcmp(state + size - 3, "ing") && strcmp(state, "running") != 0) ||
           !strncmp(state, "finishing-", 10) || !strncmp(state, "canceling-", 10) ||
           !strncmp(state, "rolling-", 8);
}

void row_state(struct row *row, const char *state)
{
    char from[64];
    snprintf(from, sizeof from, "%s", row_str(row, "state"));
    row_set_str(row, "state", state);
    bool yes = is_transitional(state);
    row_set_str(row, "transitioning", yes ? "yes" : "no");
    row_set_str(row, "transitioningMessage", yes ? "In Progress" : NULL);
    row_set(row, "transitioningProgress", json_null());
    event_note("state", row, from, state);
}

void row_error(struct row *row, const char *message)
{
    row_set_str(row, "transitioning", "error");
    row_set_str(row, "transitioningMessage", message);
}

// ---- the log of events

void events_open(void)
{
    char path[SIM_PATH_MAX];
    sim_path(path, "/var/lib/cattle/sim-events.log");
    events_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

void event_note(const char *what, const struct row *row, const char *from, const char *to)
{
    if (events_fd < 0)
        return;
    json_t *line = json_pack("{s:I, s:s}", "time", (json_int_t)sim_now_ms(), "event", what);
    if (row) {
        static const char *const keys[] = {"id",        "type",      "name",
                                           "accountId", "hostId",    "systemContainer",
                                           "imageUuid", "agentState"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (!row_is_null(row, keys[i]))
                json_object_set(line, keys[i], json_object_get(row->j, keys[i]));
        if (row->service && row->type == T_INSTANCE) {
            char id[32];
            snprintf(id, sizeof id, "1s%d", row->service);
            json_object_set_new(line, "serviceId", json_string(id));
        }
    }
    json_object_set_new(line, "from", from ? json_string(from) : json_null());
    json_object_set_new(line, "to", to ? json_string(to) : json_null());
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text) {
        size_t size = strlen(text);
        text[size] = '\n';
        if (write(events_fd, text, size + 1) < 0)
            events_fd = -1;
        free(text);
    }
}
