/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/apply.h"
#include "cli/commands.h"
#include "cli/place.h"
#include "cli/trusted.h"
#include "cli/wishes.h"
#include "lib/cleanup.h"

#define SETTLE_SECONDS 150

static int run(struct dr_apply_options *options, struct dr_trusted_options *whom,
               const struct dr_list *insecure, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    dr_autofree char *state_dir = NULL;
    dr_autofree char *backup_dir = NULL;
    dr_autofree char *report = NULL;

    if (!options->registry)
        return dr_fail(
            err, DR_ERR_USAGE,
            "say where the images are: --registry HOST[:PORT][/PREFIX], as the hosts reach "
            "it");
    if (dr_place_absolute(&options->state_dir, &state_dir, err) < 0 ||
        dr_place_absolute(&options->backup_dir, &backup_dir, err) < 0 ||
        dr_place_absolute(&options->report, &report, err) < 0)
        return -1;
    if (options->backup_confirmed && !*options->backup_confirmed)
        return dr_fail(err, DR_ERR_USAGE, "--db-backup-confirmed wants to know where the dump is");
    whom->state_dir = options->state_dir;
    if (dr_trusted_read(whom, !options->dry_run, options->log, &trusted, err) < 0)
        return -1;
    options->trust = &trusted.trust;
    options->registry_insecure = dr_place_insecure(insecure, options->registry);
    dr_place_rancher(options);
    if (dr_apply(options, err) < 0)
        return -1;
    return options->dry_run ? 0 : dr_trusted_record(&trusted, err);
}

int dr_cmd_apply(int argc, char **argv, struct dr_err *err)
{
    struct dr_apply_options options = {.state_dir = DR_APPLY_STATE_DIR};
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_list insecure = {.count = 0};
    struct dr_list maps = {.count = 0};
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    dr_auto_wishes struct dr_wishes wishes = {.parallel = 0};
    uint64_t settle = SETTLE_SECONDS;
    const struct dr_option table[] = {
        {"registry", 0, DR_OPTION_TEXT, &options.registry},
        {"map", 0, DR_OPTION_LIST, &maps},
        DR_TRUSTED_OPTIONS(whom),
        {"rancher-url", 0, DR_OPTION_TEXT, &options.rancher_url},
        {"rancher-ca-cert", 0, DR_OPTION_TEXT, &options.rancher_ca},
        {"ca-cert", 0, DR_OPTION_TEXT, &options.registry_ca},
        {"insecure-registry", 0, DR_OPTION_LIST, &insecure},
        {"container", 0, DR_OPTION_TEXT, &options.container},
        {"state-dir", 0, DR_OPTION_TEXT, &options.state_dir},
        {"backup-dir", 0, DR_OPTION_TEXT, &options.backup_dir},
        {"db-backup-confirmed", 0, DR_OPTION_TEXT, &options.backup_confirmed},
        {"to-bind-mount", 0, DR_OPTION_TEXT, &options.bind_folder},
        DR_WISHES_OPTIONS(wishes),
        {"settle", 0, DR_OPTION_NUMBER, &settle},
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        {"yes", 'y', DR_OPTION_FLAG, &options.yes},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {"report", 0, DR_OPTION_TEXT, &options.report},
        {"keep-backups", 0, DR_OPTION_NUMBER, &options.keep_backups},
        {"load", 0, DR_OPTION_FLAG, &options.load},
        {"clear-lock", 0, DR_OPTION_FLAG, &options.clear_lock},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_volumes(&whom, &words, 1, err) < 0)
        return -1;
    if (dr_wishes_read(&wishes, &options, err) < 0)
        return -1;
    options.bundle = words.item[0];
    options.maps = maps.item;
    options.map_count = maps.count;
    /* 0 is the default there, and no wait at all here. */
    options.settle_seconds = settle > 0 ? (double)settle : 0.001;
    options.log = &common.log;
    return run(&options, &whom, &insecure, err);
}
