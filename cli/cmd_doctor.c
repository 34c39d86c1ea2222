/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "apply/doctor.h"
#include "apply/findings.h"
#include "cli/commands.h"
#include "cli/place.h"
#include "cli/trusted.h"
#include "lib/text.h"

/* Whom would apply believe? False in `ret_trusted`: nobody, which is a finding then. */
static int visit_trust(const struct dr_trusted_options *whom, const struct dr_log *log,
                       struct dr_trusted *trusted, bool *ret_trusted, json_t *findings,
                       struct dr_err *err)
{
    const char *folder = whom->folder ? whom->folder : DR_TRUST_FOLDER;
    const struct dr_bundle_trust *trust = &trusted->trust;
    struct dr_err why = DR_ERR_INIT;
    char taken[96] = "";
    char time[32];
    int64_t when;

    *ret_trusted = dr_trusted_read(whom, false, log, trusted, &why) == 0;
    if (!*ret_trusted)
        return dr_findings_fail(findings, "trust", &why, err);
    if (whom->pubkeys.count > 0)
        return dr_findings_add(findings, DR_FINDING_OK, "trust", err,
                               "%zu key%s named by --pubkey or settings, %llu must have signed",
                               trust->key_count, trust->key_count == 1 ? "" : "s",
                               (unsigned long long)trust->threshold);
    when = dr_state_imported_at(trust->state, trust->channel);
    if (when != INT64_MIN) {
        dr_text_time(when, time);
        snprintf(taken, sizeof taken, ", last one taken at %s", time);
    }
    if (when == INT64_MIN && !whom->first_import &&
        dr_findings_add(findings, DR_FINDING_WARNING, "trust", err,
                        "no bundle of channel '%s' was taken here yet: the first time, say "
                        "--first-import",
                        trust->channel) < 0)
        return -1;
    return dr_findings_add(findings, DR_FINDING_OK, "trust", err,
                           "%zu key%s in %.200s/trust.d (%zu revoked), %llu must have signed, "
                           "channel '%s'%s",
                           trust->key_count, trust->key_count == 1 ? "" : "s", folder,
                           trust->revoked_count, (unsigned long long)trust->threshold,
                           trust->channel, taken);
}

static int visit(struct dr_apply_options *options, const struct dr_trusted_options *whom,
                 struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    json_auto_t *findings = json_array();
    bool believes = false;
    size_t problems;

    if (!findings)
        return dr_fail_memory(err);
    if (visit_trust(whom, options->log, &trusted, &believes, findings, err) < 0)
        return -1;
    if (believes)
        options->trust = &trusted.trust;
    if (dr_doctor(options, findings, err) < 0 ||
        dr_findings_print(stdout, findings, options->json, err) < 0)
        return -1;
    problems = dr_findings_count(findings, DR_FINDING_PROBLEM);
    if (problems > 0)
        return dr_fail(err, DR_ERR_REFUSED,
                       "%zu problem%s (listed above): mend %s before the window, and look again",
                       problems, problems == 1 ? "" : "s", problems == 1 ? "it" : "them");
    dr_log_say(options->log, "nothing is in the way%s",
               dr_findings_count(findings, DR_FINDING_WARNING) > 0 ? ", but read the warnings"
                                                                   : "");
    return 0;
}

int dr_cmd_doctor(int argc, char **argv, struct dr_err *err)
{
    struct dr_apply_options options = {.state_dir = DR_APPLY_STATE_DIR, .dry_run = true};
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    dr_auto_common struct dr_common common = {.help = false};
    struct dr_list insecure = {.count = 0};
    struct dr_list maps = {.count = 0};
    struct dr_list words = {.count = 0};
    const struct dr_option table[] = {
        {"registry", 0, DR_OPTION_TEXT, &options.registry},
        {"map", 0, DR_OPTION_LIST, &maps},
        DR_TRUSTED_OPTIONS(whom),
        {"ca-cert", 0, DR_OPTION_TEXT, &options.registry_ca},
        {"insecure-registry", 0, DR_OPTION_LIST, &insecure},
        {"rancher-url", 0, DR_OPTION_TEXT, &options.rancher_url},
        {"rancher-ca-cert", 0, DR_OPTION_TEXT, &options.rancher_ca},
        {"rancher-keys", 0, DR_OPTION_TEXT, &options.rancher_keys},
        {"container", 0, DR_OPTION_TEXT, &options.container},
        {"state-dir", 0, DR_OPTION_TEXT, &options.state_dir},
        {"backup-dir", 0, DR_OPTION_TEXT, &options.backup_dir},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    options.bundle = words.count > 0 ? words.item[0] : NULL;
    if (options.bundle && !options.registry)
        return dr_fail(err, DR_ERR_USAGE,
                       "with a bundle, say where its images should be: --registry "
                       "HOST[:PORT][/PREFIX]");
    options.maps = maps.item;
    options.map_count = maps.count;
    options.registry_insecure = options.registry && dr_place_insecure(&insecure, options.registry);
    options.log = &common.log;
    whom.state_dir = options.state_dir;
    dr_place_rancher(&options);
    return visit(&options, &whom, err);
}
