/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/survey.h"

#include <stdint.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

/* One reading of a collection: what wants it and where its rows go. */
struct survey {
    struct dr_rancher *rancher;
    json_t *environment;
    json_t *unseen;
    json_t *balancers; /* id: service */
    json_t *instances; /* id: instance of a balancer */
    json_t *stacks;    /* id: name */
};

json_t *dr_survey_pick(const json_t *row, const char *const *keys)
{
    json_t *picked = json_object();

    for (; picked && *keys; keys++) {
        json_t *value = json_object_get(row, *keys);

        if (value && !json_is_null(value) && json_object_set(picked, *keys, value) < 0) {
            json_decref(picked);
            return NULL;
        }
    }
    return picked;
}

/* As dr_survey_pick(), with the row's link to itself. */
static json_t *pick_with_self(const json_t *row, const char *const *keys)
{
    const char *self = dr_client_link(row, "self");
    json_t *picked = dr_survey_pick(row, keys);

    if (picked && self && json_object_set_new(picked, "self", json_string(self)) < 0) {
        json_decref(picked);
        return NULL;
    }
    return picked;
}

static bool is_among(const char *const *keys, const char *key)
{
    for (; keys && *keys; keys++) {
        if (strcmp(*keys, key) == 0)
            return true;
    }
    return false;
}

static json_t *copy_object(const json_t *object, const char *const *left_out)
{
    json_auto_t *copy = json_object();
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!json_is_null(value) && !is_among(left_out, key) &&
            json_object_set_new(copy, key, dr_survey_copy(value)) < 0)
            return NULL;
    }
    return json_incref(copy);
}

json_t *dr_survey_copy(const json_t *value)
{
    json_auto_t *copy = NULL;
    const json_t *item;
    size_t i;

    if (json_is_object(value))
        return copy_object(value, NULL);
    if (!json_is_array(value))
        return json_deep_copy(value);
    copy = json_array();
    json_array_foreach(value, i, item)
    {
        if (json_array_append_new(copy, dr_survey_copy(item)) < 0)
            return NULL;
    }
    return json_incref(copy);
}

bool dr_survey_contains(const json_t *after, const json_t *before)
{
    const char *key;
    json_t *value;

    if (!json_is_object(before))
        return json_equal(after, before);
    json_object_foreach((json_t *)(uintptr_t)before, key, value)
    {
        if (!dr_survey_contains(json_object_get(after, key), value))
            return false;
    }
    return true;
}

static int keep(struct survey *survey, const char *list, json_t *object, struct dr_err *err)
{
    return dr_json_append(json_object_get(survey->environment, list), object, err);
}

json_t *dr_survey_host(const json_t *row)
{
    static const char *const keys[] = {"id",         "hostname", "uuid", "state",
                                       "agentState", "labels",   NULL};
    const char *id = dr_json_string_or(row, "id", "");
    const char *given = dr_json_string_or(row, "name", NULL);
    const char *name = given ? given : dr_json_string_or(row, "hostname", id);
    const char *agent = dr_json_string_or(row, "agentState", "active");
    json_t *host = pick_with_self(row, keys);
    bool active =
        strcmp(dr_json_string_or(row, "state", ""), "active") == 0 && strcmp(agent, "active") == 0;

    if (!host || json_object_set_new(host, "name", json_string(name)) < 0 ||
        json_object_set_new(host, "label_name", given ? json_string(given) : json_null()) < 0 ||
        json_object_set_new(host, "active", json_boolean(active)) < 0) {
        json_decref(host);
        return NULL;
    }
    return host;
}

static int on_host(void *context, const json_t *row, struct dr_err *err)
{
    return keep(context, "hosts", dr_survey_host(row), err);
}

static int on_network_agent(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id", "hostId", "imageUuid", "state", NULL};

    if (strcmp(dr_json_string_or(row, "systemContainer", ""), "NetworkAgent") != 0)
        return 0;
    return keep(context, "network_agents", pick_with_self(row, keys), err);
}

