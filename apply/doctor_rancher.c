/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/doctor_parts.h"
#include "apply/look.h"
#include "apply/rancher/inventory.h"
#include "apply/rancher/rancher.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"

/* More than what bundles are allowed. */
#define SKEW_SECONDS 300

static int visit_time(struct dr_visit *visit, struct dr_rancher *rancher, struct dr_err *err)
{
    int64_t there = dr_rancher_time(rancher);
    int64_t apart = there < 0 ? 0 : llabs(there - (int64_t)time(NULL));
    char text[16];

    if (apart <= SKEW_SECONDS)
        return 0;
    dr_text_seconds((double)apart, text);
    return dr_findings_add(visit->findings, DR_FINDING_WARNING, "clock", err,
                           "this machine's clock and that of Rancher's are %s apart: one of them "
                           "is wrong, and by it the expiry of bundles is judged",
                           text);
}

static int visit_key(struct dr_visit *visit, struct dr_rancher *rancher, struct dr_err *err)
{
    enum dr_rancher_access access;
    struct dr_err why = DR_ERR_INIT;

    if (dr_rancher_probe(rancher, &access, &why) < 0)
        return dr_findings_fail(visit->findings, "rancher key", &why, err);
    switch (access) {
    case DR_RANCHER_OPEN:
        return dr_findings_add(visit->findings, DR_FINDING_OK, "rancher key", err,
                               "none is needed: access control is off");
    case DR_RANCHER_ADMIN:
        return dr_findings_add(visit->findings, DR_FINDING_OK, "rancher key", err,
                               "an admin's: all environments are seen");
    case DR_RANCHER_ACCOUNT:
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "rancher key", err,
                               "an ordinary account's: only its environments are upgraded, and "
                               "neither settings nor the database's lock can be looked at; an "
                               "admin's key sees everything");
    case DR_RANCHER_ENVIRONMENT:
        break;
    }
    return dr_findings_add(visit->findings, DR_FINDING_WARNING, "rancher key", err,
                           "an environment's: only that one is upgraded, and neither settings nor "
                           "the database's lock can be looked at; an admin's key sees everything");
}

static bool is_between(const json_t *service)
{
    static const char *const states[] = {"upgrading",         "upgraded",   "canceling-upgrade",
                                         "canceled-upgrade",  "activating", "deactivating",
                                         "updating-active",   "removing",   "rolling-back",
                                         "finishing-upgrade", "restarting", "updating-inactive"};
    const char *state = dr_json_string_or(service, "state", "");

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(state, states[i]) == 0)
            return true;
    }
    return false;
}

static int visit_services(struct dr_visit *visit, const json_t *environment, const char *list,
                          struct dr_err *err)
{
    json_t *service;
    size_t i;

    json_array_foreach(json_object_get(environment, list), i, service)
    {
        if (is_between(service) &&
            dr_findings_add(
                visit->findings, DR_FINDING_WARNING, "services", err,
                "service '%.80s' in '%.80s' is %.40s; finish that in Rancher before the "
                "window",
                dr_json_string_or(service, "name", "?"),
                dr_json_string_or(environment, "name", "?"),
                dr_json_string_or(service, "state", "?")) < 0)
            return -1;
    }
    return 0;
}

static int visit_environment(struct dr_visit *visit, const json_t *environment, struct dr_err *err)
{
    const char *name = dr_json_string_or(environment, "name", "?");
    const char *skipped = dr_json_string_or(environment, "skipped", NULL);
    json_t *host;
    size_t i;

    if (skipped)
        return dr_findings_add(visit->findings, DR_FINDING_WARNING, "hosts", err,
                               "nothing in environment '%.80s' is touched: %.200s", name, skipped);
    json_array_foreach(json_object_get(environment, "hosts"), i, host)
    {
        if (!dr_json_true(host, "active") &&
            dr_findings_add(
                visit->findings, DR_FINDING_WARNING, "hosts", err,
                "host '%.80s' in '%.80s' is %.40s, its agent %.40s; wait two minutes if "
                "Rancher was just restarted, else bring it back, or go on without it "
                "(--skip-host)",
                dr_json_string_or(host, "name", "?"), name, dr_json_string_or(host, "state", "?"),
                dr_json_string_or(host, "agentState", "?")) < 0)
            return -1;
    }
    return visit_services(visit, environment, "services", err) < 0
               ? -1
               : visit_services(visit, environment, "balancers", err);
}

