/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/trusted.h"
#include "mirror/load/load.h"

int dr_cmd_load(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_load_options options = {.trust = &trusted.trust};
    struct dr_list maps = {.count = 0};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"registry", 0, DR_OPTION_TEXT, &options.registry},
        {"map", 0, DR_OPTION_LIST, &maps},
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_volumes(&whom, &words, 1, err) < 0)
        return -1;
    if (dr_trusted_read(&whom, !options.dry_run, &common.log, &trusted, err) < 0)
        return -1;
    options.bundle = words.item[0];
    options.maps = maps.item;
    options.map_count = maps.count;
    options.engine = dr_engine_options_from_environment();
    if (dr_load_run(&options, &common.log, err) < 0)
        return -1;
    return options.dry_run ? 0 : dr_trusted_record(&trusted, err);
}
