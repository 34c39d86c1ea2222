/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/server/database.h"

#include <string.h>
#include <unistd.h>

#include "apply/server/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/engine/container.h"
#include "lib/json.h"
#include "lib/text.h"

#define HOST "CATTLE_DB_CATTLE_MYSQL_HOST"
#define PORT "CATTLE_DB_CATTLE_MYSQL_PORT"
#define NAME "CATTLE_DB_CATTLE_MYSQL_NAME"
#define LINKED "MYSQL_PORT_3306_TCP_ADDR"

static const char *variable(const json_t *inspect, const char *name)
{
    return dr_spec_variable(dr_json_at(inspect, "Config", "Env", NULL), name);
}

static const char *filled(const char *text)
{
    return text && *text ? text : NULL;
}

/* "/db:/rancher/mysql": the part before the colon, in `ret_target`. Only on the default bridge do links become
 * variables. */
static bool find_link(const json_t *inspect, char ret_target[128])
{
    const char *mode = dr_spec_network_mode(inspect);
    json_t *entry;
    size_t i;

    if (strcmp(mode, "default") != 0 && strcmp(mode, "bridge") != 0)
        return false;
    json_array_foreach(dr_json_at(inspect, "HostConfig", "Links", NULL), i, entry)
    {
        const char *link = json_is_string(entry) ? json_string_value(entry) : "";

        if (!dr_text_ends(link, "/mysql") && !dr_text_ends(link, ":mysql"))
            continue;
        link += *link == '/';
        snprintf(ret_target, 128, "%.127s", link);
        ret_target[strcspn(ret_target, ":")] = '\0';
        return true;
    }
    return false;
}

static bool is_external(const json_t *inspect)
{
    char target[128];

    return filled(variable(inspect, HOST)) || filled(variable(inspect, LINKED)) ||
           find_link(inspect, target);
}

enum dr_database_kind dr_database_kind(const json_t *inspect)
{
    const json_t *mount = dr_docker_mount(inspect, DR_SERVER_DATABASE);

    if (is_external(inspect))
        return DR_DATABASE_EXTERNAL;
    if (!mount)
        return DR_DATABASE_NONE;
    return *dr_json_string_or(mount, "Name", "") ? DR_DATABASE_VOLUME : DR_DATABASE_FOLDER;
}

const char *dr_database_kind_name(enum dr_database_kind kind)
{
    switch (kind) {
    case DR_DATABASE_VOLUME:
        return "volume";
    case DR_DATABASE_FOLDER:
        return "folder";
    case DR_DATABASE_EXTERNAL:
        return "external";
    case DR_DATABASE_NONE:
        break;
    }
    return "none";
}

bool dr_database_is_by_link(const json_t *inspect)
{
    char target[128];

    return !filled(variable(inspect, HOST)) && !filled(variable(inspect, LINKED)) &&
           find_link(inspect, target);
}

void dr_database_place(const json_t *inspect, char ret_place[256])
{
    const json_t *mount = dr_docker_mount(inspect, DR_SERVER_DATABASE);
    const char *host = filled(variable(inspect, HOST));
    const char *port = filled(variable(inspect, PORT));
    const char *name = filled(variable(inspect, NAME));
    char target[128];

    if (!host)
        host = filled(variable(inspect, LINKED));
    if (host)
        snprintf(ret_place, 256, "%.120s:%.10s/%.80s", host, port ? port : "3306",
                 name ? name : "cattle");
    else if (find_link(inspect, target))
        snprintf(ret_place, 256, "container %.127s, by a link", target);
    else
        snprintf(ret_place, 256, "%.255s",
                 dr_json_string_or(mount, "Name", dr_json_string_or(mount, "Source", "none")));
    dr_text_clean(ret_place);
}

bool dr_database_same_files(const json_t *a, const json_t *b)
{
    /* A volume can be mounted by its path, so names alone are not enough. */
    static const char *const keys[] = {"Name", "Source"};
    const json_t *left = dr_docker_mount(a, DR_SERVER_DATABASE);
    const json_t *right = dr_docker_mount(b, DR_SERVER_DATABASE);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *text = dr_json_string_or(left, keys[i], "");

        if (*text && strcmp(text, dr_json_string_or(right, keys[i], "")) == 0)
            return true;
    }
    return false;
}

static bool is_same(const json_t *a, const json_t *b)
{
    enum dr_database_kind kind = dr_database_kind(a);
    char left[256];
    char right[256];

    if (kind != DR_DATABASE_EXTERNAL)
        return dr_database_same_files(a, b);
    if (dr_database_kind(b) != kind)
        return false;
    dr_database_place(a, left);
    dr_database_place(b, right);
    return strcmp(left, right) == 0;
}

int dr_database_alone(struct dr_engine *engine, const json_t *inspect, const char *except,
                      struct dr_err *err)
{
    const char *id = dr_json_string_or(inspect, "Id", "");
    json_auto_t *all = dr_docker_inspect_all(engine, err);
    char place[256];
    json_t *other;
    size_t i;

    if (!all)
        return -1;
    dr_database_place(inspect, place);
    json_array_foreach(all, i, other)
    {
        const char *theirs = dr_json_string_or(other, "Id", "");

        if (strcmp(theirs, id) == 0 || (except && strcmp(theirs, except) == 0) ||
            !dr_docker_is_running(other) || !is_same(inspect, other))
            continue;
        return dr_fail(err, DR_ERR_REFUSED,
                       "container '%.100s' runs on the database of '%.100s' (%s %.200s): two "
                       "servers on one database destroy it; find out which one is right, and stop "
                       "the other",
                       dr_docker_name(other), dr_docker_name(inspect),
                       dr_database_kind_name(dr_database_kind(inspect)), place);
    }
    return 0;
}

int dr_database_check_folder(const char *folder, struct dr_err *err)
{
    dr_autofree char *inner = dr_text_format(err, "%s/mysql/ibdata1", folder);

    if (!inner)
        return -1;
    if (access(inner, F_OK) < 0)
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%.300s' has a second database in its folder 'mysql', as 'docker cp' into a "
                   "folder that exists leaves it: the server may run on an empty one beside the "
                   "real one; look at what Rancher shows, then mount '%.300s/mysql' instead, or "
                   "move that copy away",
                   folder, folder);
}