static int visit_inventory(struct dr_visit *visit, struct dr_rancher *rancher, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *inventory = dr_inventory_take(rancher, &why);
    const json_t *counts = json_object_get(inventory, "counts");
    json_t *environment;
    char texts[4][40];
    size_t i;

    if (!inventory)
        return dr_findings_fail(visit->findings, "hosts", &why, err);
    if (dr_findings_add(visit->findings, DR_FINDING_OK, "hosts", err, "%s, %s, %s, %s",
                        dr_inventory_counted(counts, "environments", "environment", texts[0]),
                        dr_inventory_counted(counts, "hosts", "host", texts[1]),
                        dr_inventory_counted(counts, "network_agents", "network agent", texts[2]),
                        dr_inventory_counted(counts, "balancers", "load balancer", texts[3])) < 0)
        return -1;
    json_array_foreach(json_object_get(inventory, "environments"), i, environment)
    {
        if (visit_environment(visit, environment, err) < 0)
            return -1;
    }
    if (visit->found.inspect && dr_look_database(visit->found.inspect, rancher, &why) < 0)
        return dr_findings_fail(visit->findings, "database", &why, err);
    return 0;
}

static int visit_version(struct dr_visit *visit, struct dr_rancher *rancher, struct dr_err *err)
{
    struct dr_err why = DR_ERR_INIT;
    char version[64] = "";

    if (dr_rancher_version(rancher, version, &why) < 0)
        return dr_findings_fail(visit->findings, "rancher", &why, err);
    return dr_findings_add(visit->findings, DR_FINDING_OK, "rancher", err,
                           "%.40s answers at %.300s", version, dr_rancher_url(rancher));
}

static int visit_answering(struct dr_visit *visit, struct dr_rancher *rancher, struct dr_err *err)
{
    size_t problems;

    if (visit_time(visit, rancher, err) < 0)
        return -1;
    problems = dr_findings_count(visit->findings, DR_FINDING_PROBLEM);
    if (visit_key(visit, rancher, err) < 0)
        return -1;
    /* Without a key that is taken the rest would say the same once more. */
    if (dr_findings_count(visit->findings, DR_FINDING_PROBLEM) > problems)
        return 0;
    return visit_version(visit, rancher, err) < 0 ? -1 : visit_inventory(visit, rancher, err);
}

int dr_visit_rancher(struct dr_visit *visit, struct dr_err *err)
{
    const struct dr_apply_options *options = visit->options;
    struct dr_err why = DR_ERR_INIT;
    dr_autofree char *url = dr_look_url(options, visit->engine, visit->found.inspect, &why);
    dr_auto_rancher struct dr_rancher *rancher = NULL;
    char silence[256] = "";
    bool up = false;

    if (!url)
        return dr_findings_fail(visit->findings, "rancher", &why, err);
    rancher = dr_rancher_new(&(struct dr_rancher_options){.url = url,
                                                          .access_key = options->access_key,
                                                          .secret_key = options->secret_key,
                                                          .keys_file = options->rancher_keys,
                                                          .ca_file = options->rancher_ca,
                                                          .log = options->log},
                             &why);
    if (!rancher || dr_rancher_ping(rancher, &up, silence, &why) < 0)
        return dr_findings_fail(visit->findings, "rancher", &why, err);
    if (!up)
        return dr_findings_add(visit->findings, DR_FINDING_PROBLEM, "rancher", err,
                               "no Rancher answers at %.300s: %s", url, silence);
    return visit_answering(visit, rancher, err);
}
