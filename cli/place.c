/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/place.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"

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
