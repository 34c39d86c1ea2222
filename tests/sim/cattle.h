/* SPDX-License-Identifier: Apache-2.0 */
// The processes of Cattle that the upgrade meets: instances, network agents, services, hosts, pull
// tasks. Each file registers its steps with the engine; the calls below are how they set off one
// another.
#ifndef SIM_CATTLE_H
#define SIM_CATTLE_H

#include "db.h"

// ---- instances (instance.c)
struct instance_spec {
    int project, host, service;
    const char *name, *image_uuid, *system; // system: "NetworkAgent", "LoadBalancerAgent" or NULL
    json_t *fields;                         // more fields, borrowed, may be NULL
    bool start;
};
void instance_init(void);
struct row *instance_create(const struct instance_spec *spec);
// Puts an instance into `running` at once, as the seed does: no process, no event.
void instance_make_running(struct row *instance);
void instance_start(struct row *instance);
void instance_stop(struct row *instance, bool remove);
void instance_remove(struct row *instance); // from stopped, error, creating
void instance_restart(struct row *instance);
bool instance_counts(const struct row *instance); // not removing, removed, purging or purged
bool instance_is_agent(const struct row *instance);

// ---- network agents (netagent.c)
// A host-targeted event: makes or starts the host's network agent when it is not there.
void netagent_event(struct row *host);
// An event of the environment: touches one arbitrary host only.
void netagent_event_random(int project);
struct row *netagent_of(const struct row *host);

// ---- services (service.c)
void service_init(void);
struct row *service_create(int project, const char *type, json_t *fields);
void service_reconcile(struct row *service); // soon, and only if the service is exactly `active`
void service_seed_instances(struct row *service, json_t *hosts); // at once, all running
void service_forget_instance(struct row *instance);
void service_refresh_endpoints(struct row *service);
const char *service_health(const struct row *service);
bool service_action(struct row *service, const char *action, json_t *body, const char **ret_error);
bool service_link(struct row *from, int to, const char *name, json_t *ports);
void service_unlink(struct row *from, int to, const char *name);
void service_clear_links(struct row *from);
void service_link_selected(struct row *service);

// ---- hosts (host.c)
void host_init(void);
struct row *host_create(int project, json_t *fields);
bool host_shown_active(const struct row *host); // what the allocator believes
bool host_answers(const struct row *host);      // whether commands get through
void host_server_started(void);                 // after a restart every agent has to come back
void host_apply_faults(void);
struct row *host_docker_rm(struct row *host, struct row *instance);
bool host_has_labels(const struct row *host, json_t *labels);

// ---- pull tasks (pulltask.c)
void pulltask_init(void);
struct row *pulltask_create(int project, json_t *body);

// ---- projects (seed.c)
struct row *project_create(const char *name, const char *state);
json_t *seed_apply(json_t *body, const char **ret_error);

// ---- traffic through balancers (traffic.c)
void traffic_open(struct row *instance);
void traffic_close(struct row *instance);
void traffic_resume(void); // after a start

#endif
