/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/find.h"

#include <stdlib.h>
#include <string.h>

#include "apply/server/spec_parts.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/engine/image.h"
#include "lib/json.h"
#include "lib/reference.h"
#include "lib/text.h"

void dr_server_release(struct dr_server *server)
{
    json_decref(server->inspect);
    json_decref(server->image);
    server->inspect = server->image = NULL;
}

static const char *image_name(const json_t *inspect)
{
    return dr_json_string_or(json_object_get(inspect, "Config"), "Image", "");
}

/* rancher/server, or mirrored somewhere as .../rancher/server. */
static bool is_named_server(const json_t *inspect)
{
    struct dr_reference reference;

    return dr_reference_parse(image_name(inspect), &reference, NULL) == 0 &&
           (strcmp(reference.repository, "rancher/server") == 0 ||
            dr_text_ends(reference.repository, "/rancher/server"));
}

static bool is_server_image(const json_t *image)
{
    const json_t *config = json_object_get(image, "Config");
    const json_t *env = json_object_get(config, "Env");

    return dr_spec_variable(env, "CATTLE_HOME") &&
           (dr_spec_variable(env, "CATTLE_RANCHER_SERVER_VERSION") ||
            dr_spec_variable(env, "CATTLE_RANCHER_SERVER_IMAGE")) &&
           dr_json_at(config, "Volumes", DR_SERVER_DATABASE, NULL) &&
           dr_json_at(config, "Volumes", "/var/lib/cattle", NULL);
}

/* 1: it is a server, in `ret_server` together with its image (NULL: that is no longer there); 0: it is not. */
static int look(struct dr_engine *engine, json_t *inspect, struct dr_server *ret_server,
                struct dr_err *err)
{
    json_auto_t *image = NULL;

    if (dr_image_find(engine, dr_json_string_or(inspect, "Image", ""), &image, err) < 0)
        return -1;
    if (!is_named_server(inspect) && !(image && is_server_image(image)))
        return 0;
    ret_server->inspect = json_incref(inspect);
    ret_server->image = json_incref(image);
    return 1;
}

static int add_text(json_t *list, const struct dr_server *server, struct dr_err *err)
{
    char place[256];

    dr_database_place(server->inspect, place);
    return dr_json_append(
        list,
        json_sprintf("'%.60s' (%.80s, port %u, database %s %.60s)", dr_docker_name(server->inspect),
                     image_name(server->inspect), dr_server_port(server->inspect),
                     dr_database_kind_name(dr_database_kind(server->inspect)), place),
        err);
}

static int join(const json_t *list, struct dr_buf *ret_text, struct dr_err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (dr_buf_printf(ret_text, err, "%s%s", i ? ", " : "", json_string_value(item)) < 0)
            return -1;
    }
    return 0;
}

static int choose(const json_t *running, const json_t *stopped, struct dr_err *err)
{
    dr_auto_buf struct dr_buf text = DR_BUF_INIT(1u << 20);
    bool several = json_array_size(running) > 1;

    if (json_array_size(running) == 1)
        return 0;
    if (join(several ? running : stopped, &text, err) < 0)
        return -1;
    if (several)
        return dr_fail(err, DR_ERR_REFUSED,
                       "several Rancher servers run here: %.700s; name one with --container",
                       text.data);
    if (json_array_size(stopped) > 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "no Rancher server runs here, but there are stopped ones: %.600s; start the "
                       "right one first, drover must see what Rancher runs",
                       text.data);
    return dr_fail(
        err, DR_ERR_ABSENT,
        "no container on this engine is a Rancher server; run drover on the server's host, "
        "or set DOCKER_HOST");
}

/* Servers found are added to one of the lists; the first running one is `ret_server`. */
static int sort(struct dr_engine *engine, json_t *inspect, json_t *running, json_t *stopped,
                struct dr_server *ret_server, struct dr_err *err)
{
    dr_auto_server struct dr_server server = {0};
    bool runs = dr_docker_is_running(inspect);
    /* Never started: the data container, and what an earlier run of drover left. */
    int is = dr_docker_is_new(inspect) ? 0 : look(engine, inspect, &server, err);

    if (is <= 0)
        return is;
    if (add_text(runs ? running : stopped, &server, err) < 0)
        return -1;
    if (runs && !ret_server->inspect) {
        *ret_server = server;
        server = (struct dr_server){0};
    }
    return 0;
}

