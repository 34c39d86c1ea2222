/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include <string.h>
#include <strings.h>

const struct api_type API_TYPES[] = {
    {"project", "projects", T_ACCOUNT, false, "r", "crud", "", "update,delete,deactivate,activate",
     "name,description"},
    {"account", "accounts", T_ACCOUNT, false, "", "r", "", "", ""},
    {"host", "hosts", T_HOST, false, "rud", "r", "physicalHostId,agentId,agentState",
     "activate,deactivate,remove,update", "name,description,labels"},
    {"container", "containers", T_INSTANCE, false, "crud", "r",
     "systemContainer,healthState,agentId,externalId,deploymentUnitUuid,createIndex,startCount,"
     "nativeContainer,firstRunning",
     "start,stop,restart,remove,purge,restore,update,logs,execute",
     "name,description,imageUuid,networkMode,requestedHostId,startOnCreate,command,entryPoint,"
     "labels,environment,ports"},
    {"instance", "instances", T_INSTANCE, false, "r", "r", "healthState", "", ""},
    {"loadBalancerService", "loadbalancerservices", T_SERVICE, false, "crud", "r",
     "environmentId,externalId,healthState,vip,selectorLink,createIndex",
     "activate,deactivate,remove,update,restart,upgrade,cancelupgrade,finishupgrade,rollback,"
     "addservicelink,removeservicelink,setservicelinks",
     "name,description,environmentId,scale,launchConfig,loadBalancerConfig,certificateIds,"
     "defaultCertificateId,metadata,selectorLink,vip,assignServiceIpAddress,retainIp,"
     "startOnCreate"},
    {"service", "services", T_SERVICE, true, "crud", "r",
     "environmentId,externalId,healthState,vip,selectorLink,createIndex",
     "activate,deactivate,remove,update,restart,upgrade,cancelupgrade,finishupgrade,rollback,"
     "addservicelink,removeservicelink,setservicelinks",
     "name,description,environmentId,scale,launchConfig,metadata,selectorLink,startOnCreate"},
    {"environment", "environments", T_ENVIRONMENT, false, "crud", "r", "externalId,healthState",
     "update,remove", "name,description"},
    {"serviceConsumeMap", "serviceconsumemaps", T_CONSUME, false, "r", "r",
     "serviceId,consumedServiceId", "", ""},
    {"serviceExposeMap", "serviceexposemaps", T_EXPOSE, false, "r", "r",
     "serviceId,instanceId,ipAddress,managed", "", ""},
    {"certificate", "certificates", T_CERTIFICATE, false, "crud", "r", "", "update,remove",
     "name,description,cert,key,certChain"},
    {"registrationToken", "registrationtokens", T_CREDENTIAL, false, "crd", "r", "", "", "name"},
    {"pullTask", "pulltasks", T_GENERIC, false, "cr", "r", "", "remove", "image,mode,labels"},
    {"agent", "agents", T_AGENT, false, "", "r", "uri", "", ""},
    {0},
};

const struct api_type *api_type_by_plural(const char *plural)
{
    for (const struct api_type *t = API_TYPES; t->name; t++)
        if (!strcasecmp(t->plural, plural) || !strcasecmp(t->name, plural))
            return t;
    return NULL;
}

const struct api_type *api_type_of(const struct row *row)
{
    const struct api_type *t = api_type_by_plural(row_str(row, "type"));
    for (const struct api_type *i = API_TYPES; !t && i->name; i++)
        if (i->table == row->type && i->subtypes)
            t = i;
    return t ? t : &API_TYPES[0];
}

bool api_may(const struct api *api, const struct api_type *type, char what)
{
    return strchr(api->project ? type->project : type->admin, what) != NULL;
}

static bool in_list(const char *list, const char *name)
{
    size_t size = strlen(name);
    while (list && *list) {
        if (!strncmp(list, name, size) && (list[size] == ',' || !list[size]))
            return true;
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }
    return false;
}

// Columns of the data base only: imageUuid, hostId and labels live in a JSON blob and never filter.
bool api_is_column(const struct api *api, const struct api_type *type, const char *name)
{
    if (!strcmp(name, "agentId") && (api->project || api->role != ROLE_ADMIN))
        return false;
    // /instances: systemContainer is not readable there, so it is ignored too.
    return in_list("id,name,state,kind,uuid,description,created,removed,removeTime,accountId",
                   name) ||
           in_list(type->columns, name);
}

bool api_sees(const struct api *api, const struct row *row)
{
    if (row->type == T_ACCOUNT)
        return api->role == ROLE_ADMIN || row->num == api->project;
    return !api->project || row->project == api->project;
}
