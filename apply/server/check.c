/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/server/find.h"
#include "apply/server/spec_parts.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

/* POST /containers/ID/update with a restart policy does nothing before. */
#define API_UPDATE 23u

static int refuse(struct dr_err *err, const struct dr_server *server, const char *what,
                  const char *advice)
{
    return dr_fail(err, DR_ERR_REFUSED, "container '%.100s' %s; %s",
                   dr_docker_name(server->inspect), what, advice);
}

static bool has_word(const json_t *list, const char *wanted, bool prefix)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *word = json_string_value(item);

        if (word && (prefix ? dr_text_starts(word, wanted) : strcmp(word, wanted) == 0))
            return true;
    }
    return false;
}

static bool has_prefix(json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (dr_text_starts(key, prefix))
            return true;
    }
    return false;
}

static int check_kind(const struct dr_server *server, struct dr_err *err)
{
    const json_t *config = json_object_get(server->inspect, "Config");
    const json_t *env = json_object_get(config, "Env");
    const json_t *cmd = json_object_get(config, "Cmd");

    if (has_word(cmd, "ha", false) || has_word(cmd, "--advertise-address", true) ||
        dr_text_starts(dr_docker_name(server->inspect), "rancher-ha") ||
        has_prefix(json_object_get(config, "ExposedPorts"), "9345/") ||
        has_word(env, "CATTLE_HA_", true))
        return refuse(err, server, "is part of a high availability setup",
                      "upgrade it by Rancher's own instructions: all servers down, then the first "
                      "one up with the new image");
    if (has_word(cmd, "--db-host", true))
        return refuse(err, server, "is started with --db-host, which v1.0 and v1.1 do not know",
                      "look what it really runs");
    if (has_prefix(json_object_get(config, "Labels"), "com.docker.swarm.") ||
        has_prefix(json_object_get(config, "Labels"), "io.kubernetes."))
        return refuse(err, server, "belongs to an orchestrator, which would bring it back",
                      "change the image there");
    return 0;
}

/* Published at whatever port was free. */
static bool has_random_port(const json_t *host)
{
    json_t *binding;
    size_t i;

    json_array_foreach(dr_json_at(host, "PortBindings", "8080/tcp", NULL), i, binding)
    {
        const char *port = dr_json_string_or(binding, "HostPort", "");

        if (!*port || strcmp(port, "0") == 0)
            return true;
    }
    return dr_json_true(host, "PublishAllPorts");
}

static int check_state(const struct dr_engine *engine, const struct dr_server *server,
                       struct dr_err *err)
{
    const json_t *state = json_object_get(server->inspect, "State");
    const json_t *host = json_object_get(server->inspect, "HostConfig");

    if (dr_json_true(state, "Paused") || dr_json_true(state, "Restarting") ||
        !dr_docker_is_running(server->inspect))
        return refuse(err, server, "does not run properly (stopped, paused or restarting)",
                      "bring it up first: drover must see what Rancher runs");
    if (!server->image)
        return refuse(err, server, "runs an image that is no longer on this engine",
                      "pull it again, so that its own settings can be told from yours");
    if (dr_json_true(host, "AutoRemove"))
        return refuse(err, server, "was started with --rm, so stopping it would delete it",
                      "move it to a container without --rm first");
    if (has_random_port(host))
        return refuse(err, server, "is published at a port of the engine's choice",
                      "the new one would get another, and no agent would find it: publish a fixed "
                      "port first");
    if (dr_text_starts(dr_spec_network_mode(server->inspect), "container:"))
        return refuse(err, server, "shares another container's network",
                      "drover can't carry that over; upgrade it by hand");
    if (dr_engine_api(engine) < API_UPDATE && dr_docker_comes_back(server->inspect))
        return dr_fail(
            err, DR_ERR_REFUSED,
            "engine %.40s can't change a container's restart policy (API 1.23, Docker 1.11), and "
            "would start '%.100s' again as soon as its MySQL is shut down; update the engine, or "
            "replace that container by one with --restart=no (docs/apply.md)",
            dr_engine_version(engine), dr_docker_name(server->inspect));
    return 0;
}

static int check_database(struct dr_engine *engine, const struct dr_server *server,
                          struct dr_err *err)
{
    const json_t *mount = dr_docker_mount(server->inspect, DR_SERVER_DATABASE);

    switch (dr_database_kind(server->inspect)) {
    case DR_DATABASE_NONE:
        return refuse(err, server, "has no volume at " DR_SERVER_DATABASE,
                      "its database would stay behind with the old container");
    case DR_DATABASE_FOLDER:
        if (dr_engine_local(engine) &&
            dr_database_check_folder(dr_json_string_or(mount, "Source", ""), err) < 0)
            return -1;
        break;
    case DR_DATABASE_VOLUME:
    case DR_DATABASE_EXTERNAL:
        break;
    }
    return dr_database_alone(engine, server->inspect, NULL, err);
}

int dr_server_check(struct dr_engine *engine, const struct dr_server *server, struct dr_err *err)
{
    if (check_kind(server, err) < 0 || check_state(engine, server, err) < 0)
        return -1;
    return check_database(engine, server, err);
}