static int find_any(struct dr_engine *engine, struct dr_server *ret_server, struct dr_err *err)
{
    json_auto_t *all = dr_docker_inspect_all(engine, err);
    json_auto_t *running = json_array();
    json_auto_t *stopped = json_array();
    dr_auto_server struct dr_server found = {0};
    json_t *inspect;
    size_t i;

    if (!all)
        return -1;
    json_array_foreach(all, i, inspect)
    {
        if (sort(engine, inspect, running, stopped, &found, err) < 0)
            return -1;
    }
    if (choose(running, stopped, err) < 0)
        return -1;
    *ret_server = found;
    found = (struct dr_server){0};
    return 0;
}

int dr_server_find(struct dr_engine *engine, const char *wanted, struct dr_server *ret_server,
                   struct dr_err *err)
{
    json_auto_t *inspect = NULL;
    int is;

    if (!wanted)
        return find_any(engine, ret_server, err);
    inspect = dr_docker_inspect(engine, wanted, err);
    is = inspect ? look(engine, inspect, ret_server, err) : -1;
    if (is == 0)
        return dr_fail(
            err, DR_ERR_REFUSED,
            "container '%.100s' does not look like a Rancher server: neither its image's "
            "name nor what is in it says so",
            wanted);
    return is < 0 ? -1 : 0;
}

bool dr_server_version(const struct dr_server *server, char ret_version[64])
{
    const json_t *env = dr_json_at(server->image, "Config", "Env", NULL);
    const char *version = dr_spec_variable(env, "CATTLE_RANCHER_SERVER_VERSION");
    const char *older = dr_spec_variable(env, "CATTLE_RANCHER_SERVER_IMAGE");
    struct dr_reference reference;

    if (!version && older && *older == 'v')
        version = older;
    if (!version && dr_reference_parse(image_name(server->inspect), &reference, NULL) == 0 &&
        is_named_server(server->inspect))
        version = reference.tag;
    return version && *version && dr_text_put(ret_version, 64, version) == 0;
}

unsigned dr_server_port(const json_t *inspect)
{
    const char *mode = json_string_value(dr_json_at(inspect, "HostConfig", "NetworkMode", NULL));
    const json_t *bindings = dr_json_at(inspect, "NetworkSettings", "Ports", "8080/tcp", NULL);
    uint64_t port = 0;

    if (mode && strcmp(mode, "host") == 0)
        return 8080;
    if (dr_text_uint64(dr_json_string_or(json_array_get(bindings, 0), "HostPort", ""), 65535, &port,
                       NULL) < 0)
        return 0;
    return (unsigned)port;
}

bool dr_server_address(const json_t *inspect, char ret_address[128])
{
    const json_t *bindings = dr_json_at(inspect, "NetworkSettings", "Ports", "8080/tcp", NULL);
    const char *host = dr_json_string_or(json_array_get(bindings, 0), "HostIp", "");
    unsigned port = dr_server_port(inspect);

    if (!*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        host = "127.0.0.1";
    snprintf(ret_address, 128, strchr(host, ':') ? "[%.64s]:%u" : "%.64s:%u", host, port);
    return port > 0;
}

/* "container:<id or name>" in one of the modes, a link, or volumes. */
static bool refers(const json_t *other, const char *id, const char *name)
{
    static const char *const modes[] = {"NetworkMode", "PidMode", "IpcMode"};
    const json_t *host = json_object_get(other, "HostConfig");
    size_t length = strlen(name);
    json_t *entry;
    size_t i;

    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        const char *mode = dr_json_string_or(host, modes[m], "");

        if (dr_text_starts(mode, "container:") && (strcmp(mode + strlen("container:"), id) == 0 ||
                                                   strcmp(mode + strlen("container:"), name) == 0))
            return true;
    }
    json_array_foreach(json_object_get(host, "Links"), i, entry)
    {
        const char *link = json_string_value(entry);

        if (link && *link == '/' && strncmp(link + 1, name, length) == 0 && link[length + 1] == ':')
            return true;
    }
    json_array_foreach(json_object_get(host, "VolumesFrom"), i, entry)
    {
        const char *from = json_string_value(entry);

        if (from && (strcmp(from, id) == 0 || strcmp(from, name) == 0))
            return true;
    }
    return false;
}

json_t *dr_server_dependents(struct dr_engine *engine, const json_t *inspect, struct dr_err *err)
{
    json_auto_t *all = dr_docker_inspect_all(engine, err);
    json_auto_t *names = json_array();
    const char *id = dr_json_string_or(inspect, "Id", "");
    json_t *other;
    size_t i;

    if (!all)
        return NULL;
    json_array_foreach(all, i, other)
    {
        if (refers(other, id, dr_docker_name(inspect)) &&
            dr_json_append(names, json_string(dr_docker_name(other)), err) < 0)
            return NULL;
    }
    return json_incref(names);
}
