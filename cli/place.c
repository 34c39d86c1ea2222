/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/place.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/reference.h"

int dr_place_absolute(const char **path, char **ret_owned, struct dr_err *err)
{
    char here[PATH_MAX];

    if (!*path || **path == '/')
        return 0;
    if (!getcwd(here, sizeof here))
        return dr_fail_errno(err, DR_ERR_IO, "find the working directory");
    *ret_owned = dr_file_join(here, *path, err);
    *path = *ret_owned;
    return *ret_owned ? 0 : -1;
}

static const char *filled(const char *text)
{
    return text && *text ? text : NULL;
}

void dr_place_rancher(struct dr_apply_options *options)
{
    options->access_key = filled(getenv("RANCHER_ACCESS_KEY"));
    options->secret_key = filled(getenv("RANCHER_SECRET_KEY"));
}

bool dr_place_insecure(const struct dr_list *hosts, const char *registry)
{
    char host[256];
    char prefix[256];

    if (dr_reference_parse_registry(registry, host, prefix, NULL) < 0)
        return false;
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->item[i], host) == 0)
            return true;
    }
    return false;
}
