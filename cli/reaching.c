/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reaching.h"

#include <strings.h>

#include "lib/reference.h"

struct dr_destination_options dr_reaching_options(const struct dr_reaching *reaching)
{
    return (struct dr_destination_options){.maps = reaching->maps.item,
                                           .map_count = reaching->maps.count,
                                           .ca_file = reaching->ca_file,
                                           .insecure = reaching->insecure.item,
                                           .insecure_count = reaching->insecure.count,
                                           .rate = reaching->rate};
}

static bool is_among(const char *host, const char *const *registries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char other[256];
        char prefix[256];

        if (dr_reference_parse_registry(registries[i], other, prefix, NULL) < 0 ||
            strcasecmp(host, other) == 0)
            return true; /* a malformed one is an error of its own */
    }
    return false;
}

void dr_reaching_warn(const struct dr_reaching *reaching, const char *const *registries,
                      size_t count, const struct dr_log *log)
{
    /* A site may have several. */
    for (size_t i = 0; !reaching->insecure.is_set && i < reaching->insecure.count; i++) {
        if (!is_among(reaching->insecure.item[i], registries, count))
            dr_log_warn(log, "--insecure-registry names '%s', but the registry is '%s'",
                        reaching->insecure.item[i], registries[0]);
    }
}
