/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/steps.h"

#include <stddef.h>

const struct dr_step dr_steps[] = {
    {"pull", "pull the server's image into this engine", true, dr_check_pull, dr_do_pull,
     dr_prove_pull},
    {"prepull", "pull agent and agent-instance on every host", false, NULL, dr_do_prepull, NULL},
    {"data", "create the data container", true, dr_check_data, dr_do_data, dr_prove_data},
    {"candidate", "create the new container and compare it", true, dr_check_candidate,
     dr_do_candidate, dr_prove_candidate},
    {"hold", "keep the old server from restarting by itself", true, dr_check_hold, dr_do_hold,
     NULL},
    {"stop", "shut down MySQL and stop the old server", true, dr_check_stop, dr_do_stop,
     dr_prove_stop},
    {"backup", "copy the database", true, dr_check_backup, dr_do_backup, NULL},
    {"start", "start the new server", true, dr_check_start, dr_do_start, NULL},
    {"policy", "give it the restart policy of the old one", true, dr_check_policy, dr_do_policy,
     NULL},
    {"answer", "wait until the new server answers", true, NULL, dr_do_answer, NULL},
    {"compare", "compare its version, settings and what it knows", true, NULL, dr_do_compare, NULL},
    {"rename", "give it the name of the old one", true, dr_check_rename, dr_do_rename, NULL},
    {"agents", "wait until all hosts are back and stay", true, NULL, dr_do_agents, NULL},
    {"netagents", "replace the network agents, host by host", false, NULL, dr_do_netagents, NULL},
    {"balancers", "replace the load balancers' instances, one at a time", false, NULL,
     dr_do_balancers, NULL},
    {"proof", "prove it: everything again, against the inventory", false, NULL, dr_do_proof, NULL},
    {"remove", "remove the old container, never its volumes", true, dr_check_remove, dr_do_remove,
     NULL},
    {NULL, NULL, false, NULL, NULL, NULL},
};
