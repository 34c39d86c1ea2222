/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_SETTINGS_H
#define DROVER_CLI_SETTINGS_H

/*
 * What a site always types, said once (docs/configuration.md, drover-config(1)). The strongest first:
 *
 *     the command line                    not here: cli/options.c takes a setting only where an option was not given
 *     the environment                     DROVER_<KEY>; RANCHER_URL for rancher-url
 *     ~/.config/drover/drover.conf        the user's ($XDG_CONFIG_HOME)
 *     /etc/drover/drover.conf             the site's
 *
 * DROVER_CONFIG names one file instead of both, or none when it is empty. A file is one JSON object; its keys are long
 * options, or commands with an object of such keys, which there are stronger than the others of the same file. Only
 * what is in the table can be set: nothing that is a decision of the moment (--yes, --force, --first-import,
 * --ignore-clock), and no secret.
 *
 * A file may name whom to believe, so one that others than root and this user may write is DR_ERR_REFUSED, and a home
 * that belongs to somebody else (sudo with the caller's HOME) is not looked into. A key that is not known, or a value of
 * a wrong type, is DR_ERR_FORMAT naming both: nobody is less protected because of a typing error.
 */

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

#define DR_SETTINGS_FILE "/etc/drover/drover.conf"

struct dr_setting {
    const char *key;
    enum dr_option_kind kind; /* never DR_OPTION_FLAG */
    bool path;                /* absolute: who reads it may work anywhere */
    const char *variable;     /* NULL: DROVER_<KEY> */
};

/* Ends with a NULL key. */
extern const struct dr_setting dr_settings_table[];

struct dr_settings {
    json_t *entries; /* strongest first: {"key", "command" or null, "value": [texts], "from"} */
    json_t *files;   /* {"path", "state": "read" or "not there" or why it is not used} */
};

#define DR_SETTINGS_INIT                                                                           \
    {                                                                                              \
        .entries = NULL                                                                            \
    }

int dr_settings_read(struct dr_settings *ret_settings, struct dr_err *err);
void dr_settings_release(struct dr_settings *settings);
#define dr_auto_settings __attribute__((cleanup(dr_settings_release)))

/* The entry that decides for this option of this command; NULL: nobody has set it. Borrowed. */
const json_t *dr_settings_find(const struct dr_settings *settings, const char *command,
                               const char *key);

/* What is said instead of an option, and of more weight where it is said in a stronger place: --from and --hub-mirror,
 * --trust-dir for --pubkey, --unsigned for --key. NULL: nothing is. */
const char *dr_settings_rival(const char *key);

/* The entry of the rival, where it is stronger than the one that decides for this option; NULL: it is not. Borrowed. */
const json_t *dr_settings_outdone_by(const struct dr_settings *settings, const char *command,
                                     const char *key);

/* NULL: there is no such key. */
const struct dr_setting *dr_settings_known(const char *key);

#endif
