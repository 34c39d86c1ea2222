/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/helper.h"

#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "apply/rancher/job.h"
#include "lib/json.h"
#include "lib/wait.h"

#define ARM_SECONDS 120
#define REMOVE_SECONDS 90

static int wait_armed(struct dr_helper *helper, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, ARM_SECONDS);
    for (;;) {
        json_t *now = dr_container_look(helper->job->rancher, helper->container, err);
        const char *why = dr_container_failure(now);
        int again;

        if (!now)
            return -1;
        json_decref(helper->container);
        helper->container = now;
        if (dr_client_action(now, "start") && dr_container_state_is(now, "stopped"))
            return 0;
        if (why)
            return dr_fail(err, DR_ERR_RANCHER, "the helper container on host '%s' failed: %s",
                           helper->host, why);
        again = dr_wait_again(&wait, "making a helper container", err);
        if (again < 0)
            return -1;
        if (again == 0)
            return dr_fail(err, DR_ERR_RANCHER, "the helper container on host '%s' is still '%s'",
                           helper->host, dr_json_string_or(now, "state", "?"));
    }
}

/* Created and not started: the event is ready to be fired at once when the network agent is gone.
 */
int dr_helper_arm(struct dr_helper *helper, json_t *left, struct dr_err *err)
{
    const struct dr_container_spec spec = {"helper", helper->host_id, helper->job->agent_instance,
                                           "managed", false};

    if (left && dr_container_state_is(left, "stopped") &&
        dr_job_same_image(dr_json_string_or(left, "imageUuid", NULL), spec.image)) {
        helper->container = json_incref(left);
    } else {
        if (left &&
            dr_container_remove(helper->job->rancher, left, "remove an old helper", err) < 0)
            return -1;
        helper->container = dr_container_create(helper->job->rancher, helper->project, &spec, err);
    }
    return helper->container ? wait_armed(helper, err) : -1;
}

int dr_helper_start(struct dr_helper *helper, struct dr_err *err)
{
    const char *start = dr_client_action(helper->container, "start");
    struct dr_err failure = DR_ERR_INIT;
    json_auto_t *now = NULL;

    helper->started = true;
    if (!start)
        return dr_fail(err, DR_ERR_RANCHER, "the helper container cannot be started");
    if (dr_client_send(helper->job->rancher, "POST", start, NULL, NULL,
                       "start the helper container", &failure) == 0)
        return 0;
    /* The answer may have got lost, not the start. */
    now = dr_container_look(helper->job->rancher, helper->container, NULL);
    if (now && !dr_container_state_is(now, "stopped"))
        return 0;
    if (now && failure.code == DR_ERR_NET)
        return dr_client_send(helper->job->rancher, "POST", start, NULL, NULL,
                              "start the helper container", err);
    if (err)
        *err = failure;
    return -1;
}

void dr_helper_drop(struct dr_helper *helper)
{
    struct dr_err failure = DR_ERR_INIT;

    if (!helper->container)
        return;
    if (dr_container_remove(helper->job->rancher, helper->container, "remove the helper",
                            &failure) < 0 ||
        dr_container_wait_removed(helper->job->rancher, helper->container, "remove the helper",
                                  REMOVE_SECONDS, &failure) < 0)
        dr_log_warn(helper->job->log,
                    "helper container %s on host %s is left over (%s); the next run removes it",
                    dr_json_string_or(helper->container, "name", "?"), helper->host, failure.text);
    json_decref(helper->container);
    helper->container = NULL;
}
