/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/service.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "apply/rancher/job.h"
#include "apply/rancher/roll.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

json_t *dr_service_look(struct dr_rancher *rancher, const char *project, const char *id,
                        struct dr_err *err)
{
    dr_autofree char *collection = dr_client_collection(rancher, project, "service", err);
    dr_autofree char *url = collection ? dr_text_format(err, "%s/%s", collection, id) : NULL;

    return url ? dr_client_get(rancher, url, "look at a service", err) : NULL;
}

const char *dr_service_failure(const json_t *service)
{
    if (strcmp(dr_json_string_or(service, "transitioning", ""), "error") != 0)
        return NULL;
    return dr_json_string_or(service, "transitioningMessage", "Rancher gives no reason");
}

static bool is_in(const json_t *service, const char *state)
{
    if (strcmp(state, "removed") == 0)
        return dr_client_removed(service);
    return strcmp(dr_json_string_or(service, "state", ""), state) == 0;
}

int dr_service_wait(struct dr_rancher *rancher, const char *project, const char *id,
                    const char *state, const char *what, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, DR_ROLL_SECONDS);
    wait.steady = rancher->steady > 0;
    for (;;) {
        struct dr_err failure = DR_ERR_INIT;
        json_auto_t *service = dr_service_look(rancher, project, id, &failure);
        const char *why = dr_service_failure(service);
        int again;

        if (!service && failure.code == DR_ERR_ABSENT && strcmp(state, "removed") == 0)
            return 0;
        if (!service) {
            if (err)
                *err = failure;
            return -1;
        }
        if (is_in(service, state))
            return 0;
        again = dr_wait_again(&wait, what, err);
        if (again < 0)
            return -1;
        if (again == 0)
            return dr_fail(err, DR_ERR_RANCHER, "%s: it is still '%s' and not '%s'%s%s", what,
                           dr_json_string_or(service, "state", "?"), state, why ? ": " : "",
                           why ? why : "");
    }
}

struct wellness {
    const json_t *service;
    const char *reference;
    size_t well;
    size_t live;
};

/* Stopped ones with another image are what an upgrade keeps until it is finished. */
static int on_instance(void *context, const json_t *row, struct dr_err *err)
{
    struct wellness *wellness = context;
    bool same = dr_job_same_image(dr_json_string_or(row, "imageUuid", NULL), wellness->reference);

    (void)err;
    if (dr_container_state_is(row, "removing") ||
        (!same &&
         (dr_container_state_is(row, "stopped") || dr_container_state_is(row, "stopping"))))
        return 0;
    wellness->live++;
    wellness->well += same && dr_roll_is_well(wellness->service, row);
    return 0;
}

int dr_service_wait_well(struct dr_rancher *rancher, const char *project, const char *id,
                         const char *reference, size_t least, const char *what, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, DR_ROLL_SECONDS);
    wait.steady = rancher->steady > 0;
    for (;;) {
        json_auto_t *service = dr_service_look(rancher, project, id, err);
        const char *link = dr_client_link(service, "instances");
        struct wellness wellness = {service, reference, 0, 0};
        int again;

        if (!service)
            return -1;
        if (!link)
            return dr_fail(err, DR_ERR_FORMAT, "%s: the service has no link to its instances",
                           what);
        if (dr_client_list(rancher, link, NULL, on_instance, &wellness,
                           "read a balancer's instances", err) < 0)
            return -1;
        if (wellness.well >= least && wellness.well == wellness.live)
            return 0;
        again = dr_wait_again(&wait, what, err);
        if (again < 0)
            return -1;
        if (again > 0)
            continue;
        dr_fail(err, DR_ERR_RANCHER, "%s: %zu of %zu instances run %s and are well", what,
                wellness.well, wellness.live > least ? wellness.live : least, reference);
        return dr_err_advise(err, "see its instances in Rancher, then run drover again");
    }
}

int dr_service_act(struct dr_rancher *rancher, const char *project, const char *id,
                   const char *action, const json_t *body, const char *what, struct dr_err *err)
{
    json_auto_t *service = dr_service_look(rancher, project, id, err);
    const char *link = dr_client_action(service, action);

    if (!service)
        return -1;
    if (!link)
        return dr_fail(err, DR_ERR_RANCHER, "%s: Rancher offers no '%s' of '%s' in its state '%s'",
                       what, action, dr_json_string_or(service, "name", id),
                       dr_json_string_or(service, "state", "?"));
    return dr_client_send(rancher, "POST", link, body, NULL, what, err);
}

struct links {
    json_t *list;
    const char *id;
    const char *own;
    const char *other;
};

static int on_link(void *context, const json_t *row, struct dr_err *err)
{
    static const char *const keys[] = {"name", "ports", NULL};
    const struct links *links = context;
    const char *other = dr_json_string_or(row, links->other, "");
    json_t *link;

    if (strcmp(dr_json_string_or(row, links->own, ""), links->id) != 0 ||
        strcmp(dr_json_string_or(row, "state", ""), "removing") == 0)
        return 0;
    link = dr_survey_pick(row, keys);
    if (!link || dr_json_set(link, "serviceId", json_string(other), NULL) < 0) {
        json_decref(link);
        return dr_fail_memory(err);
    }
    return dr_json_append(links->list, link, err);
}

json_t *dr_service_links(struct dr_rancher *rancher, const char *project, const char *id, bool to,
                         struct dr_err *err)
{
    dr_autofree char *url = dr_client_collection(rancher, project, "serviceConsumeMap", err);
    const char *own = to ? "consumedServiceId" : "serviceId";
    dr_autofree char *query = dr_text_format(err, "%s=%s", own, id);
    json_auto_t *list = json_array();
    struct links links = {list, id, own, to ? "serviceId" : "consumedServiceId"};

    if (!list)
        dr_fail_memory(err);
    if (!url || !query || !list ||
        dr_client_list(rancher, url, query, on_link, &links, "read the links of a service", err) <
            0)
        return NULL;
    return json_incref(list);
}

struct find {
    const char *stack_id;
    const char *name;
    json_t *found;
};

/* Names are unique in a stack without regard to case. */
static int on_balancer(void *context, const json_t *row, struct dr_err *err)
{
    struct find *find = context;

    (void)err;
    if (find->found || strcmp(dr_json_string_or(row, "environmentId", ""), find->stack_id) != 0 ||
        strcasecmp(dr_json_string_or(row, "name", ""), find->name) != 0 ||
        strcmp(dr_json_string_or(row, "state", ""), "removing") == 0)
        return 0;
    find->found = json_deep_copy(row);
    return find->found ? 0 : dr_fail_memory(err);
}

int dr_service_find(struct dr_rancher *rancher, const char *project, const char *stack_id,
                    const char *name, json_t **ret, struct dr_err *err)
{
    dr_autofree char *url = dr_client_collection(rancher, project, "loadBalancerService", err);
    dr_autofree char *query = dr_text_format(err, "name=%s", name);
    struct find find = {stack_id, name, NULL};

    if (!url || !query ||
        dr_client_list(rancher, url, query, on_balancer, &find, "look for a balancer", err) < 0) {
        json_decref(find.found);
        return -1;
    }
    *ret = find.found;
    return 0;
}
