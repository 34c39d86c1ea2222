/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/look.h"

#include <stdlib.h>
#include <string.h>

#include "apply/copy.h"
#include "apply/description.h"
#include "apply/plan.h"
#include "apply/preflight.h"
#include "apply/rancher/agents.h"
#include "apply/rancher/balancers.h"
#include "apply/rancher/database.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/netagents.h"
#include "apply/rancher/prepull.h"
#include "apply/rancher/rancher.h"
#include "apply/rancher/settings.h"
#include "apply/server/find.h"
#include "apply/server/sides.h"
#include "apply/server/spec.h"
#include "apply/server/version.h"
#include "apply/target.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

/* What one look gathers. */
struct look {
    const struct dr_apply_options *options;
    struct dr_engine *engine;
    json_t *target; /* borrowed */
    struct dr_server found;
    json_t *state;
    json_t *server; /* state["server"] */
    json_t *notes;  /* state["notes"] */
    json_t *plan;   /* state["plan"] */
};

/* ---- the server */

static int set_variables(struct look *look, struct dr_err *err)
{
    json_t *list = json_array();

    if (dr_json_set(look->state, "variables", list, err) < 0 ||
        dr_json_append(list,
                       json_sprintf("CATTLE_AGENT_INSTANCE_IMAGE=%s",
                                    dr_target_text(look->target, "agent_instance")),
                       err) < 0)
        return -1;
    return dr_json_append(
        list,
        json_sprintf("CATTLE_BOOTSTRAP_REQUIRED_IMAGE=%s", dr_target_text(look->target, "agent")),
        err);
}

/* Engines from 29 on make no variables of links, so a server that is created there would start an empty database of
 * its own. */
static int set_link(struct look *look, struct dr_err *err)
{
    json_t *list = json_object_get(look->state, "variables");

    if (!dr_database_is_by_link(look->found.inspect) ||
        strtoul(dr_engine_version(look->engine), NULL, 10) < 29)
        return 0;
    if (dr_json_append(look->notes,
                       json_string("this engine makes no variables of links: the new container "
                                   "gets CATTLE_DB_CATTLE_MYSQL_HOST=mysql instead"),
                       err) < 0 ||
        dr_json_append(list, json_string("CATTLE_DB_CATTLE_MYSQL_HOST=mysql"), err) < 0)
        return -1;
    return dr_json_append(list, json_string("CATTLE_DB_CATTLE_MYSQL_PORT=3306"), err);
}

/* The running container is already what it should become. */
static bool is_current(const struct look *look)
{
    const json_t *config = json_object_get(look->found.inspect, "Config");
    json_t *variable;
    json_t *item;
    size_t i;
    size_t j;
    size_t matches = 0;

    if (strcmp(dr_json_string_or(config, "Image", ""), dr_target_text(look->target, "server")) !=
            0 ||
        !look->found.image || dr_target_check_image(look->target, look->found.image, NULL) < 0)
        return false;
    json_array_foreach(json_object_get(look->state, "variables"), i, variable)
    {
        json_array_foreach(json_object_get(config, "Env"), j, item) matches +=
            json_equal(item, variable) ? 1 : 0;
    }
    return matches == json_array_size(json_object_get(look->state, "variables"));
}

static int look_at_server(struct look *look, struct dr_err *err)
{
    char version[64] = "";
    bool moving = false;
    bool known;

    if (dr_server_find(look->engine, look->options->container, &look->found, err) < 0 ||
        dr_server_check(look->engine, &look->found, err) < 0 ||
        dr_copy_is_moving(look->options, look->found.inspect, &moving, err) < 0)
        return -1;
    known = dr_server_version(&look->found, version);
    if (dr_version_check(known ? version : NULL, dr_target_text(look->target, "release"), err) < 0)
        return -1;
    if (set_variables(look, err) < 0 || set_link(look, err) < 0 ||
        dr_json_set(look->server, "id",
                    json_string(dr_json_string_or(look->found.inspect, "Id", "")), err) < 0 ||
        dr_json_set(look->server, "name", json_string(dr_docker_name(look->found.inspect)), err) <
            0 ||
        dr_json_set(look->server, "version", json_string(version), err) < 0 ||
        dr_json_set(look->server, "reference",
                    json_string(dr_json_string_or(json_object_get(look->found.inspect, "Config"),
                                                  "Image", "")),
                    err) < 0)
        return -1;
    return dr_json_set(look->server, "needed", json_boolean(moving || !is_current(look)), err);
}

