/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "apply/rollback.h"
#include "cli/commands.h"
#include "cli/place.h"
#include "lib/cleanup.h"

int dr_cmd_rollback(int argc, char **argv, struct dr_err *err)
{
    struct dr_apply_options options = {.state_dir = DR_APPLY_STATE_DIR};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    dr_autofree char *state_dir = NULL;
    const struct dr_option table[] = {
        {"rancher-url", 0, DR_OPTION_TEXT, &options.rancher_url},
        {"rancher-ca-cert", 0, DR_OPTION_TEXT, &options.rancher_ca},
        {"state-dir", 0, DR_OPTION_TEXT, &options.state_dir},
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        {"yes", 'y', DR_OPTION_FLAG, &options.yes},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 0, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    options.log = &common.log;
    if (dr_place_absolute(&options.state_dir, &state_dir, err) < 0)
        return -1;
    dr_place_rancher(&options);
    return dr_rollback(&options, err);
}
