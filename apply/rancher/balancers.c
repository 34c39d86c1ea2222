/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/balancers.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/hosts.h"
#include "apply/rancher/job.h"
#include "apply/rancher/pinned.h"
#include "apply/rancher/roll.h"
#include "apply/rancher/rolling.h"
#include "apply/rancher/survey.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

/* `before`: the same balancer in the inventory. */
static size_t count_due(const struct dr_rancher_job *job, const json_t *environment,
                        const json_t *balancer, const json_t *before)
{
    const json_t *instance;
    size_t due = 0;
    size_t i;

    json_array_foreach(json_object_get(balancer, "instances"), i, instance)
    {
        due += dr_job_is_due(job, instance, json_object_get(before, "instances")) &&
               !dr_hosts_id_is_skipped(job, environment, dr_json_string_or(instance, "hostId", ""));
    }
    return due;
}

/* ---- plan */

static const char *why_due(const struct dr_rancher_job *job)
{
    const struct dr_rancher_wishes *wishes = job->wishes;

    return wishes && wishes->recreate ? "all are to be re-created" : "their image differs";
}

static int plan_balancer(const struct dr_rancher_job *job, const json_t *environment,
                         const json_t *balancer, json_t *rows, struct dr_err *err)
{
    size_t all = json_array_size(json_object_get(balancer, "instances"));
    size_t due = count_due(job, environment, balancer, balancer);
    dr_autofree char *name = dr_roll_name(balancer, err);
    dr_autofree char *object = NULL;
    dr_autofree char *action = NULL;
    char obstacle[DR_ROLL_WORDS];
    const char *why = dr_roll_obstacle(balancer, job->agent_instance, obstacle);

    if (!name)
        return -1;
    object =
        dr_text_format(err, "balancer %s (%s)", name, dr_json_string_or(environment, "name", "?"));
    if (!object)
        return -1;
    if (due == 0)
        return 0;
    if (dr_pinned_is_wanted(job, balancer))
        return dr_job_row(rows,
                          &(struct dr_row){"load balancers", object, dr_pinned_action(job),
                                           "its launch configuration names an image of its own",
                                           dr_pinned_interruption(job)},
                          err);
    if (why)
        return dr_job_row(rows, &(struct dr_row){"load balancers", object, "left alone", why, ""},
                          err);
    action = dr_text_format(err, "replace %zu of %zu instance%s, one at a time", due, all,
                            all == 1 ? "" : "s");
    return action ? dr_job_row(rows,
                               &(struct dr_row){"load balancers", object, action, why_due(job),
                                                all > 1 ? "none: the other instances serve on"
                                                        : "some seconds: it has a single instance"},
                               err)
                  : -1;
}

static int plan_environment(const struct dr_rancher_job *job, const json_t *environment,
                            void *context, struct dr_err *err)
{
    const json_t *balancer;
    size_t i;

    json_array_foreach(json_object_get(environment, "balancers"), i, balancer)
    {
        if (plan_balancer(job, environment, balancer, context, err) < 0)
            return -1;
    }
    return 0;
}

int dr_balancers_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err)
{
    return dr_job_each_environment(job, plan_environment, rows, err);
}

/* ---- run */

static int leave_alone(const struct dr_rancher_job *job, const json_t *balancer, const char *why,
                       struct dr_err *err)
{
    dr_autofree char *name = dr_roll_name(balancer, err);
    dr_autofree char *object = name ? dr_text_format(err, "balancer %s", name) : NULL;

    if (!object)
        return -1;
    return dr_job_leave_alone(job, object, why, err);
}

/* What a kill cut short and Rancher went on with alone: its entry gets an end, and the longest time that it can have
 * been. */
static int close_entries(const struct dr_rancher_job *job, const json_t *balancer,
                         struct dr_err *err)
{
    const char *id = dr_json_string_or(balancer, "id", "");
    json_t *entry;

