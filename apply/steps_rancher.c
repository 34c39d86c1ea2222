/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/agents.h"
#include "apply/rancher/balancers.h"
#include "apply/rancher/netagents.h"
#include "apply/rancher/prepull.h"
#include "apply/rancher/prove.h"
#include "apply/rancher/settings.h"
#include "apply/steps.h"

DR_STEP_DO(settings)
{
    return dr_settings_check(&upgrade->job, err);
}

DR_STEP_DO(prepull)
{
    return dr_prepull_run(&upgrade->job, err);
}

DR_STEP_DO(agents)
{
    return dr_agents_run(&upgrade->job, err);
}

DR_STEP_DO(netagents)
{
    return dr_netagents_run(&upgrade->job, err);
}

DR_STEP_DO(balancers)
{
    return dr_balancers_run(&upgrade->job, err);
}

DR_STEP_DO(proof)
{
    return dr_prove(&upgrade->job, err);
}
