/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_TRUSTED_H
#define DROVER_CLI_TRUSTED_H

/*
 * The options by which a receiver says whom he believes, read as the trust that dr_bundle_open() wants:
 *
 *     struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
 *     table: DR_TRUSTED_OPTIONS(whom), {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir}
 *     dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
 *     dr_trusted_read(&whom, true, &log, &trusted, err);        true: what is taken is written down at the end
 *     ... the command, with &trusted.trust ...
 *     dr_trusted_record(&trusted, err);                         after full success, last of all
 *
 * Without --pubkey it is the site's trust folder (bundle/file/trust_folder.h) and what was taken before
 * (bundle/file/state.h). With --pubkey that key alone, without serials unless --channel asks for them; a key that the
 * folder revokes is refused all the same.
 */

#include "bundle/file/state.h"
#include "bundle/file/trust.h"
#include "bundle/file/trust_folder.h"
#include "cli/cli.h"
#include "lib/err.h"
#include "lib/key.h"

#define DR_STATE_DIR "/var/lib/drover"

struct dr_trusted_options {
    struct dr_list pubkeys;
    const char *folder;  /* --trust-dir; NULL: DR_TRUST_FOLDER */
    const char *channel; /* NULL: channel.conf's; with --pubkey any */
    uint64_t threshold;  /* DR_THRESHOLD_UNSAID: channel.conf's; with --pubkey 1 */
    const char *state_dir;
    struct dr_list media; /* --media */
    bool first_import;
    bool allow_downgrade;
    bool ignore_clock;
};

#define DR_THRESHOLD_UNSAID UINT64_MAX

#define DR_TRUSTED_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .threshold = DR_THRESHOLD_UNSAID, .state_dir = DR_STATE_DIR                                \
    }

/* Rows for a table of options; --state-dir is the command's own. Volumes count by their labels, which are signed too, so
 * where they lie is said here. */
#define DR_TRUSTED_OPTIONS(whom)                                                                   \
    {"media", 0, DR_OPTION_LIST, &(whom).media}, {"pubkey", 0, DR_OPTION_LIST, &(whom).pubkeys},   \
        {"trust-dir", 0, DR_OPTION_TEXT, &(whom).folder},                                          \
        {"channel", 0, DR_OPTION_TEXT, &(whom).channel},                                           \
        {"threshold", 0, DR_OPTION_NUMBER, &(whom).threshold},                                     \
        {"first-import", 0, DR_OPTION_FLAG, &(whom).first_import},                                 \
        {"allow-downgrade", 0, DR_OPTION_FLAG, &(whom).allow_downgrade},                           \
    {                                                                                              \
        "ignore-clock", 0, DR_OPTION_FLAG, &(whom).ignore_clock                                    \
    }

/* Where volumes are taken, a shell makes all of them out of NAME.0*. The first word is the bundle; those behind it that
 * are volumes become --media. DR_ERR_USAGE: more than `most` words are left. */
int dr_trusted_volumes(struct dr_trusted_options *whom, struct dr_list *words, size_t most,
                       struct dr_err *err);

struct dr_trusted {
    struct dr_key *keys[DR_LIST_MAX]; /* of --pubkey, each once */
    struct dr_trust_folder folder;    /* where there was no --pubkey */
    struct dr_state state;
    struct dr_bundle_trust trust; /* points into this struct: do not move it */
};

#define DR_TRUSTED_INIT                                                                            \
    {                                                                                              \
        .keys = {NULL}, .state = DR_STATE_INIT                                                     \
    }

/* `log` must outlive it. SOURCE_DATE_EPOCH has no say in what time it is. DR_ERR_USAGE: nobody to believe was named,
 * or the options contradict each other; DR_ERR_REFUSED: the folder or the state may not be used. */
int dr_trusted_read(const struct dr_trusted_options *options, bool record, const struct dr_log *log,
                    struct dr_trusted *ret_trusted, struct dr_err *err);

/* Only --pubkey, for a look. */
int dr_trusted_read_keys(const struct dr_list *files, struct dr_trusted *ret_trusted,
                         struct dr_err *err);

/* Writes down what was taken, where serials are compared at all. */
int dr_trusted_record(struct dr_trusted *trusted, struct dr_err *err);

void dr_trusted_release(struct dr_trusted *trusted);
#define dr_auto_trusted __attribute__((cleanup(dr_trusted_release)))

#endif
