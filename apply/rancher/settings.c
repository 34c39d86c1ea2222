/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/settings.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/job.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

#define AGENT "bootstrap.required.image"
#define INSTANCE "agent.instance.image"
#define INSTANCE_UUID "agent.instance.image.uuid"

/* activeValue is what the winning source says, as it stands there; `value` is the database's even
 * where the environment wins, and the interpolated one where there is no row in the database
 * [rancher §2]. */
const char *dr_settings_effective(const json_t *settings, const char *name)
{
    const json_t *setting = json_object_get(settings, name);
    const char *active = dr_json_string_or(setting, "activeValue", NULL);

    if (!active || strstr(active, "${"))
        return dr_json_string_or(setting, "value", NULL);
    return active;
}

static const json_t *settings_of(const struct dr_rancher_job *job)
{
    return json_object_get(job->inventory, "settings");
}

bool dr_settings_agent_changes(const struct dr_rancher_job *job, const json_t *environment)
{
    const char *now = dr_settings_effective(settings_of(job), AGENT);

    if (!now)
        now = dr_json_string_or(environment, "required_image", NULL);
    return !now || strcmp(now, job->agent) != 0;
}

static bool any_differs(const json_t *containers, const char *reference)
{
    const json_t *container;
    size_t i;

    json_array_foreach(containers, i, container)
    {
        if (!dr_job_same_image(dr_json_string_or(container, "imageUuid", NULL), reference))
            return true;
    }
    return false;
}

bool dr_settings_instance_changes(const struct dr_rancher_job *job, const json_t *environment)
{
    const char *now = dr_settings_effective(settings_of(job), INSTANCE);
    const json_t *balancer;
    size_t i;

    if ((now && strcmp(now, job->agent_instance) != 0) || (job->wishes && job->wishes->recreate))
        return true;
    if (any_differs(json_object_get(environment, "network_agents"), job->agent_instance))
        return true;
    json_array_foreach(json_object_get(environment, "balancers"), i, balancer)
    {
        if (any_differs(json_object_get(balancer, "instances"), job->agent_instance))
            return true;
    }
    return false;
}

/* ---- before */

/* A value of agent.instance.image.uuid that is not made from agent.instance.image beats all else.
 */
static int check_pin(const struct dr_rancher_job *job, struct dr_err *err)
{
    const json_t *setting = json_object_get(settings_of(job), INSTANCE_UUID);
    const char *active = dr_json_string_or(setting, "activeValue", NULL);
    const char *source = dr_json_string_or(setting, "source", "?");
    bool stored = dr_json_true(setting, "inDb");

    if (!active || strstr(active, "${" INSTANCE "}") ||
        (strcmp(active, dr_json_string_or(setting, "value", active)) == 0 &&
         dr_job_same_image(active, job->agent_instance)))
        return 0;
    if (!stored && strstr(source, "Environment") == NULL && strstr(source, "propert") == NULL)
        return 0;
    dr_fail(err, DR_ERR_REFUSED,
            "Rancher's setting %s is '%s' (from: %s): network agents and balancers would keep that "
            "image",
            INSTANCE_UUID, active, source);
    if (!stored)
        return dr_err_advise(err, "take the variable CATTLE_AGENT_INSTANCE_IMAGE_UUID off the "
                                  "server container first");
    return dr_err_advise(err,
                         "remove it first, as admin: curl -u ACCESS:SECRET -X DELETE "
                         "%s/settings/1as!" INSTANCE_UUID,
                         job->rancher ? dr_rancher_url(job->rancher)
                                      : dr_json_string_or(job->inventory, "url", "http://.../v1"));
}

