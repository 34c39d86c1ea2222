/* SPDX-License-Identifier: Apache-2.0 */
// POST /sim/seed: a site that has been running for a while. The shape of the body is in README.md.
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "pull.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row *project_create(const char *name, const char *state)
{
    struct row *p = db_new(T_ACCOUNT, 0,
                           json_pack("{s:s, s:s, s:s?, s:b, s:b, s:b, s:b}", "type", "project",
                                     "kind", "project", "name", name, "kubernetes", 0, "swarm", 0,
                                     "mesos", 0, "publicDns", 0));
    row_state(p, state ? state : "active");
    struct row *token =
        db_new(T_CREDENTIAL, p->num,
               json_pack("{s:s, s:s}", "type", "registrationToken", "kind", "registrationToken"));
    char text[37];
    sim_uuid(text);
    row_set_str(token, "token", text);
    row_state(token, "active");
    return p;
}

static struct row *find_project(const char *name)
{
    for (int n = 1; n <= db_count(T_ACCOUNT); n++) {
        struct row *p = db_get(T_ACCOUNT, n);
        if (p && !row_removed(p) && (!name || !strcmp(row_str(p, "name"), name)))
            return p;
    }
    return NULL;
}

// A number stands for that many made-up entries; an array is taken as it is. The caller owns the
// result.
static json_t *expand(json_t *value, const char *prefix)
{
    if (!json_is_integer(value))
        return json_is_array(value) ? json_incref(value) : json_array();
    json_t *out = json_array();
    for (int n = 1; n <= (int)json_integer_value(value) && n <= 100000; n++) {
        char name[64];
        snprintf(name, sizeof name, "%s%d", prefix, n);
        json_array_append_new(out, json_pack("{s:s}", "name", name));
    }
    return out;
}

static void seed_hosts(struct row *project, json_t *list)
{
    json_t *host, *image;
    size_t at, i;
    char *agent_image = setting_value("agent.instance.image.uuid");
    json_array_foreach(list, at, host)
    {
        json_t *fields = json_is_object(host) ? json_deep_copy(host) : json_object();
        bool agent = !json_is_false(json_object_get(fields, "networkAgent"));
        json_t *images = json_object_get(fields, "images");
        const char *text = json_string_value(json_object_get(fields, "agentImage"));
        struct row *row;
        if (json_is_true(json_object_get(fields, "noAgent")))
            json_object_set_new(fields, "_noAgent", json_true());
        if (json_is_true(json_object_get(fields, "away")))
            json_object_set_new(fields, "_away", json_true());
        const char *own = json_string_value(json_object_get(fields, "networkAgentImage"));
        if (!json_object_get(fields, "hostname") && json_object_get(fields, "name"))
            json_object_set(fields, "hostname", json_object_get(fields, "name"));
        row = host_create(project->num, fields);
        if (text)
            row_set_str(row, "_agentImage", text);
        json_array_foreach(images, i, image) if (json_is_string(image))
            host_add_image(row, json_string_value(image));
        struct instance_spec spec = {.project = project->num,
                                     .host = row->num,
                                     .name = "Network Agent",
                                     .image_uuid = own ? own : agent_image,
                                     .system = "NetworkAgent"};
        if (agent)
            instance_make_running(instance_create(&spec));
        static const char *const knobs[] = {"networkAgent", "images", "agentImage",
                                            "noAgent",      "away",   "networkAgentImage"};
        for (i = 0; i < sizeof knobs / sizeof *knobs; i++)
            row_unset(row, knobs[i]);
        json_decref(fields);
    }
    free(agent_image);
}

static struct row *seed_stack(struct row *project, const char *name)
{
    for (int n = 1; n <= db_count(T_ENVIRONMENT); n++) {
        struct row *s = db_get(T_ENVIRONMENT, n);
        if (s && s->project == project->num && !strcmp(row_str(s, "name"), name))
            return s;
    }
    struct row *s =
        db_new(T_ENVIRONMENT, project->num,
               json_pack("{s:s, s:s, s:s, s:n, s:s}", "type", "environment", "kind", "environment",
                         "name", name, "externalId", "healthState", "healthy"));
    row_state(s, "active");
    return s;
}

static struct row *find_named(enum row_type type, const struct row *project, const char *name)
{
    for (int n = db_count(type); name && n > 0; n--) {
        struct row *row = db_get(type, n);
        if (row && row->project == project->num && !row_removed(row) &&
            !strcmp(row_str(row, "name"), name))
            return row;
    }
    return NULL;
}

