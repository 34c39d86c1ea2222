/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/source.h"

#include <stdio.h>
#include <string.h>

#define DOCKER_HUB "docker.io"

int dr_sources_init(struct dr_sources *sources, const struct dr_bundle_options *options,
                    const struct dr_log *log, struct dr_err *err)
{
    *sources = (struct dr_sources){.options = options, .log = log, .from_host = DOCKER_HUB};
    if (options->hub_mirror &&
        dr_reference_parse_registry(options->hub_mirror, sources->mirror_host,
                                    sources->mirror_prefix, err) < 0)
        return -1;
    return options->from ? dr_reference_parse_registry(options->from, sources->from_host,
                                                       sources->from_prefix, err)
                         : 0;
}

void dr_sources_release(struct dr_sources *sources)
{
    while (sources->count > 0)
        dr_registry_free(sources->registries[--sources->count]);
}

static bool is_insecure(const struct dr_bundle_options *options, const char *host)
{
    for (size_t i = 0; i < options->insecure_count; i++) {
        if (strcmp(options->insecure[i], host) == 0)
            return true;
    }
    return false;
}

static struct dr_registry *find_host(struct dr_sources *sources, const char *host,
                                     struct dr_err *err)
{
    const struct dr_registry_options options = {
        .host = host,
        .ca_file = sources->options->ca_file,
        .insecure = is_insecure(sources->options, host),
        .rate = sources->options->rate,
        .log = sources->log,
    };
    struct dr_registry *registry;

    for (size_t i = 0; i < sources->count; i++) {
        if (strcmp(dr_registry_host(sources->registries[i]), host) == 0)
            return sources->registries[i];
    }
    if (sources->count == DR_SOURCES_MAX) {
        dr_fail(err, DR_ERR_FORMAT,
                "the images come from more than %d registries; make two bundles", DR_SOURCES_MAX);
        return NULL;
    }
    registry = dr_registry_new(&options, err);
    if (registry)
        sources->registries[sources->count++] = registry;
    return registry;
}

static void put_repository(const char *prefix, const struct dr_reference *reference,
                           char ret_repository[512])
{
    snprintf(ret_repository, 512, "%s%s%s", prefix, *prefix ? "/" : "", reference->repository);
}

struct dr_registry *dr_sources_find(struct dr_sources *sources,
                                    const struct dr_reference *reference, char ret_repository[512],
                                    struct dr_err *err)
{
    bool hub = strcmp(reference->host, DOCKER_HUB) == 0;

    put_repository(hub ? sources->from_prefix : "", reference, ret_repository);
    return find_host(sources, hub ? sources->from_host : reference->host, err);
}

struct dr_registry *dr_sources_find_mirror(struct dr_sources *sources,
                                           const struct dr_reference *reference,
                                           char ret_repository[512], struct dr_err *err)
{
    if (!*sources->mirror_host || strcmp(reference->host, DOCKER_HUB) != 0)
        return NULL;
    put_repository(sources->mirror_prefix, reference, ret_repository);
    return find_host(sources, sources->mirror_host, err);
}

struct dr_registry *dr_sources_find_url(struct dr_sources *sources, const char *url,
                                        struct dr_err *err)
{
    const char *host = strstr(url, "://");
    char authority[256];
    size_t size;

    host = host ? host + 3 : url;
    size = strcspn(host, "/?#");
    if (size >= sizeof authority) {
        dr_fail(err, DR_ERR_FORMAT, "the host of '%.200s' is too long", url);
        return NULL;
    }
    memcpy(authority, host, size);
    authority[size] = '\0';
    return find_host(sources, authority, err);
}

void dr_sources_drop_mirror(struct dr_sources *sources)
{
    *sources->mirror_host = '\0';
}
