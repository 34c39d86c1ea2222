/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "apply/server/database.h"
#include "apply/server/spec_parts.h"
#include "lib/engine/container.h"
#include "lib/json.h"

static int check_folder(const char *folder, const json_t *created, struct dr_err *err)
{
    const json_t *mount = dr_docker_mount(created, DR_SERVER_DATABASE);
    const char *source = dr_json_string_or(mount, "Source", "nothing");

    if (strcmp(source, folder) != 0 || *dr_json_string_or(mount, "Name", ""))
        return dr_fail(err, DR_ERR_PROOF,
                       "the new container would have '%.100s' at " DR_SERVER_DATABASE
                       ", not the folder '%.200s'",
                       source, folder);
    return 0;
}

static int check_mounts(const struct dr_spec_input *input, const json_t *created,
                        struct dr_err *err)
{
    json_t *mount;
    size_t i;

    if (input->folder && check_folder(input->folder, created, err) < 0)
        return -1;
    json_array_foreach(json_object_get(input->inspect, "Mounts"), i, mount)
    {
        const char *place = dr_json_string_or(mount, "Destination", "");
        /* A volume is its name, a folder of the host its path. */
        const char *key = *dr_json_string_or(mount, "Name", "") ? "Name" : "Source";
        const char *before = dr_json_string_or(mount, key, "");
        const char *after = dr_json_string_or(dr_docker_mount(created, place), key, "nothing");

        if (input->folder && dr_spec_is_database(place))
            continue;
        if (strcmp(before, after) != 0)
            return dr_fail(err, DR_ERR_PROOF,
                           "the new container would have '%.100s' at %.100s where the old one has "
                           "'%.100s'",
                           after, place, before);
    }
    return 0;
}

static int check_image(const struct dr_spec_input *input, const json_t *created,
                       const json_t *image, struct dr_err *err)
{
    const char *wanted = dr_json_string_or(image, "Id", "");
    const char *got = dr_json_string_or(created, "Image", "");

    if (!*wanted || strcmp(wanted, got) != 0)
        return dr_fail(err, DR_ERR_PROOF,
                       "the new container was made of image %.80s, but '%s' is %.80s", got,
                       input->reference, wanted);
    return 0;
}

/* The new image's version variables must be in force, not an older image's; and ours must be there. */
static int check_variables(const struct dr_spec_input *input, const json_t *created,
                           const json_t *image, struct dr_err *err)
{
    const json_t *env = dr_json_at(created, "Config", "Env", NULL);
    const json_t *theirs = dr_json_at(image, "Config", "Env", NULL);
    json_t *item;
    size_t i;

    json_array_foreach(env, i, item)
    {
        if (json_is_string(item) && dr_spec_is_version_variable(json_string_value(item)) &&
            !dr_spec_contains(theirs, item))
            return dr_fail(err, DR_ERR_PROOF, "the new container would take itself for '%.200s'",
                           json_string_value(item));
    }
    for (const char *const *variable = input->variables; *variable; variable++) {
        json_auto_t *wanted = json_string(*variable);

        if (!dr_spec_contains(env, wanted))
            return dr_fail(err, DR_ERR_PROOF, "the new container lacks '%.200s'", *variable);
    }
    return 0;
}

static int check_networks(const json_t *old, const json_t *created, struct dr_err *err)
{
    json_t *after = dr_json_at(created, "NetworkSettings", "Networks", NULL);
    const char *network;
    json_t *endpoint;

    json_object_foreach(dr_json_at(old, "NetworkSettings", "Networks", NULL), network, endpoint)
    {
        if (!json_object_get(after, network))
            return dr_fail(err, DR_ERR_PROOF, "the new container is not in network '%.100s'",
                           network);
    }
    return 0;
}

static int check_host(const json_t *old, const json_t *created, struct dr_err *err)
{
    static const char *const keys[] = {"PortBindings", "NetworkMode", "Privileged", "Devices",
                                       "Dns",          "ExtraHosts",  "LogConfig"};
    const json_t *before = json_object_get(old, "HostConfig");
    const json_t *after = json_object_get(created, "HostConfig");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!dr_spec_same(json_object_get(before, keys[i]), json_object_get(after, keys[i])))
            return dr_fail(err, DR_ERR_PROOF, "the new container has another HostConfig.%s",
                           keys[i]);
    }
    /* Links are shown with the container's own name in them, which differs. */
    if (json_array_size(json_object_get(before, "Links")) !=
        json_array_size(json_object_get(after, "Links")))
        return dr_fail(err, DR_ERR_PROOF, "the new container has lost a link");
    return 0;
}

int dr_spec_guard(const struct dr_spec_input *input, const json_t *created, const json_t *new_image,
                  struct dr_err *err)
{
    if (!dr_docker_is_new(created))
        return dr_fail(err, DR_ERR_PROOF, "the new container has been started already");
    if (dr_docker_comes_back(created))
        return dr_fail(err, DR_ERR_PROOF, "the new container would start by itself");
    if (check_mounts(input, created, err) < 0 || check_image(input, created, new_image, err) < 0 ||
        check_variables(input, created, new_image, err) < 0 ||
        check_networks(input->inspect, created, err) < 0)
        return -1;
    return check_host(input->inspect, created, err);
}