static void seed_certificates(struct row *project, json_t *list)
{
    json_t *item;
    size_t at;
    json_array_foreach(list, at, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item)
                                                : json_string_value(json_object_get(item, "name"));
        struct row *c = db_new(T_CERTIFICATE, project->num,
                               json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "certificate", "kind",
                                         "certificate", "name", name ? name : "certificate", "CN",
                                         "www.example.com", "algorithm", "SHA256WITHRSA"));
        row_state(c, "active");
    }
}

// Certificates are given by name in the seed, and kept as ids.
static void set_certificates(struct row *project, json_t *fields, json_t *names)
{
    json_t *ids = json_array(), *name;
    size_t at;
    json_array_foreach(names, at, name)
    {
        struct row *c = find_named(T_CERTIFICATE, project, json_string_value(name));
        if (c)
            json_array_append_new(ids, json_string(row_id(c)));
    }
    if (json_array_size(ids) && !json_object_get(fields, "defaultCertificateId"))
        json_object_set(fields, "defaultCertificateId", json_array_get(ids, 0));
    json_object_set_new(fields, "certificateIds", ids);
}

static void set_launch(json_t *fields, json_t *given)
{
    json_t *config = json_object_get(fields, "launchConfig");
    if (!json_is_object(config)) {
        config = json_object();
        json_object_set_new(fields, "launchConfig", config);
    }
    static const char *const moved[] = {"ports", "imageUuid", "labels", "healthCheck", "expose"};
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        if (json_object_get(given, moved[i]))
            json_object_set(config, moved[i], json_object_get(given, moved[i]));
        json_object_del(fields, moved[i]);
    }
    if (!json_is_object(json_object_get(config, "labels")))
        json_object_set_new(config, "labels", json_object());
    if (json_is_true(json_object_get(given, "global")))
        json_object_set_new(json_object_get(config, "labels"), "io.rancher.scheduler.global",
                            json_string("true"));
}

static void add_links(struct row *project, struct row *service, json_t *links)
{
    json_t *link;
    size_t at;
    json_array_foreach(links, at, link)
    {
        const char *to = json_is_string(link) ? json_string_value(link)
                                              : json_string_value(json_object_get(link, "service"));
        struct row *target = find_named(T_SERVICE, project, to);
        if (target)
            service_link(service, target->num, json_string_value(json_object_get(link, "name")),
                         json_object_get(link, "ports"));
    }
}

static void seed_service(struct row *project, const char *type, json_t *given)
{
    const char *stack = json_string_value(json_object_get(given, "stack"));
    const char *state = json_string_value(json_object_get(given, "state"));
    json_t *fields = json_deep_copy(given), *hosts = json_object_get(given, "hosts");
    bool balancer = !strcmp(type, "loadBalancerService");
    json_object_set_new(fields, "environmentId",
                        json_string(row_id(seed_stack(project, stack ? stack : "Default"))));
    set_launch(fields, given);
    if (!balancer && !json_object_get(json_object_get(fields, "launchConfig"), "imageUuid"))
        json_object_set_new(json_object_get(fields, "launchConfig"), "imageUuid",
                            json_string("docker:nginx:1.9"));
    if (balancer)
        set_certificates(project, fields, json_object_get(given, "certificates"));
    json_object_set_new(fields, "startOnCreate", json_true());
    static const char *const knobs[] = {"stack",        "hosts", "links",      "global",
                                        "certificates", "state", "trafficPort"};
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++)
        json_object_del(fields, knobs[i]);
    struct row *service = service_create(project->num, type, fields);
    json_decref(fields);
    if (json_is_integer(json_object_get(given, "trafficPort")))
        row_set(service, "_trafficPort", json_incref(json_object_get(given, "trafficPort")));
    service_seed_instances(service, hosts);
    row_state(service, state ? state : "active");
    add_links(project, service, json_object_get(given, "links"));
    service_link_selected(service);
    for (int n = 0; state && !strcmp(state, "inactive") && n < service->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, service->kids.items[n]);
        traffic_close(i);
        row_state(i, "stopped");
    }
}

// `loadBalancers: 1000` makes lb1.. with two instances each, spread over the hosts, a port of its
// own each.
static void spread(struct row *project, json_t *list)
{
    int hosts[4096], count = 0;
    for (int n = 1; n <= db_count(T_HOST) && count < 4096; n++)
        if (db_get(T_HOST, n)->project == project->num)
            hosts[count++] = n;
    json_t *lb;
    size_t at;
    json_array_foreach(list, at, lb)
    {
        char port[32], a[32], b[32];
        if (!count)
            break;
        snprintf(port, sizeof port, "%d:80", 10000 + (int)(at % 50000));
        snprintf(a, sizeof a, "1h%d", hosts[at % (size_t)count]);
        snprintf(b, sizeof b, "1h%d", hosts[(at + 1) % (size_t)count]);
        json_object_set_new(lb, "ports", json_pack("[s]", port));
        json_object_set_new(lb, "scale", json_integer(count > 1 ? 2 : 1));
        json_object_set_new(lb, "hosts",
                            count > 1 ? json_pack("[s, s]", a, b) : json_pack("[s]", a));
    }
}