static int on_stack(void *context, const json_t *row, struct dr_err *err)
{
    struct survey *survey = context;

    return dr_json_set(survey->stacks, dr_json_string_or(row, "id", ""),
                       json_string(dr_json_string_or(row, "name", "?")), err);
}

static int on_balancer(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const left_out[] = {"links", "actions", NULL};
    struct survey *survey = context;
    const char *id = dr_json_string_or(row, "id", "");
    const char *stack_id = dr_json_string_or(row, "environmentId", "");
    const char *stack = dr_json_string_or(survey->stacks, stack_id, "?");
    const char *self = dr_client_link(row, "self");
    json_t *balancer;

    if (strcmp(dr_json_string_or(row, "type", ""), "loadBalancerService") != 0)
        return 0;
    if (!self)
        return dr_fail(err, DR_ERR_FORMAT, "balancer '%s' has no link to itself", id);
    balancer = copy_object(row, left_out);
    if (!balancer || dr_json_set(balancer, "stack", json_string(stack), NULL) < 0 ||
        dr_json_set(balancer, "self", json_string(self), NULL) < 0 ||
        dr_json_set(balancer, "links_out", json_array(), NULL) < 0 ||
        dr_json_set(balancer, "links_in", json_array(), NULL) < 0 ||
        dr_json_set(balancer, "instances", json_array(), NULL) < 0 ||
        json_object_set(survey->balancers, id, balancer) < 0) {
        json_decref(balancer);
        return dr_fail_memory(err);
    }
    return keep(survey, "balancers", balancer, err);
}

static int on_balancer_instance(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id",    "name",        "hostId", "imageUuid",
                                       "state", "healthState", NULL};
    struct survey *survey = context;

    if (strcmp(dr_json_string_or(row, "systemContainer", ""), "LoadBalancerAgent") != 0)
        return 0;
    return dr_json_set(survey->instances, dr_json_string_or(row, "id", ""),
                       pick_with_self(row, keys), err);
}

static int on_expose_map(void *context, const json_t *row, struct dr_err *err)
{
    struct survey *survey = context;
    const char *service_id = dr_json_string_or(row, "serviceId", "");
    const char *instance_id = dr_json_string_or(row, "instanceId", "");
    json_t *balancer = json_object_get(survey->balancers, service_id);
    json_t *instance = json_object_get(survey->instances, instance_id);

    if (!balancer || !instance)
        return 0;
    return dr_json_append(json_object_get(balancer, "instances"), json_incref(instance), err);
}

/* `other`: the service at the far end. */
static int keep_link(json_t *balancer, const char *list, const char *other, const json_t *row,
                     struct dr_err *err)
{
    static const char *const keys[] = {"name", "ports", NULL};
    json_t *link = dr_survey_pick(row, keys);

    if (!link || dr_json_set(link, "serviceId", json_string(other), NULL) < 0) {
        json_decref(link);
        return dr_fail_memory(err);
    }
    return dr_json_append(json_object_get(balancer, list), link, err);
}

static int on_consume_map(void *context, const json_t *row, struct dr_err *err)
{
    struct survey *survey = context;
    const char *from = dr_json_string_or(row, "serviceId", "");
    const char *to = dr_json_string_or(row, "consumedServiceId", "");
    json_t *source = json_object_get(survey->balancers, from);
    json_t *target = json_object_get(survey->balancers, to);

    if (strcmp(dr_json_string_or(row, "state", ""), "removing") == 0)
        return 0;
    if (source && keep_link(source, "links_out", to, row, err) < 0)
        return -1;
    return target ? keep_link(target, "links_in", from, row, err) : 0;
}

static int on_service(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id", "name", "type", "state", "healthState", NULL};

    return keep(context, "services", dr_survey_pick(row, keys), err);
}

static int on_checked(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id", "name", "hostId", "healthState", NULL};

    if (!json_is_string(json_object_get(row, "healthState")))
        return 0;
    return keep(context, "checked", dr_survey_pick(row, keys), err);
}

static int on_certificate(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"id", "name", NULL};

    return keep(context, "certificates", dr_survey_pick(row, keys), err);
}

