/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/steps.h"

#include <stddef.h>
#include <string.h>

const struct dr_step dr_steps[] = {
    {"pull", "pull the server's image into this engine", DR_STEP_SERVER, dr_check_pull, dr_do_pull,
     dr_prove_pull},
    {"prepull", "pull agent and agent-instance on every host", DR_STEP_ALWAYS, NULL, dr_do_prepull,
     NULL},
    {"data", "create the data container", DR_STEP_SERVER, dr_check_data, dr_do_data, dr_prove_data},
    {"candidate", "create the new container and compare it", DR_STEP_SERVER, dr_check_candidate,
     dr_do_candidate, dr_prove_candidate},
    {"hold", "keep the old server from restarting by itself", DR_STEP_SERVER, dr_check_hold,
     dr_do_hold, NULL},
    {"stop", "shut down MySQL and stop the old server", DR_STEP_SERVER, dr_check_stop, dr_do_stop,
     dr_prove_stop},
    {"backup", "copy the database", DR_STEP_COPY, dr_check_backup, dr_do_backup, NULL},
    {"move", "put the database into its new folder", DR_STEP_MOVE, dr_check_move, dr_do_move,
     dr_prove_move},
    {"start", "start the new server", DR_STEP_SERVER, dr_check_start, dr_do_start, NULL},
    {"policy", "give it the restart policy of the old one", DR_STEP_SERVER, dr_check_policy,
     dr_do_policy, NULL},
    {"answer", "wait until the new server answers", DR_STEP_SERVER, NULL, dr_do_answer, NULL},
    {"compare", "compare its version, settings and what it knows", DR_STEP_SERVER, NULL,
     dr_do_compare, NULL},
    {"rename", "give it the name of the old one", DR_STEP_SERVER, dr_check_rename, dr_do_rename,
     NULL},
    {"agents", "wait until all hosts are back and stay", DR_STEP_SERVER, NULL, dr_do_agents, NULL},
    {"netagents", "replace the network agents, host by host", DR_STEP_ALWAYS, NULL, dr_do_netagents,
     NULL},
    {"balancers", "replace the load balancers' instances, one at a time", DR_STEP_ALWAYS, NULL,
     dr_do_balancers, NULL},
    {"proof", "prove it: everything again, against the inventory", DR_STEP_ALWAYS, NULL,
     dr_do_proof, NULL},
    {"remove", "remove the old container, never its volumes", DR_STEP_SERVER, dr_check_remove,
     dr_do_remove, NULL},
    {NULL, NULL, DR_STEP_ALWAYS, NULL, NULL, NULL},
};

const struct dr_step dr_step_settings = {
    .name = "settings",
    .title = "see that hosts are told the new images",
    .act = dr_do_settings,
};

static const struct dr_step *find(const struct dr_step *steps, const char *name)
{
    for (; steps->name; steps++) {
        if (strcmp(steps->name, name) == 0)
            return steps;
    }
    return NULL;
}

const struct dr_step *dr_steps_find(const char *name)
{
    const struct dr_step *step = find(dr_steps, name);

    if (!step)
        step = find(dr_rollback_steps, name);
    if (!step && strcmp(dr_step_settings.name, name) == 0)
        step = &dr_step_settings;
    return step;
}
