/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/probe.h"

#include <stdint.h>
#include <string.h>

#include "apply/rancher/client.h"
#include "apply/rancher/container.h"
#include "lib/json.h"
#include "lib/wait.h"

#define AT_ONCE 8
#define START_SECONDS 900

struct probe {
    const char *host;
    json_t *container;
};

/* 1: it started; 0: not yet; -1: failed, with the reason in `ret_why` (borrowed from the
 * container). */
static int outcome(const json_t *container, const char **ret_why)
{
    const char *failure = dr_container_failure(container);

    *ret_why = failure;
    if (failure)
        return -1;
    if (dr_client_removed(container)) {
        *ret_why = "Rancher removed the container that should have shown it";
        return -1;
    }
    return dr_container_state_is(container, "running") ||
                   (dr_container_state_is(container, "stopped") &&
                    dr_json_int_or(container, "startCount", 1) > 0)
               ? 1
               : 0;
}

static int finish(struct dr_rancher *rancher, struct probe *probe, const char *why,
                  dr_probe_fn *result, void *context, struct dr_err *err)
{
    if (result(context, probe->host, why, err) < 0)
        return -1;
    return dr_container_remove(rancher, probe->container, "remove a probe container", err);
}

static int watch(struct dr_rancher *rancher, struct probe *probe, dr_probe_fn *result,
                 void *context, struct dr_err *err)
{
    struct dr_wait wait;

    dr_wait_start(&wait, START_SECONDS);
    for (;;) {
        json_auto_t *now = dr_container_look(rancher, probe->container, err);
        const char *why;
        int again;

        if (!now)
            return -1;
        if (outcome(now, &why) != 0)
            return finish(rancher, probe, why, result, context, err);
        again = dr_wait_again(&wait, "hosts pull images", err);
        if (again < 0)
            return -1;
        if (again == 0)
            return finish(rancher, probe, "no answer from the host", result, context, err);
    }
}

static int run_batch(struct dr_rancher *rancher, struct probe *batch, size_t count,
                     dr_probe_fn *result, void *context, struct dr_err *err)
{
    int done = 0;

    for (size_t i = 0; i < count; i++) {
        if (done == 0)
            done = watch(rancher, &batch[i], result, context, err);
        json_decref(batch[i].container);
    }
    return done;
}

int dr_probe_hosts(struct dr_rancher *rancher, const char *project, const json_t *hosts,
                   const char *image, dr_probe_fn *result, void *context, struct dr_err *err)
{
    struct probe batch[AT_ONCE];
    size_t count = 0;
    const char *id;
    json_t *name;
    int done = 0;

    if (json_object_size(hosts) == 0)
        return 0;
    if (dr_container_sweep(rancher, project, "probe", err) < 0)
        return -1;
    json_object_foreach((json_t *)(uintptr_t)hosts, id, name)
    {
        const struct dr_container_spec spec = {"probe", id, image, "none", true};

        if (done < 0)
            break;
        batch[count].host = json_string_value(name);
        batch[count].container = dr_container_create(rancher, project, &spec, err);
        if (!batch[count].container)
            done = -1;
        else if (++count == AT_ONCE) {
            done = run_batch(rancher, batch, count, result, context, err);
            count = 0;
        }
    }
    if (done == 0)
        return run_batch(rancher, batch, count, result, context, err);
    for (size_t i = 0; i < count; i++)
        json_decref(batch[i].container);
    return -1;
}
