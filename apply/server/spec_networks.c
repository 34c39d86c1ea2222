/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "apply/server/spec_parts.h"
#include "lib/json.h"
#include "lib/text.h"

/* EndpointsConfig with several entries. */
#define API_ALL_AT_ONCE 44u
#define API_PRIORITY 48u

const char *dr_spec_network_mode(const json_t *inspect)
{
    const char *mode = json_string_value(dr_json_at(inspect, "HostConfig", "NetworkMode", NULL));

    return mode && *mode ? mode : "default";
}

static bool is_bridge(const char *network)
{
    return strcmp(network, "bridge") == 0;
}

/* Engines add the id's first digits (and once the host name) to what the user gave. */
static json_t *own_aliases(const struct dr_spec_input *input, const json_t *endpoint)
{
    const char *id = dr_json_string_or(input->inspect, "Id", "");
    const char *host = dr_json_string_or(json_object_get(input->inspect, "Config"), "Hostname", "");
    json_t *own = json_array();
    json_t *alias;
    size_t i;

    json_array_foreach(json_object_get(endpoint, "Aliases"), i, alias)
    {
        const char *text = json_string_value(alias);

        if (text && strncmp(text, id, 12) != 0 && strcmp(text, host) != 0)
            json_array_append(own, alias);
    }
    return own;
}

/* `value` is consumed. */
static int set_filled(json_t *object, const char *key, json_t *value, struct dr_err *err)
{
    if (value && dr_spec_is_empty(value)) {
        json_decref(value);
        return 0;
    }
    return dr_json_set(object, key, value, err);
}

/* Engine 29 spells out empty addresses, which it does not take back. */
static json_t *own_addresses(const json_t *endpoint)
{
    json_t *filled = json_object();
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(endpoint, "IPAMConfig"), key, value)
    {
        if (!dr_spec_is_empty(value))
            json_object_set_new(filled, key, json_deep_copy(value));
    }
    return filled;
}

/* What the user configured of an endpoint; the rest is what the engine made of it. Aliases and links exist only on
 * networks that a user made. */
static int fill_endpoint(const struct dr_spec_input *input, const char *network, const json_t *old,
                         json_t *endpoint, struct dr_err *err)
{
    if (set_filled(endpoint, "IPAMConfig", own_addresses(old), err) < 0)
        return -1;
    if (!is_bridge(network)) {
        if (set_filled(endpoint, "Aliases", own_aliases(input, old), err) < 0)
            return -1;
        if (!dr_spec_is_empty(json_object_get(old, "Links")) &&
            dr_spec_copy(endpoint, old, "Links", err) < 0)
            return -1;
    }
    if (!dr_spec_is_empty(json_object_get(old, "DriverOpts")) &&
        dr_spec_copy(endpoint, old, "DriverOpts", err) < 0)
        return -1;
    if (input->api >= API_PRIORITY && dr_json_int_or(old, "GwPriority", 0) != 0)
        return dr_spec_copy(endpoint, old, "GwPriority", err);
    return 0;
}

static json_t *make_endpoint(const struct dr_spec_input *input, const char *network,
                             const json_t *old, struct dr_err *err)
{
    json_t *endpoint = json_object();

    if (!endpoint) {
        dr_fail_memory(err);
        return NULL;
    }
    if (fill_endpoint(input, network, old, endpoint, err) < 0) {
        json_decref(endpoint);
        return NULL;
    }
    return endpoint;
}

/* The mode can be a network's id; endpoints are listed by name. */
static const char *main_network(const json_t *networks, const char *mode)
{
    const char *name;
    json_t *endpoint;

    if (strcmp(mode, "default") == 0 || is_bridge(mode))
        return "bridge";
    json_object_foreach((json_t *)(uintptr_t)networks, name, endpoint)
    {
        if (strcmp(dr_json_string_or(endpoint, "NetworkID", ""), mode) == 0)
            return name;
    }
    return mode;
}

/* Config.MacAddress is the configured one; that of an endpoint may be the engine's own invention. */
static int set_mac(const struct dr_spec_input *input, json_t *body, json_t *endpoint,
                   struct dr_err *err)
{
    const json_t *config = json_object_get(input->inspect, "Config");

    if (dr_spec_is_empty(json_object_get(config, "MacAddress")))
        return 0;
    return dr_spec_copy(input->api >= API_ALL_AT_ONCE ? endpoint : body, config, "MacAddress", err);
}

static int add_later(json_t *connect, const char *network, json_t *endpoint, struct dr_err *err)
{
    return dr_json_append(connect,
                          json_pack("{s:s, s:o}", "network", network, "endpoint", endpoint), err);
}

int dr_spec_add_networks(const struct dr_spec_input *input, json_t *body, json_t *connect,
                         struct dr_err *err)
{
    json_t *networks = dr_json_at(input->inspect, "NetworkSettings", "Networks", NULL);
    const char *mode = dr_spec_network_mode(input->inspect);
    const char *first = main_network(networks, mode);
    json_auto_t *endpoints = json_object();
    const char *network;
    json_t *old;

    if (!endpoints)
        return dr_fail_memory(err);
    if (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 ||
        dr_text_starts(mode, "container:"))
        return 0;
    json_object_foreach(networks, network, old)
    {
        json_t *endpoint = make_endpoint(input, network, old, err);
        bool is_first = strcmp(network, first) == 0;
        int done;

        if (!endpoint)
            return -1;
        if (is_first && set_mac(input, body, endpoint, err) < 0) {
            json_decref(endpoint);
            return -1;
        }
        if (is_first || input->api >= API_ALL_AT_ONCE)
            done = dr_json_set(endpoints, network, endpoint, err);
        else
            done = add_later(connect, network, endpoint, err);
        if (done < 0)
            return -1;
    }
    if (json_object_size(endpoints) == 0)
        return 0;
    return dr_json_set(body, "NetworkingConfig", json_pack("{s:O}", "EndpointsConfig", endpoints),
                       err);
}
