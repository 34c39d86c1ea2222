/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bundle/parity/protect.h"
#include "cli/commands.h"
#include "cli/trusted.h"
#include "lib/cleanup.h"

/* Whoever signs the parity may have signed the bundle too; --pubkey names others. */
static int believe(const struct dr_list *files, struct dr_key *key, struct dr_trusted *trusted,
                   struct dr_err *err)
{
    if (files->count == DR_LIST_MAX)
        return dr_fail(err, DR_ERR_USAGE, "--pubkey was given too often");
    if (files->count > 0 && dr_trusted_read_keys(files, trusted, err) < 0)
        return -1;
    trusted->keys[trusted->trust.key_count++] = key;
    trusted->trust.keys = (const struct dr_key *const *)trusted->keys;
    trusted->trust.threshold = 1;
    trusted->trust.ignore_clock = true;
    return 0;
}

int dr_cmd_parity(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_protect_options options = {.path = NULL};
    const char *key_file = NULL;
    const char *passphrase_file = NULL;
    struct dr_list words = {.count = 0};
    struct dr_list pubkeys = {.count = 0};
    struct dr_list media = {.count = 0};
    struct dr_key *key;
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"key", 0, DR_OPTION_TEXT, &key_file},
        {"passphrase-file", 0, DR_OPTION_TEXT, &passphrase_file},
        {"pubkey", 0, DR_OPTION_LIST, &pubkeys},
        {"media", 0, DR_OPTION_LIST, &media},
        {"force", 0, DR_OPTION_FLAG, &options.replace},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 2, 2, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_protect_read_percent(words.item[0], &options.percent, err) < 0)
        return -1;
    if (!key_file)
        return dr_fail(err, DR_ERR_USAGE,
                       "--key FILE is needed: the private key that signs the parity");
    key = dr_key_read_private(key_file, dr_ask_passphrase, (void *)(uintptr_t)passphrase_file, err);
    if (!key || believe(&pubkeys, key, &trusted, err) < 0) {
        dr_key_free(key);
        return -1;
    }
    trusted.trust.media = media.item;
    trusted.trust.media_count = media.count;
    options.path = words.item[1];
    options.key = key;
    options.trust = &trusted.trust;
    return dr_protect(&options, stdout, &common.log, err);
}
