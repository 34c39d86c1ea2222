/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/preflight.h"

#include <string.h>

#include "apply/copy.h"
#include "apply/server/spec.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/storage.h"
#include "lib/json.h"
#include "lib/text.h"

#define NAMES_MAX 100u

/* The containers of VolumesFrom: inspects of those that exist into `sources`, names of the others into `gone`. */
static int sort_sources(struct dr_engine *engine, const json_t *inspect, json_t *sources,
                        json_t *gone, struct dr_err *err)
{
    json_t *entry;
    size_t i;

    json_array_foreach(dr_json_at(inspect, "HostConfig", "VolumesFrom", NULL), i, entry)
    {
        const char *text = json_is_string(entry) ? json_string_value(entry) : "";
        dr_autofree char *name = dr_text_format(err, "%.*s", (int)strcspn(text, ":"), text);
        json_t *source = NULL;

        if (!name || dr_docker_find(engine, name, &source, err) < 0)
            return -1;
        if (dr_json_append(source ? sources : gone, source ? source : json_incref(entry), err) < 0)
            return -1;
    }
    return 0;
}

/* The container that the database comes from; NULL: the server's own settings name the volume. */
static const char *holder(const json_t *inspect, const json_t *sources)
{
    json_t *source;
    size_t i;

    json_array_foreach(sources, i, source)
    {
        if (dr_database_same_files(source, inspect))
            return dr_docker_name(source);
    }
    return NULL;
}

/* It would bring every volume that nothing else brings. */
static bool holds_all(const json_t *other, const json_t *inspect)
{
    json_auto_t *alone = json_pack("[O]", other);

    return alone && dr_database_same_files(other, inspect) && !dr_spec_needs_data(inspect, alone);
}

/* rancher-data, as Rancher's documentation calls it, or the next name that is free or already holds just these
 * volumes. */
static int choose_data(struct dr_engine *engine, const json_t *inspect, json_t *server,
                       struct dr_err *err)
{
    json_auto_t *sources = json_array();
    json_t *gone = json_array();
    bool needed;

    if (dr_json_set(server, "gone", gone, err) < 0 ||
        sort_sources(engine, inspect, sources, gone, err) < 0)
        return -1;
    needed = dr_spec_needs_data(inspect, sources);
    if (!needed)
        return dr_json_set(
            server, "data",
            json_pack("{s:n, s:s?, s:b}", "name", "held_by", holder(inspect, sources), "create", 0),
            err);
    for (unsigned number = 1; number < NAMES_MAX; number++) {
        json_auto_t *other = NULL;
        char name[32];

        snprintf(name, sizeof name, number == 1 ? "rancher-data" : "rancher-data-%u", number);
        if (dr_docker_find(engine, name, &other, err) < 0)
            return -1;
        if (!other || (dr_docker_is_new(other) && holds_all(other, inspect)))
            return dr_json_set(server, "data",
                               json_pack("{s:s, s:b}", "name", name, "create", other == NULL), err);
    }
    return dr_fail(err, DR_ERR_REFUSED, "every name from rancher-data to rancher-data-%u is taken",
                   NAMES_MAX - 1);
}

static int choose_candidate(struct dr_engine *engine, const char *name, json_t *server,
                            struct dr_err *err)
{
    dr_autofree char *candidate = dr_text_format(err, "%s%s", name, DR_SERVER_NEW);
    json_auto_t *other = NULL;

    if (!candidate || dr_docker_find(engine, candidate, &other, err) < 0)
        return -1;
    if (other)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "a container '%s' exists, and no journal here tells of it; if nobody needs it: "
            "docker rm %s (without -v)",
            candidate, candidate);
    return dr_json_set(server, "candidate", json_pack("{s:s}", "name", candidate), err);
}

static int choose_retired(struct dr_engine *engine, const char *name, json_t *server,
                          struct dr_err *err)
{
    for (unsigned number = 1; number < NAMES_MAX; number++) {
        dr_autofree char *retired =
            number == 1 ? dr_text_format(err, "%s%s", name, DR_SERVER_OLD)
                        : dr_text_format(err, "%s%s-%u", name, DR_SERVER_OLD, number);
        json_auto_t *other = NULL;

        if (!retired || dr_docker_find(engine, retired, &other, err) < 0)
            return -1;
        if (!other)
            return dr_json_set(server, "retired", json_pack("{s:s}", "name", retired), err);
    }
    return dr_fail(err, DR_ERR_REFUSED, "every name from %s%s to %s%s-%u is taken", name,
                   DR_SERVER_OLD, name, DR_SERVER_OLD, NAMES_MAX - 1);
}

/* An engine notices a missing network or a stopped link only at the start, when the old server is down. */
static int check_surroundings(struct dr_engine *engine, const json_t *inspect, struct dr_err *err)
{
    const char *name;
    json_t *entry;
    size_t i;

    json_object_foreach(dr_json_at(inspect, "NetworkSettings", "Networks", NULL), name, entry)
    {
        json_auto_t *network = dr_network_inspect(engine, name, err);

        if (!network)
            return dr_err_advise(err, "the new container could not join it");
    }
    json_array_foreach(dr_json_at(inspect, "HostConfig", "Links", NULL), i, entry)
    {
        const char *link = json_is_string(entry) ? json_string_value(entry) : "";
        const char *begin = *link == '/' ? link + 1 : link;
        dr_autofree char *target = dr_text_format(err, "%.*s", (int)strcspn(begin, ":"), begin);
        json_auto_t *other = target ? dr_docker_inspect(engine, target, err) : NULL;

        if (!other)
            return dr_err_advise(err, "the server is linked to it");
        if (!dr_docker_is_running(other))
            return dr_fail(
                err, DR_ERR_REFUSED,
                "the server is linked to container '%.100s', which does not run: the new "
                "one could not start",
                target);
    }
    return 0;
}

static int note_dependents(struct dr_engine *engine, const json_t *inspect, json_t *notes,
                           struct dr_err *err)
{
    json_auto_t *names = dr_server_dependents(engine, inspect, err);
    json_t *name;
    size_t i;

    if (!names)
        return -1;
    json_array_foreach(names, i, name)
    {
        if (dr_json_append(
                notes,
                json_sprintf("container '%.100s' refers to the old server and will go on "
                             "doing so: re-create it afterwards",
                             json_string_value(name)),
                err) < 0)
            return -1;
    }
    if (dr_json_at(inspect, "Config", "Labels", "com.docker.compose.project", NULL))
        return dr_json_append(notes,
                              json_string("the container was made by compose: change the image in "
                                          "its file too, or the next 'up' goes back"),
                              err);
    return 0;
}

int dr_preflight(const struct dr_apply_options *options, struct dr_engine *engine,
                 const struct dr_server *found, json_t *server, json_t *notes, struct dr_err *err)
{
    const json_t *inspect = found->inspect;
    const char *name = dr_docker_name(inspect);
    json_t *policy = dr_json_at(inspect, "HostConfig", "RestartPolicy", NULL);

    if (dr_json_set(server, "inspect", json_incref(found->inspect), err) < 0 ||
        dr_json_set(server, "image", json_incref(found->image), err) < 0 ||
        dr_json_set(server, "restart", policy ? json_incref(policy) : json_object(), err) < 0)
        return -1;
    if (choose_data(engine, inspect, server, err) < 0 ||
        choose_candidate(engine, name, server, err) < 0 ||
        choose_retired(engine, name, server, err) < 0 ||
        check_surroundings(engine, inspect, err) < 0 ||
        dr_copy_plan(options, engine, inspect, server, notes, err) < 0)
        return -1;
    return note_dependents(engine, inspect, notes, err);
}