static int describe_successor(struct look *look, struct dr_err *err)
{
    struct dr_description description;
    json_t *spec;
    json_t *sides;

    if (dr_preflight(look->options, look->engine, &look->found, look->server, look->notes, err) < 0)
        return -1;
    dr_description_read(look->state, dr_engine_api(look->engine), &description);
    spec = dr_spec_make(&description.input, err);
    if (!spec || dr_json_set(look->server, "spec", spec, err) < 0)
        return -1;
    sides = dr_sides_make(&description.input, spec, json_object_get(look->target, "config"), err);
    if (!sides || dr_json_set(look->server, "sides", sides, err) < 0)
        return -1;
    return json_array_extend(look->notes, json_object_get(spec, "notes")) < 0 ? dr_fail_memory(err)
                                                                              : 0;
}

/* ---- Rancher */

char *dr_look_url(const struct dr_apply_options *options, const struct dr_engine *engine,
                  const json_t *inspect, struct dr_err *err)
{
    char address[128];
    bool published = inspect && dr_server_address(inspect, address);

    if (options->rancher_url)
        return dr_text_copy(options->rancher_url, err);
    if (published && dr_engine_local(engine))
        return dr_text_format(err, "http://%s", address);
    dr_fail(err, DR_ERR_USAGE, "say where Rancher answers: --rancher-url http://HOST:PORT (%s)",
            !inspect    ? "no container tells it"
            : published ? "the engine is on another machine"
                        : "its container publishes no port 8080");
    return NULL;
}

/* The Rancher behind the address must be the one in the container. */
static int check_identity(const struct look *look, struct dr_rancher *rancher, struct dr_err *err)
{
    const char *expected = dr_json_string_or(look->server, "version", "");
    char version[64] = "";

    if (dr_rancher_version(rancher, version, err) < 0)
        return -1;
    if (strcmp(version, expected) != 0)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the Rancher at '%s' says that it is '%.40s', but container '%s' holds '%.40s'; "
            "is that address another server, or does the container carry another "
            "version's variables?",
            dr_rancher_url(rancher), version, dr_json_string_or(look->server, "name", ""),
            expected);
    return 0;
}

int dr_look_database(const json_t *inspect, struct dr_rancher *rancher, struct dr_err *err)
{
    bool external = dr_database_kind(inspect) == DR_DATABASE_EXTERNAL;
    struct dr_rancher_database database;

    if (dr_rancher_database(rancher, &database, err) < 0)
        return -1;
    if (database.locked)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "the change log of Rancher's database is locked (%s): a server is migrating it, or was "
            "killed while it did, and a new one could not start; when it is certain that no other "
            "server uses this database, remove the lock as admin: curl -u ACCESS:SECRET -X DELETE "
            "%s/databasechangeloglocks/%s",
            database.locked_by, dr_rancher_url(rancher), database.lock_id);
    if (!*database.host)
        return 0;
    if (external == (strcmp(database.host, "localhost") != 0))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "Rancher says that its database is at '%.100s', but by its container it is %s; "
                   "find out where the data is before anything is changed",
                   database.host, external ? "outside" : "inside");
}

static int look_at_rancher(struct look *look, struct dr_err *err)
{
    const struct dr_apply_options *options = look->options;
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    dr_autofree char *url = dr_look_url(options, look->engine, look->found.inspect, err);
    json_t *inventory;

    if (!url || dr_json_set(look->state, "rancher_url", json_string(url), err) < 0)
        return -1;
    rancher = dr_rancher_new(
        &(struct dr_rancher_options){.url = dr_json_string_or(look->state, "rancher_url", ""),
                                     .access_key = options->access_key,
                                     .secret_key = options->secret_key,
                                     .keys_file = options->rancher_keys,
                                     .ca_file = options->rancher_ca,
                                     .log = options->log},
        err);
    if (!rancher || check_identity(look, rancher, err) < 0)
        return -1;
    inventory = dr_inventory_take(rancher, err);
    if (!inventory || dr_json_set(look->state, "inventory", inventory, err) < 0)
        return -1;
    return dr_look_database(look->found.inspect, rancher, err);
}

/* ---- the plan */

