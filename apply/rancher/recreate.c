/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/recreate.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/job.h"
#include "apply/rancher/service.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "lib/wait.h"

#define CREATE_TRIES 5

static const char *text(const json_t *entry, const char *key)
{
    return dr_json_string_or(entry, key, "");
}

static const char *project_of(const json_t *entry)
{
    return text(entry, "environmentId");
}

/* ---- before */

/* What a client may give when it creates one [rancher §4.5]. */
static json_t *definition_of(const json_t *service)
{
    static const char *const keys[] = {"name",
                                       "environmentId",
                                       "description",
                                       "scale",
                                       "scalePolicy",
                                       "launchConfig",
                                       "loadBalancerConfig",
                                       "certificateIds",
                                       "defaultCertificateId",
                                       "metadata",
                                       "selectorLink",
                                       "vip",
                                       "assignServiceIpAddress",
                                       "retainIp",
                                       NULL};
    static const char *const not_ours[] = {"imageUuid", "kind",  "version", "type", "id",
                                           "uuid",      "links", "actions", NULL};
    json_auto_t *picked = dr_survey_pick(service, keys);
    json_t *copy = dr_survey_copy(picked);
    json_t *config = json_object_get(copy, "launchConfig");

    for (size_t i = 0; not_ours[i]; i++)
        json_object_del(config, not_ours[i]);
    if (copy && json_object_set_new(copy, "startOnCreate", json_false()) < 0) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

/* Who links to it must be able to do so again. */
static int check_inbound(const struct dr_rancher_job *job, const json_t *entry, const json_t *links,
                         struct dr_err *err)
{
    const json_t *link;
    size_t i;

    json_array_foreach(links, i, link)
    {
        json_auto_t *other =
            dr_service_look(job->rancher, project_of(entry), text(link, "serviceId"), err);

        if (!other)
            return -1;
        if (!dr_client_action(other, "addservicelink"))
            return dr_fail(err, DR_ERR_REFUSED,
                           "balancer %s was not touched: service '%s' (state '%s') links to it, "
                           "and Rancher would not let it do so again",
                           text(entry, "name"), text(other, "name"), text(other, "state"));
    }
    return 0;
}

int dr_recreate_define(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err)
{
    const char *id = text(entry, "serviceId");
    json_auto_t *service = dr_service_look(job->rancher, project_of(entry), id, err);
    json_t *out;
    json_t *in;

    if (!service || dr_json_set(entry, "definition", definition_of(service), err) < 0)
        return -1;
    out = dr_service_links(job->rancher, project_of(entry), id, false, err);
    if (!out || dr_json_set(entry, "links_out", out, err) < 0)
        return -1;
    in = dr_service_links(job->rancher, project_of(entry), id, true, err);
    if (!in || dr_json_set(entry, "links_in", in, err) < 0)
        return -1;
    return check_inbound(job, entry, in, err);
}

/* ---- the change */

static int remove_old(const struct dr_rancher_job *job, const json_t *entry, struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    const char *id = text(entry, "serviceId");
    json_auto_t *service = dr_service_look(job->rancher, project_of(entry), id, &failure);
    const char *self = dr_client_link(service, "self");

    if (!service && failure.code == DR_ERR_ABSENT)
        return 0;
    if (!service || !self) {
        if (err)
            *err = failure;
        return service ? dr_fail(err, DR_ERR_FORMAT, "the service has no link to itself") : -1;
    }
    if (dr_client_removed(service))
        return 0;
    if (strcmp(text(service, "state"), "removing") != 0 &&
        dr_client_send(job->rancher, "DELETE", self, NULL, NULL, "remove the service", &failure) <
            0 &&
        failure.code != DR_ERR_NET && failure.code != DR_ERR_ABSENT) {
        if (err)
            *err = failure;
        return -1;
    }
    return dr_service_wait(job->rancher, project_of(entry), id, "removed", "remove the service",
                           err);
}

/* One that is there already was made by us, unless somebody used the moment for another one of that
 * name. */
static int adopt(const json_t *entry, const json_t *found, struct dr_err *err)
{
    static const char *const keys[] = {"launchConfig", "loadBalancerConfig", NULL};
    const json_t *definition = json_object_get(entry, "definition");

    for (size_t i = 0; keys[i]; i++) {
        if (!dr_survey_contains(json_object_get(found, keys[i]),
                                json_object_get(definition, keys[i])))
            return dr_fail(err, DR_ERR_REFUSED,
                           "there is another balancer of that name by now (%s), and its %s is "
                           "another one; rename or remove it in Rancher, then run drover again",
                           text(found, "id"), keys[i]);
    }
    return 0;
}

static int note_new(const struct dr_rancher_job *job, json_t *entry, const json_t *service,
                    struct dr_err *err)
{
    if (dr_json_set(entry, "newId", json_string(text(service, "id")), err) < 0)
        return -1;
    return dr_job_changed(job, err);
}

static int create(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err)
{
    struct dr_rancher *rancher = job->rancher;
    const json_t *definition = json_object_get(entry, "definition");
    dr_autofree char *url =
        dr_client_collection(rancher, project_of(entry), "loadBalancerService", err);
    struct dr_wait wait;

    if (!url)
        return -1;
    if (*text(entry, "newId"))
        return 0;
    dr_wait_start(&wait, 120);
    wait.steady = true;
    for (unsigned tries = 1;; tries++) {
        struct dr_err failure = DR_ERR_INIT;
        json_auto_t *found = NULL;

        if (dr_service_find(rancher, project_of(entry), text(definition, "environmentId"),
                            text(definition, "name"), &found, err) < 0)
            return -1;
        if (found)
            return adopt(entry, found, err) < 0 ? -1 : note_new(job, entry, found, err);
        /* An answer that got lost shows as one that is there at the next look. */
        if (dr_client_send(rancher, "POST", url, definition, &found, "make the service again",
                           &failure) == 0)
            return note_new(job, entry, found, err);
        if (failure.code != DR_ERR_NET || tries == CREATE_TRIES ||
            dr_wait_again(&wait, "make the service again", err) <= 0) {
            if (err)
                *err = failure;
            return -1;
        }
    }
}

static int link_out(const struct dr_rancher_job *job, const json_t *entry, struct dr_err *err)
{
    json_t *links = json_object_get(entry, "links_out");
    json_auto_t *body = json_pack("{s:O}", "serviceLinks", links);

    if (!body)
        return dr_fail_memory(err);
    if (json_array_size(links) == 0)
        return 0;
    return dr_service_act(job->rancher, project_of(entry), text(entry, "newId"), "setservicelinks",
                          body, "restore the balancer's links", err);
}

static bool is_linked(const json_t *links, const json_t *wanted)
{
    const json_t *link;
    size_t i;

    json_array_foreach(links, i, link)
    {
        if (strcmp(text(link, "serviceId"), text(wanted, "serviceId")) == 0 &&
            strcmp(text(link, "name"), text(wanted, "name")) == 0)
            return true;
    }
    return false;
}

static int link_in(const struct dr_rancher_job *job, const json_t *entry, struct dr_err *err)
{
    const char *id = text(entry, "newId");
    json_auto_t *now = dr_service_links(job->rancher, project_of(entry), id, true, err);
    const json_t *link;
    size_t i;

    if (!now)
        return -1;
    json_array_foreach(json_object_get(entry, "links_in"), i, link)
    {
        json_auto_t *copy = json_deep_copy(link);
        json_auto_t *body = NULL;

        if (is_linked(now, link))
            continue;
        if (!copy || json_object_set_new(copy, "serviceId", json_string(id)) < 0)
            return dr_fail_memory(err);
        body = json_pack("{s:O}", "serviceLink", copy);
        if (!body)
            return dr_fail_memory(err);
        if (dr_service_act(job->rancher, project_of(entry), text(link, "serviceId"),
                           "addservicelink", body, "restore a link to the balancer", err) < 0)
            return -1;
    }
    return 0;
}

static int activate(const struct dr_rancher_job *job, const json_t *entry, struct dr_err *err)
{
    struct dr_rancher *rancher = job->rancher;
    const char *id = text(entry, "newId");
    json_auto_t *service = dr_service_look(rancher, project_of(entry), id, err);

    if (!service)
        return -1;
    if (strcmp(text(service, "state"), "inactive") == 0 &&
        dr_service_act(rancher, project_of(entry), id, "activate", NULL, "activate the balancer",
                       err) < 0)
        return -1;
    if (dr_service_wait(rancher, project_of(entry), id, "active", "activate the balancer", err) < 0)
        return -1;
    return dr_service_wait_well(rancher, project_of(entry), id, job->agent_instance,
                                (size_t)dr_json_int_or(entry, "instances", 1),
                                "wait for the new balancer", err);
}

/* Has an earlier run come as far as to activate it? */
static int is_begun(const struct dr_rancher_job *job, const json_t *entry, bool *ret_begun,
                    struct dr_err *err)
{
    json_auto_t *service =
        dr_service_look(job->rancher, project_of(entry), text(entry, "newId"), err);
    const char *state = text(service, "state");

    if (!service)
        return -1;
    *ret_begun = strcmp(state, "activating") == 0 || strcmp(state, "active") == 0;
    return 0;
}

int dr_recreate_run(const struct dr_rancher_job *job, json_t *entry, struct dr_err *err)
{
    bool begun = false;

    if (remove_old(job, entry, err) < 0 || create(job, entry, err) < 0 ||
        is_begun(job, entry, &begun, err) < 0)
        return -1;
    if (!begun && (dr_service_wait(job->rancher, project_of(entry), text(entry, "newId"),
                                   "inactive", "make the service again", err) < 0 ||
                   link_out(job, entry, err) < 0 || link_in(job, entry, err) < 0))
        return -1;
    return dr_json_true(entry, "active") ? activate(job, entry, err) : 0;
}
