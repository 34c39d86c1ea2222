/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"
#include "cattle.h"
#include "engine.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

// Not removing, not removed, not in error: what getAgentInstances() finds.
struct row *netagent_of(const struct row *host)
{
    for (int n = 0; n < host->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, host->kids.items[n]);
        if (i && instance_is_agent(i) && instance_counts(i) && !row_state_is(i, "error,erroring"))
            return i;
    }
    return NULL;
}

void netagent_event(struct row *host)
{
    struct row *project = db_get(T_ACCOUNT, host->project);
    if (!project || !row_state_is(project, "active") || !host_shown_active(host))
        return;
    struct row *agent = netagent_of(host);
    if (agent && row_state_is(agent, "stopped") && !engine_pending(agent, SLOT_PROCESS)) {
        instance_start(agent); // instanceTriggeredStop: restart
        return;
    }
    if (agent)
        return;
    char *image = setting_value("agent.instance.image.uuid");
    struct instance_spec spec = {.project = host->project,
                                 .host = host->num,
                                 .name = "Network Agent",
                                 .image_uuid = image,
                                 .system = "NetworkAgent",
                                 .start = true};
    instance_create(&spec);
    db_bump("networkAgentsCreated");
    free(image);
}

static bool has_managed_nic(const struct row *host)
{
    for (int n = 0; n < host->kids.count; n++) {
        struct row *i = db_get(T_INSTANCE, host->kids.items[n]);
        if (i && row_state_is(i, "running,starting") && !instance_is_agent(i) &&
            !strcmp(row_str(i, "networkMode"), "managed"))
            return true;
    }
    return false;
}

void netagent_event_random(int project)
{
    for (int n = 1; n <= db_count(T_HOST); n++) {
        struct row *host = db_get(T_HOST, n);
        if (!host || host->project != project || !has_managed_nic(host))
            continue;
        netagent_event(host);
        return;
    }
}