static int plan_server_before(struct look *look, struct dr_err *err)
{
    const json_t *move = json_object_get(look->server, "move");
    const char *name = dr_json_string_or(look->server, "name", "");
    const char *data = dr_json_string_or(json_object_get(look->server, "data"), "name", "");
    const char *candidate =
        dr_json_string_or(json_object_get(look->server, "candidate"), "name", "");
    bool external = dr_database_kind(look->found.inspect) == DR_DATABASE_EXTERNAL;
    bool create = dr_json_true(json_object_get(look->server, "data"), "create");
    const struct {
        bool wanted;
        struct dr_plan_row row;
    } rows[] = {
        {create,
         {"data", data, "create, never started",
          external ? "holds the server's volumes for good"
                   : "holds the database's volumes for good",
          ""}},
        {true,
         {"candidate", candidate, "create, not started",
          move       ? "proved to have the new folder, and else the same volumes"
          : external ? "proved to have the same variables, links and volumes"
                     : "proved to have the same volumes",
          ""}},
        {true,
         {"stop", name, external ? "stop" : "shut down MySQL, then stop", "one server at a time",
          "Rancher down from here; containers run on"}},
        {!external,
         {"backup", "its database", "copy it", "the way back: migrations go forward only", ""}},
        {move != NULL,
         {"move", dr_json_string_or(move, "folder", ""), "unpack that copy into it",
          "--to-bind-mount", ""}},
        {true,
         {"start", candidate, "start, wait for pong", "migrates the database, as long as it takes",
          "Rancher back from here"}},
        {true,
         {"rename", name, "the new server takes the name", "the old one is kept until the proof",
          ""}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].wanted && dr_plan_add(look->plan, &rows[i].row, err) < 0)
            return -1;
    }
    return 0;
}

/* Rows of the agents alone are no work: hosts come back by themselves when a server was replaced. */
static int plan_all(struct look *look, struct dr_err *err)
{
    const struct dr_rancher_job job = {
        .inventory = json_object_get(look->state, "inventory"),
        .agent = dr_target_text(look->target, "agent"),
        .agent_instance = dr_target_text(look->target, "agent_instance"),
        .wishes = &look->options->wishes,
        .log = look->options->log,
    };
    bool server = dr_json_true(look->server, "needed");
    bool busy = server;
    size_t before;

    if (server &&
        dr_plan_add(look->plan,
                    &(struct dr_plan_row){"pull", dr_target_text(look->target, "server"),
                                          "pull into this engine", "compared with the bundle", ""},
                    err) < 0)
        return -1;
    if (dr_prepull_plan(&job, look->plan, err) < 0 ||
        (server && plan_server_before(look, err) < 0) ||
        dr_settings_plan(&job, look->plan, err) < 0 ||
        (server && dr_agents_plan(&job, look->plan, err) < 0))
        return -1;
    before = json_array_size(look->plan);
    if (dr_netagents_plan(&job, look->plan, err) < 0 ||
        dr_balancers_plan(&job, look->plan, err) < 0)
        return -1;
    for (; before < json_array_size(look->plan); before++)
        busy |= strcmp(dr_json_string_or(json_array_get(look->plan, before), "action", ""),
                       DR_PLAN_LEFT_ALONE) != 0;
    if (dr_plan_add(look->plan,
                    &(struct dr_plan_row){"proof", "Rancher", "look at everything again",
                                          "compared with what is there now", ""},
                    err) < 0)
        return -1;
    if (server &&
        dr_plan_add(look->plan,
                    &(struct dr_plan_row){"remove", dr_json_string_or(look->server, "name", ""),
                                          "remove the old container",
                                          "only after the proof; its volumes stay", ""},
                    err) < 0)
        return -1;
    return dr_json_set(look->state, "busy", json_boolean(busy), err);
}

static int look_at_all(struct look *look, struct dr_err *err)
{
    if (look_at_server(look, err) < 0)
        return -1;
    if (dr_json_true(look->server, "needed") && describe_successor(look, err) < 0)
        return -1;
    if (look_at_rancher(look, err) < 0)
        return -1;
    return plan_all(look, err);
}

json_t *dr_look(const struct dr_apply_options *options, struct dr_engine *engine, json_t *target,
                struct dr_err *err)
{
    json_auto_t *state = json_pack("{s:O, s:{}, s:{}, s:[], s:[]}", "target", target, "server",
                                   "report", "plan", "notes");
    struct look look = {
        .options = options,
        .engine = engine,
        .target = target,
        .state = state,
        .server = json_object_get(state, "server"),
        .notes = json_object_get(state, "notes"),
        .plan = json_object_get(state, "plan"),
    };
    int done;

    if (!state) {
        dr_fail_memory(err);
        return NULL;
    }
    done = look_at_all(&look, err);
    dr_server_release(&look.found);
    return done < 0 ? NULL : json_incref(state);
}