/* The agent image that new hosts are told to run: the one setting that an environment's key can
 * see. */
static int on_token(void *context, const json_t *row, struct dr_err *err)
{
    struct survey *survey = context;
    const char *image = dr_json_string_or(row, "image", NULL);

    if (!image)
        return 0;
    return dr_json_set(survey->environment, "required_image", json_string(image), err);
}

struct reading {
    const char *type;
    const char *query;
    dr_client_item_fn *item;
    const char *words;
};

static int read_one(struct survey *survey, const struct reading *reading, struct dr_err *err)
{
    const char *id = dr_json_string_or(survey->environment, "id", "");
    const char *name = dr_json_string_or(survey->environment, "name", id);
    struct dr_err failure = DR_ERR_INIT;
    char what[200];
    dr_autofree char *url = dr_client_collection(survey->rancher, id, reading->type, &failure);
    dr_autofree char *missing = NULL;

    snprintf(what, sizeof what, "read the %s of environment '%.100s'", reading->words, name);
    if (url)
        return dr_client_list(survey->rancher, url, reading->query, reading->item, survey, what,
                              err);
    if (failure.code != DR_ERR_ABSENT) {
        if (err)
            *err = failure;
        return -1;
    }
    missing = dr_text_format(err, "%s of environment '%s'", reading->words, name);
    return missing ? dr_json_append(survey->unseen, json_string(missing), err) : -1;
}

/* In this order: balancers need the stacks, expose maps need balancers and instances. */
static const struct reading readings[] = {
    {"host", NULL, on_host, "hosts"},
    {"container", "systemContainer=NetworkAgent", on_network_agent, "network agents"},
    {"environment", NULL, on_stack, "stacks"},
    {"loadBalancerService", NULL, on_balancer, "load balancers"},
    {"container", "systemContainer=LoadBalancerAgent", on_balancer_instance, "balancer instances"},
    {"serviceExposeMap", NULL, on_expose_map, "instances of services"},
    {"serviceConsumeMap", NULL, on_consume_map, "links between services"},
    {"service", NULL, on_service, "services"},
    {"container", "healthState_notnull=true", on_checked, "health-checked containers"},
    {"certificate", NULL, on_certificate, "certificates"},
    {"registrationToken", NULL, on_token, "registration tokens"},
};

/* Two hosts that people call the same are called by their ids too. */
static int tell_hosts_apart(const json_t *hosts, struct dr_err *err)
{
    json_auto_t *count = json_object();
    json_t *host;
    size_t i;

    json_array_foreach(hosts, i, host)
    {
        const char *name = dr_json_string_or(host, "name", "?");

        if (dr_json_set(count, name, json_integer(dr_json_int_or(count, name, 0) + 1), err) < 0)
            return -1;
    }
    json_array_foreach(hosts, i, host)
    {
        const char *name = dr_json_string_or(host, "name", "?");
        dr_autofree char *longer =
            dr_text_format(err, "%s (%s)", name, dr_json_string_or(host, "id", "?"));

        if (!longer)
            return -1;
        if (dr_json_int_or(count, name, 0) > 1 &&
            dr_json_set(host, "name", json_string(longer), err) < 0)
            return -1;
    }
    return 0;
}

int dr_survey_environment(struct dr_rancher *rancher, json_t *environment, json_t *unseen,
                          struct dr_err *err)
{
    static const char *const lists[] = {"hosts",    "network_agents", "balancers",
                                        "services", "checked",        "certificates"};
    json_auto_t *balancers = json_object();
    json_auto_t *instances = json_object();
    json_auto_t *stacks = json_object();
    struct survey survey = {rancher, environment, unseen, balancers, instances, stacks};

    if (!balancers || !instances || !stacks)
        return dr_fail_memory(err);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (dr_json_set(environment, lists[i], json_array(), err) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        if (read_one(&survey, &readings[i], err) < 0)
            return -1;
    }
    return tell_hosts_apart(json_object_get(environment, "hosts"), err);
}