    while ((entry = dr_job_open_entry(job, "balancers", "serviceId", id, NULL, NULL))) {
        if (dr_json_set(entry, "after", json_string(job->agent_instance), err) < 0 ||
            dr_json_set(entry, "seconds", json_real(dr_job_since_removal(entry)), err) < 0 ||
            dr_json_set(entry, "at_most", json_true(), err) < 0 ||
            dr_json_set(entry, "note", json_string("came back while drover was not running"), err) <
                0)
            return -1;
    }
    return 0;
}

static bool has_errors(const json_t *balancer)
{
    const json_t *instance;
    size_t i;

    json_array_foreach(json_object_get(balancer, "instances"), i, instance)
    {
        if (strcmp(dr_json_string_or(instance, "state", ""), "error") == 0)
            return true;
    }
    return false;
}

/* Its scale says that an instance is missing: one that a kill left on its way. */
static bool is_short(const json_t *balancer, const json_t *before)
{
    size_t now = json_array_size(json_object_get(balancer, "instances"));

    return now < json_array_size(json_object_get(before, "instances"));
}

static bool is_touched(const struct dr_rancher_job *job, const json_t *environment,
                       const json_t *balancer, const json_t *before)
{
    return count_due(job, environment, balancer, before) > 0 || has_errors(balancer) ||
           is_short(balancer, before);
}

/* What is to be rolled goes into `ret_rows`, as it was before, which tells how many there were. */
static int sort_balancers(const struct dr_rancher_job *job, const json_t *environment,
                          const json_t *now, json_t *ret_rows, json_t *ret_pinned,
                          struct dr_err *err)
{
    json_t *balancer;
    size_t i;

    json_array_foreach(json_object_get(now, "balancers"), i, balancer)
    {
        json_t *before =
            dr_job_find(environment, "balancers", dr_json_string_or(balancer, "id", ""));
        char obstacle[DR_ROLL_WORDS];
        const char *why = dr_roll_obstacle(balancer, job->agent_instance, obstacle);

        if (!is_touched(job, environment, balancer, before))
            continue;
        if (dr_pinned_is_wanted(job, balancer)) {
            if (json_array_append(ret_pinned, balancer) < 0)
                return dr_fail_memory(err);
            continue;
        }
        if (why ? leave_alone(job, balancer, why, err) < 0
                : json_array_append(ret_rows, before ? before : balancer) < 0)
            return why ? -1 : dr_fail_memory(err);
    }
    return 0;
}

static int run_environment(const struct dr_rancher_job *job, const json_t *environment,
                           void *context, struct dr_err *err)
{
    const char *id = dr_json_string_or(environment, "id", "");
    json_auto_t *unseen = json_array();
    json_auto_t *rows = json_array();
    json_auto_t *pinned = json_array();
    json_auto_t *now =
        json_pack("{s:s, s:O}", "id", id, "name", json_object_get(environment, "name"));
    const json_t *balancer;
    size_t i;

    (void)context;
    if (!now || !unseen || !rows || !pinned)
        return dr_fail_memory(err);
    if (dr_pinned_resume(job, environment, err) < 0 ||
        dr_survey_environment(job->rancher, now, unseen, err) < 0 ||
        sort_balancers(job, environment, now, rows, pinned, err) < 0)
        return -1;
    if (json_array_size(rows) > 0 && dr_rolling_run(job, environment, rows, err) < 0)
        return -1;
    json_array_foreach(json_object_get(now, "balancers"), i, balancer)
    {
        if (close_entries(job, balancer, err) < 0)
            return -1;
    }
    json_array_foreach(pinned, i, balancer)
    {
        if (dr_pinned_run(job, environment, balancer, err) < 0)
            return -1;
    }
    return 0;
}

int dr_balancers_run(const struct dr_rancher_job *job, struct dr_err *err)
{
    dr_job_reconsider(job, "balancer ");
    if (dr_job_each_environment(job, run_environment, NULL, err) < 0)
        return -1;
    return dr_job_changed(job, err);
}
