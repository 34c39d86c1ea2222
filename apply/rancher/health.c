/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/health.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "apply/rancher/job.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

#define WELL_SECONDS 300
#define GONE_SECONDS 30

struct health {
    const struct dr_rancher_job *job;
    json_t *wanted;  /* name: true */
    json_t *now;     /* name: health state */
    json_t *excused; /* name: true */
};

static int on_instance(void *context, const json_t *row, struct dr_err *err)
{
    struct health *health = context;
    const char *name = dr_json_string_or(row, "name", "");
    const json_t *state = json_object_get(row, "healthState");
    json_auto_t *whole = NULL;

    if (!json_object_get(health->wanted, name) || dr_container_state_is(row, "removing") ||
        dr_container_state_is(row, "stopping"))
        return 0;
    /* The host's link may give rows of the base type, which some schemas show without this field.
     */
    if (!state) {
        whole = dr_container_look(health->job->rancher, row, err);
        if (!whole)
            return -1;
        state = json_object_get(whole, "healthState");
    }
    return dr_json_set(health->now, name,
                       json_string(json_is_string(state) ? json_string_value(state) : "unknown"),
                       err);
}

/* Balancer instances that still have to be replaced prove nothing: the old ones may well be ill
 * because of what the new server sends them, and their replacing looks at their health itself. */
static int excuse_due_balancers(struct health *health, const json_t *environment,
                                struct dr_err *err)
{
    const json_t *balancer;
    const json_t *instance;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(environment, "balancers"), i, balancer)
    {
        json_array_foreach(json_object_get(balancer, "instances"), k, instance)
        {
            if (dr_job_is_due(health->job, instance, json_object_get(balancer, "instances")) &&
                dr_json_set(health->excused, dr_json_string_or(instance, "name", ""), json_true(),
                            err) < 0)
                return -1;
        }
    }
    return 0;
}

static int want(struct health *health, const json_t *environment, const char *host_id,
                struct dr_err *err)
{
    const json_t *checked;
    size_t i;

    json_array_foreach(json_object_get(environment, "checked"), i, checked)
    {
        if (strcmp(dr_json_string_or(checked, "hostId", ""), host_id) == 0 &&
            strcmp(dr_json_string_or(checked, "healthState", ""), "healthy") == 0 &&
            !json_object_get(health->excused, dr_json_string_or(checked, "name", "")) &&
            dr_json_set(health->wanted, dr_json_string_or(checked, "name", ""), json_true(), err) <
                0)
            return -1;
    }
    return 0;
}

/* How many are ill; the first few by name in `ret_words`. */
static size_t count_ill(const struct health *health, char *ret_words, size_t room)
{
    size_t ill = 0;
    const char *name;
    json_t *state;
    size_t used = 0;

    ret_words[0] = '\0';
    json_object_foreach(health->now, name, state)
    {
        const char *text = json_string_value(state);
        int size;

        if (strcmp(text, "healthy") == 0)
            continue;
        if (ill++ >= 5)
            continue;
        size = snprintf(ret_words + used, room - used, "%s%.60s (%.30s)", used ? ", " : "", name,
                        text);
        used += size > 0 ? (size_t)size : 0;
        if (used >= room)
            used = room - 1;
    }
    return ill;
}

static int still_ill(const json_t *environment, const char *host_id, size_t ill, const char *words,
                     struct dr_err *err)
{
    const char *host = dr_job_host_name(environment, host_id);

    dr_fail(err, DR_ERR_RANCHER,
            "host '%s': %zu of its containers were healthy before and are not since its network "
            "agent was replaced: %s",
            host, ill, words);
    return dr_err_advise(err,
                         "the cross-host network (ipsec) is the usual cause: UDP 500 and 4500 must "
                         "pass between '%s' and every other host of environment '%s'; nothing else "
                         "is being replaced, run drover again when they are well",
                         host, dr_json_string_or(environment, "name", "?"));
}

static int note_gone(const struct health *health, json_t *ret_gone, struct dr_err *err)
{
    const char *name;
    json_t *wanted;

    json_object_foreach(health->wanted, name, wanted)
    {
        (void)wanted;
        if (!json_object_get(health->now, name) &&
            dr_json_append(ret_gone, json_string(name), err) < 0)
            return -1;
    }
    return 0;
}

static const char *instances_link(const json_t *host)
{
    const char *link = dr_client_link(host, "instances");

    return link ? link : dr_client_link(host, "containers");
}

static int wait_for_all(struct health *health, const json_t *environment, const char *host_id,
                        struct dr_err *err)
{
    json_auto_t *host = dr_client_get(
        health->job->rancher, dr_client_link(dr_job_find(environment, "hosts", host_id), "self"),
        "look at a host", err);
    const char *link = instances_link(host);
    struct dr_wait wait;

    if (!host)
        return -1;
    if (!link)
        return dr_fail(err, DR_ERR_FORMAT, "host '%s' has no link to its containers", host_id);
    dr_wait_start(&wait, WELL_SECONDS);
    wait.steady = health->job->rancher->steady > 0;
    for (;;) {
        char words[400];
        size_t ill;
        int again;

        json_object_clear(health->now);
        if (dr_client_list(health->job->rancher, link, NULL, on_instance, health,
                           "read the containers of a host", err) < 0)
            return -1;
        ill = count_ill(health, words, sizeof words);
        if (ill == 0 && json_object_size(health->now) == json_object_size(health->wanted))
            return 0;
        again = dr_wait_again(&wait, "waiting for containers to be healthy", err);
        if (again < 0)
            return -1;
        if (again == 0 && ill > 0)
            return still_ill(environment, host_id, ill, words, err);
        /* Only some are missing: moved, scaled down or renamed. They had a while to come back. */
        if (ill == 0 && dr_wait_seconds(&wait) >= dr_scaled(GONE_SECONDS))
            return 0;
    }
}

int dr_health_wait(const struct dr_rancher_job *job, const json_t *environment, const char *host_id,
                   json_t *ret_gone, struct dr_err *err)
{
    json_auto_t *wanted = json_object();
    json_auto_t *now = json_object();
    json_auto_t *excused = json_object();
    struct health health = {job, wanted, now, excused};

    if (!wanted || !now || !excused)
        return dr_fail_memory(err);
    if (excuse_due_balancers(&health, environment, err) < 0 ||
        want(&health, environment, host_id, err) < 0)
        return -1;
    if (json_object_size(wanted) == 0)
        return 0;
    if (wait_for_all(&health, environment, host_id, err) < 0)
        return -1;
    return note_gone(&health, ret_gone, err);
}
