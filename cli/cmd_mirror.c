/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/pacing.h"
#include "cli/reaching.h"
#include "cli/receipting.h"
#include "cli/trusted.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"
#include "mirror/mirror.h"
#include "mirror/rollback.h"

/* Where tags are written down that are moved: beside the state of the site, or one's own. */
static char *find_state_dir(const char *named, struct dr_err *err)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (named)
        return dr_text_copy(named, err);
    if (geteuid() != 0 && state && *state == '/')
        return dr_file_join(state, "drover", err);
    if (geteuid() != 0 && home && *home == '/')
        return dr_file_join(home, ".local/state/drover", err);
    return dr_text_copy(DR_STATE_DIR, err);
}

static int run(struct dr_mirror_options *options, const struct dr_trusted_options *whom,
               const struct dr_log *log, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    bool taken = false;
    int done;

    if (dr_trusted_read(whom, !options->dry_run, log, &trusted, err) < 0)
        return -1;
    options->trust = &trusted.trust;
    done = dr_mirror_run(options, log, &taken, err);
    /* Also when another registry failed: this one is not to be given an older bundle. */
    if (taken && dr_trusted_record(&trusted, done < 0 ? NULL : err) < 0)
        done = -1;
    return done;
}

static int run_back(const struct dr_mirror_options *options, const struct dr_log *log,
                    struct dr_err *err)
{
    return dr_mirror_rollback(
        &(struct dr_rollback_options){.registries = options->registries,
                                      .registry_count = options->registry_count,
                                      .reach = options->reach,
                                      .state_dir = options->state_dir,
                                      .dry_run = options->dry_run,
                                      .json = options->json},
        log, err);
}

/* Those on the command line, else the one that --registry names or the site has set. */
static int name_registries(const struct dr_list *words, bool back, const char *const *registry,
                           struct dr_mirror_options *options, struct dr_err *err)
{
    size_t bundles = back ? 0 : 1;

    if (words->count < bundles)
        return dr_fail(err, DR_ERR_USAGE, "say what: drover mirror BUNDLE HOST[:PORT][/PREFIX]");
    options->bundle = words->item[0];
    options->registries = words->item + bundles;
    options->registry_count = words->count - bundles;
    if (options->registry_count == 0 && *registry) {
        options->registries = registry;
        options->registry_count = 1;
    }
    if (options->spool && (back || strcmp(options->bundle, "-") != 0))
        return dr_fail(err, DR_ERR_USAGE,
                       "--spool-dir goes with a bundle from stdin: drover mirror -");
    if (options->wait && (back || strcmp(options->bundle, "-") == 0))
        return dr_fail(err, DR_ERR_USAGE,
                       "--wait-for-media goes with volumes: drover mirror VOLUME|FOLDER");
    if (options->registry_count == 0)
        return dr_fail(err, DR_ERR_USAGE, "say where to: drover mirror %s HOST[:PORT][/PREFIX]",
                       back ? "--rollback" : "BUNDLE");
    return 0;
}

/* A receipt tells what one registry has in the end. */
static int set_receipt(struct dr_receipting *receipting, bool back,
                       struct dr_mirror_options *options, struct dr_err *err)
{
    if (receipting->path && (back || options->dry_run))
        return dr_fail(err, DR_ERR_USAGE,
                       "--receipt goes with a bundle that is mirrored; 'drover audit --receipt' "
                       "tells what a registry has as it is");
    if (receipting->path && options->registry_count > 1)
        return dr_fail(err, DR_ERR_USAGE,
                       "a receipt is of one registry; 'drover audit --receipt' makes one of each");
    return dr_receipting_read(receipting, &options->receipt, err);
}

int dr_cmd_mirror(int argc, char **argv, struct dr_err *err)
{
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_mirror_options options = {.json = false};
    struct dr_reaching reaching = {.rate = 0};
    dr_auto_receipting struct dr_receipting receipting = DR_RECEIPTING_INIT;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    dr_autofree char *state_dir = NULL;
    const char *registry = NULL;
    const char *named = NULL;
    bool back = false;
    const struct dr_option table[] = {
        {"registry", 0, DR_OPTION_TEXT, &registry},
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &named},
        DR_REACHING_OPTIONS(reaching),
        DR_RECEIPTING_OPTIONS(receipting),
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        DR_PACING_OPTIONS(options.pace),
        {"rollback", 0, DR_OPTION_FLAG, &back},
        {"spool-dir", 0, DR_OPTION_TEXT, &options.spool},
        {"wait-for-media", 0, DR_OPTION_FLAG, &options.wait},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (!back && dr_trusted_volumes(&whom, &words, DR_LIST_MAX, err) < 0)
        return -1;
    if (dr_pacing_check(&options.pace, options.dry_run && !back, reaching.rate, err) < 0)
        return -1;
    options.state_dir = state_dir = find_state_dir(named, err);
    if (!state_dir || name_registries(&words, back, &registry, &options, err) < 0 ||
        set_receipt(&receipting, back, &options, err) < 0)
        return -1;
    options.reach = dr_reaching_options(&reaching);
    dr_reaching_warn(&reaching, options.registries, options.registry_count, &common.log);
    if (back)
        return run_back(&options, &common.log, err);
    whom.state_dir = named ? named : DR_STATE_DIR;
    return run(&options, &whom, &common.log, err);
}
