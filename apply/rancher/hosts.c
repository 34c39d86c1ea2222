/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rancher/hosts.h"

#include <string.h>

#include "apply/rancher/job.h"
#include "lib/json.h"
#include "lib/text.h"

static bool is_called(const json_t *host, const char *name)
{
    static const char *const keys[] = {"id", "name", "label_name", "hostname"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(dr_json_string_or(host, keys[i], ""), name) == 0)
            return true;
    }
    return false;
}

static const json_t *skipped(const struct dr_rancher_job *job)
{
    return job->wishes ? job->wishes->skip_hosts : NULL;
}

static const json_t *order(const struct dr_rancher_job *job)
{
    return job->wishes ? job->wishes->host_order : NULL;
}

struct named {
    const char *name;
    unsigned count;
};

static int count_named(const struct dr_rancher_job *job, const json_t *environment, void *context,
                       struct dr_err *err)
{
    struct named *named = context;
    const json_t *host;
    size_t i;

    (void)job;
    (void)err;
    json_array_foreach(json_object_get(environment, "hosts"), i, host)
    {
        named->count += is_called(host, named->name);
    }
    return 0;
}

static int check_names(const struct dr_rancher_job *job, const json_t *names, const char *option,
                       unsigned most, struct dr_err *err)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        struct named named = {.name = json_string_value(name)};

        if (dr_job_each_environment(job, count_named, &named, err) < 0)
            return -1;
        if (named.count == 0)
            return dr_fail(err, DR_ERR_USAGE, "%s '%s': Rancher shows no host of that name", option,
                           named.name);
        if (named.count > most)
            return dr_fail(err, DR_ERR_USAGE,
                           "%s '%s': %u hosts are called that; name it by its id", option,
                           named.name, named.count);
    }
    return 0;
}

int dr_hosts_check(const struct dr_rancher_job *job, struct dr_err *err)
{
    if (check_names(job, skipped(job), "--skip-host", 1, err) < 0)
        return -1;
    return check_names(job, order(job), "--host-order", 1000000, err);
}

bool dr_hosts_is_skipped(const struct dr_rancher_job *job, const json_t *host)
{
    const json_t *name;
    size_t i;

    json_array_foreach(skipped(job), i, name)
    {
        if (is_called(host, json_string_value(name)))
            return true;
    }
    return false;
}

bool dr_hosts_id_is_skipped(const struct dr_rancher_job *job, const json_t *environment,
                            const char *host_id)
{
    const json_t *host = skipped(job) ? dr_job_find(environment, "hosts", host_id) : NULL;

    return host && dr_hosts_is_skipped(job, host);
}

static bool is_listed(const json_t *names, const json_t *host)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        if (is_called(host, json_string_value(name)))
            return true;
    }
    return false;
}

/* Appends the hosts that are called `name`, or with NULL those that no name of `names` means. */
static int append(json_t *list, const json_t *hosts, const json_t *names, const char *name,
                  struct dr_err *err)
{
    json_t *host;
    size_t i;

    json_array_foreach(hosts, i, host)
    {
        bool wanted = name ? is_called(host, name) : !is_listed(names, host);

        if (wanted && json_array_append(list, host) < 0)
            return dr_fail_memory(err);
    }
    return 0;
}

json_t *dr_hosts_in_order(const struct dr_rancher_job *job, const json_t *environment,
                          struct dr_err *err)
{
    const json_t *hosts = json_object_get(environment, "hosts");
    const json_t *names = order(job);
    const json_t *name;
    json_auto_t *list = json_array();
    size_t i;

    if (!list) {
        dr_fail_memory(err);
        return NULL;
    }
    json_array_foreach(names, i, name)
    {
        if (append(list, hosts, NULL, json_string_value(name), err) < 0)
            return NULL;
    }
    return append(list, hosts, names, NULL, err) < 0 ? NULL : json_incref(list);
}