static int plan_setting(const struct dr_rancher_job *job, const char *name, const char *wanted,
                        const char *variable, json_t *rows, struct dr_err *err)
{
    const json_t *setting = json_object_get(settings_of(job), name);
    const char *now = dr_settings_effective(settings_of(job), name);
    dr_autofree char *action = dr_text_format(err, "set to %s by %s", wanted, variable);
    dr_autofree char *why =
        now ? dr_text_format(
                  err, "is %s (from: %s)%s", now, dr_json_string_or(setting, "source", "?"),
                  dr_json_true(setting, "inDb") ? "; the variable beats the database" : "")
            : dr_text_format(err, "its value cannot be seen with this API key");
    const struct dr_row row = {"settings", name, action, why, ""};

    if (!action || !why)
        return -1;
    if (now && strcmp(now, wanted) == 0)
        return 0;
    return dr_job_row(rows, &row, err);
}

int dr_settings_plan(const struct dr_rancher_job *job, json_t *rows, struct dr_err *err)
{
    if (check_pin(job, err) < 0)
        return -1;
    if (plan_setting(job, AGENT, job->agent, "CATTLE_BOOTSTRAP_REQUIRED_IMAGE", rows, err) < 0)
        return -1;
    return plan_setting(job, INSTANCE, job->agent_instance, "CATTLE_AGENT_INSTANCE_IMAGE", rows,
                        err);
}

/* ---- after */

/* 1: it is `wanted`; 0: not to be seen with this key. */
static int check_setting(const struct dr_rancher_job *job, const char *name, const char *wanted,
                         struct dr_err *err)
{
    struct dr_err failure = DR_ERR_INIT;
    dr_autofree char *url = dr_text_format(err, "/settings/%s", name);
    json_auto_t *setting =
        url ? dr_client_get(job->rancher, url, "read a setting", &failure) : NULL;
    json_auto_t *settings = json_object();
    const char *now;

    if (!setting && failure.code == DR_ERR_ABSENT)
        return 0;
    if (!setting || !settings) {
        if (err)
            *err = failure;
        return -1;
    }
    if (json_object_set(settings, name, setting) < 0)
        return dr_fail_memory(err);
    now = dr_settings_effective(settings, name);
    if (now && dr_job_same_image(now, wanted))
        return 1;
    return dr_fail(err, DR_ERR_PROOF,
                   "Rancher's setting %s is '%s' (from: %s), not '%s': hosts would run that image",
                   name, now ? now : "", dr_json_string_or(setting, "source", "?"), wanted);
}

static int on_token(void *context, const json_t *row, struct dr_err *err)
{
    const struct dr_rancher_job *job = context;
    const char *image = dr_json_string_or(row, "image", NULL);

    if (!image || strcmp(image, job->agent) == 0)
        return 0;
    return dr_fail(err, DR_ERR_PROOF,
                   "new hosts are told to run '%s', not '%s' (seen in a registration token)", image,
                   job->agent);
}

static int check_tokens(const struct dr_rancher_job *job, const json_t *environment, void *context,
                        struct dr_err *err)
{
    const char *id = dr_json_string_or(environment, "id", "");
    struct dr_err failure = DR_ERR_INIT;
    dr_autofree char *url = dr_client_collection(job->rancher, id, "registrationToken", &failure);
    struct dr_rancher_job copy = *job;

    (void)context;
    if (url)
        return dr_client_list(job->rancher, url, NULL, on_token, &copy,
                              "read the registration tokens", err);
    if (failure.code == DR_ERR_ABSENT)
        return 0;
    if (err)
        *err = failure;
    return -1;
}

int dr_settings_check(const struct dr_rancher_job *job, struct dr_err *err)
{
    int seen = check_setting(job, AGENT, job->agent, err);

    if (seen < 0)
        return -1;
    if (seen == 0) {
        dr_log_say(job->log, "settings: not to be seen with this API key; the new containers will "
                             "show whether they are right");
        return dr_job_each_environment(job, check_tokens, NULL, err);
    }
    if (check_setting(job, INSTANCE, job->agent_instance, err) < 0 ||
        check_setting(job, INSTANCE_UUID, job->agent_instance, err) < 0)
        return -1;
    dr_log_say(job->log, "settings: hosts are told to run %s and %s", job->agent,
               job->agent_instance);
    return 0;
}