static void seed_containers(struct row *project, json_t *list)
{
    json_t *given;
    size_t at;
    json_array_foreach(list, at, given)
    {
        const char *image = json_string_value(json_object_get(given, "imageUuid"));
        const char *host_name = json_string_value(json_object_get(given, "host"));
        struct row *host = find_named(T_HOST, project, host_name);
        if (!host)
            host = db_get(T_HOST, id_num(host_name));
        if (!host)
            continue;
        struct instance_spec spec = {.project = project->num,
                                     .host = host->num,
                                     .name = json_string_value(json_object_get(given, "name")),
                                     .image_uuid = image ? image : "docker:busybox:latest"};
        struct row *row = instance_create(&spec);
        if (json_object_get(given, "networkMode"))
            row_set(row, "networkMode", json_incref(json_object_get(given, "networkMode")));
        instance_make_running(row);
    }
}

static void seed_project(json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "name"));
    const char *state = json_string_value(json_object_get(body, "state"));
    struct row *project = find_project(name);
    if (!project)
        project = project_create(name, "active");
    json_t *hosts = expand(json_object_get(body, "hosts"), "node");
    json_t *services = expand(json_object_get(body, "services"), "web");
    json_t *balancers = expand(json_object_get(body, "loadBalancers"), "lb"), *item;
    size_t at;
    seed_hosts(project, hosts);
    json_array_foreach(json_object_get(body, "stacks"), at, item) if (json_is_string(item))
        seed_stack(project, json_string_value(item));
    seed_certificates(project, json_object_get(body, "certificates"));
    json_array_foreach(services, at, item) seed_service(project, "service", item);
    if (json_is_integer(json_object_get(body, "loadBalancers")))
        spread(project, balancers);
    json_array_foreach(balancers, at, item) seed_service(project, "loadBalancerService", item);
    seed_containers(project, json_object_get(body, "containers"));
    if (state)
        row_state(project, state);
    json_decref(hosts);
    json_decref(services);
    json_decref(balancers);
}

static const char DEFAULT_SEED[] =
    "{\"hosts\": [{\"name\": \"node1\"}, {\"name\": \"node2\"}, {\"name\": \"node3\"}],"
    " \"stacks\": [\"shop\"], \"certificates\": [\"shop-cert\"],"
    " \"services\": [{\"name\": \"web\", \"stack\": \"shop\", \"scale\": 2},"
    "  {\"name\": \"api\", \"stack\": \"shop\", \"scale\": 1}],"
    " \"loadBalancers\": [{\"name\": \"lb\", \"stack\": \"shop\", \"scale\": 2,"
    "   \"ports\": [\"80:80\", \"443:443\"], \"certificates\": [\"shop-cert\"],"
    "   \"labels\": {\"io.rancher.loadbalancer.ssl.ports\": \"443\"},"
    "   \"links\": [{\"service\": \"web\", \"ports\": [\"www.example.com:80=8080\"]}]},"
    "  {\"name\": \"edge\", \"stack\": \"shop\", \"global\": true, \"ports\": [\"9000:9000\"],"
    "   \"links\": [\"api\"]}]}";

json_t *seed_apply(json_t *body, const char **ret_error)
{
    *ret_error = NULL;
    json_t *used = json_object_size(body) ? json_incref(body) : json_loads(DEFAULT_SEED, 0, NULL);
    json_t *value, *project;
    const char *name;
    size_t at;
    json_object_foreach(json_object_get(used, "settings"), name, value)
        setting_put(name, json_string_value(value));
    bool own = json_object_get(used, "hosts") || json_object_get(used, "services") ||
               json_object_get(used, "loadBalancers") || json_object_get(used, "containers");
    if (own)
        seed_project(used);
    json_array_foreach(json_object_get(used, "projects"), at, project) if (json_is_object(project))
        seed_project(project);
    json_decref(used);
    return json_pack("{s:i, s:i, s:i}", "hosts", db_count(T_HOST), "services", db_count(T_SERVICE),
                     "instances", db_count(T_INSTANCE));
}
