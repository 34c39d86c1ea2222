/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "manifests/release.h"

#define VERSION(major, minor, patch) ((major)*100000000L + (minor)*10000L + (patch))
#define ANY VERSION(9999, 0, 0)

struct advice {
    long from; /* of VERSION(), both ends included */
    long to;
    const char *text;
};

#define V1_1_END VERSION(1, 1, 9999)
#define V1_2 VERSION(1, 2, 0)

/* From Rancher's documentation, its source and its issues; what is drover's own opinion says so. */
static const struct advice advices[] = {
    {0, ANY,
     "The database only ever moves forward: copy it before, and never stop a migration half way."},
    {0, ANY,
     "Nothing in Rancher demands a stop at a release in between; its documentation names none."},
    {0, ANY,
     "Every host pulls the agent by its full name; a change of the registry's name alone upgrades "
     "the agents, too."},
    {0, V1_1_END,
     "Agents are upgraded by the server. Network agents and load balancers keep their old "
     "agent-instance image until they are re-created."},
    {0, V1_1_END,
     "Remove a network agent through Rancher only: after a removal with docker the old image comes "
     "back."},
    {0, V1_1_END,
     "Keep the old agent-instance image in the registry until every host has the new one."},
    {VERSION(1, 0, 1), V1_1_END,
     "High availability uses the same three images; drover does not upgrade such servers. Stop all "
     "of them first."},
    {V1_2, ANY,
     "Coming from v1.1 or earlier, Rancher re-builds every environment on infrastructure stacks "
     "and "
     "upgrades every load balancer at once."},
    {V1_2, ANY,
     "So server, agent, load-balancer and infrastructure images must be in the registry before the "
     "server is replaced, and registry.default must be set."},
    {V1_2, ANY,
     "Opinion: coming from v1.0, stop at v1.1.4 first, and keep the images of both releases in the "
     "registry."},
    {V1_2, ANY,
     "Environments made before registry.default was set keep their old registry: delete their "
     "stacks and launch them again."},
    {V1_2, ANY,
     "Registries with a login: pull onto every host beforehand, since each one upgrades its agent "
     "by docker pull."},
    {V1_2, ANY,
     "High availability: all servers are stopped for the upgrade; from that of v1.1, all of "
     "Rancher's containers are removed first."},
    {V1_2, ANY,
     "rancher/net:holder is a tag that moves; the bundle holds what it was on the day it was "
     "made."},
    {VERSION(1, 5, 0), VERSION(1, 6, 0),
     "Do not let it see a newer catalog: it would upgrade network-services without being asked."},
    {VERSION(1, 6, 0), VERSION(1, 6, 0),
     "The last catalog has no scheduler for v1.6.0; the one that it was released with is listed."},
    {VERSION(1, 6, 0), ANY,
     "Upgrade the stacks in this order: network-policy-manager if there is one, network-services, "
     "ipsec, the rest. Finish each before the next."},
    {VERSION(1, 6, 1), ANY,
     "By default network-services of v1.2 to v1.4 is upgraded by itself (upgrade.manager)."},
    {VERSION(1, 6, 19), VERSION(1, 6, 19),
     "Its agent is a release candidate; v1.6.20, of the next day, has the final one."},
};

static long to_number(const char *name)
{
    char *end;
    long major = strtol(name + 1, &end, 10);
    long minor = strtol(end + 1, &end, 10);

    return VERSION(major, minor, strtol(end + 1, &end, 10));
}

const char *dr_release_advice(const char *name, size_t index)
{
    long number = to_number(name);

    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        if (number < advices[i].from || number > advices[i].to)
            continue;
        if (index-- == 0)
            return advices[i].text;
    }
    return NULL;
}
