/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trusted.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle/file/media.h"
#include "lib/cleanup.h"

int dr_trusted_volumes(struct dr_trusted_options *whom, struct dr_list *words, size_t most,
                       struct dr_err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < words->count; i++) {
        if (i == 0 || !dr_media_is_volume(words->item[i]))
            words->item[kept++] = words->item[i];
        else if (whom->media.count < DR_LIST_MAX)
            whom->media.item[whom->media.count++] = words->item[i];
        else
            return dr_fail(err, DR_ERR_USAGE,
                           "'%s': more than %d volumes and media are named; a folder that they "
                           "are in is enough",
                           words->item[i], DR_LIST_MAX);
    }
    words->count = kept;
    return kept <= most ? 0
                        : dr_fail(err, DR_ERR_USAGE,
                                  "'%s' is too much: it is no volume of the bundle; folders with "
                                  "volumes are named by --media",
                                  words->item[most]);
}

static bool has_key(const struct dr_trusted *trusted, const struct dr_digest *id)
{
    for (size_t i = 0; i < trusted->trust.key_count; i++) {
        struct dr_digest other;

        if (dr_key_id(trusted->keys[i], &other, NULL) == 0 && dr_digest_equal(&other, id))
            return true;
    }
    return false;
}

/* The same key in two files is one key. */
static int read_pubkey(struct dr_trusted *trusted, const char *path, const char *folder,
                       struct dr_err *err)
{
    dr_auto_key struct dr_key *key = dr_key_read_public(path, err);
    char hex[DR_DIGEST_TEXT];
    struct dr_digest id;
    bool revoked = false;

    if (!key || dr_key_id(key, &id, err) < 0 ||
        dr_trust_folder_revokes(folder, &id, &revoked, err) < 0)
        return -1;
    if (revoked)
        return dr_fail(err, DR_ERR_REFUSED,
                       "the key in '%s' is revoked: '%s/revoked.d' names its id %s", path, folder,
                       dr_digest_hex(&id, hex));
    if (!has_key(trusted, &id))
        trusted->keys[trusted->trust.key_count++] = dr_steal(key);
    return 0;
}

static const char *folder_of(const struct dr_trusted_options *options)
{
    return options->folder ? options->folder : DR_TRUST_FOLDER;
}

static int read_pubkeys(const struct dr_trusted_options *options, struct dr_trusted *trusted,
                        struct dr_err *err)
{
    struct dr_bundle_trust *trust = &trusted->trust;

    trust->keys = (const struct dr_key *const *)trusted->keys;
    for (size_t i = 0; i < options->pubkeys.count; i++) {
        if (read_pubkey(trusted, options->pubkeys.item[i], folder_of(options), err) < 0)
            return -1;
    }
    trust->threshold = 1;
    trust->max_clock_skew = DR_CLOCK_SKEW_DEFAULT;
    return 0;
}

static int read_folder(const struct dr_trusted_options *options, struct dr_trusted *trusted,
                       struct dr_err *err)
{
    const struct dr_trust_folder *folder = &trusted->folder;

    if (!options->folder && access(DR_TRUST_FOLDER "/trust.d", F_OK) < 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--pubkey FILE is needed: the public half of the key that signed the "
                       "bundle (or keys in " DR_TRUST_FOLDER "/trust.d, see docs/trust.md)");
    if (dr_trust_folder_read(folder_of(options), &trusted->folder, err) < 0)
        return -1;
    trusted->trust = (struct dr_bundle_trust){
        .keys = (const struct dr_key *const *)folder->keys,
        .key_count = folder->key_count,
        .revoked = (const struct dr_key *const *)folder->revoked,
        .revoked_count = folder->revoked_count,
        .threshold = folder->channel.threshold,
        .max_clock_skew = folder->channel.max_clock_skew,
        .max_age = folder->channel.max_age,
        .min_serial = folder->channel.min_serial,
        .channel = folder->channel.name,
    };
    return 0;
}

/* What is said on the command line may demand more than the site does, never less. */
static int set_threshold(uint64_t said, struct dr_bundle_trust *trust, struct dr_err *err)
{
    if (said == DR_THRESHOLD_UNSAID)
        return 0;
    if (said == 0)
        return dr_fail(err, DR_ERR_USAGE, "--threshold 0: no signature at all is never enough");
    if (said < trust->threshold)
        return dr_fail(err, DR_ERR_REFUSED, "channel.conf demands %llu signatures, more than %llu",
                       (unsigned long long)trust->threshold, (unsigned long long)said);
    if (said > trust->key_count)
        return dr_fail(err, DR_ERR_USAGE,
                       "--threshold %llu is more than the %zu different keys there are",
                       (unsigned long long)said, trust->key_count);
    trust->threshold = said;
    return 0;
}

static int check_options(const struct dr_trusted_options *options, struct dr_err *err)
{
    if (options->pubkeys.count > 0 && !options->channel &&
        (options->first_import || options->allow_downgrade))
        return dr_fail(err, DR_ERR_USAGE,
                       "with --pubkey serials are compared only with --channel NAME; without, "
                       "--first-import and --allow-downgrade mean nothing");
    return options->channel ? dr_channel_check_name(options->channel, err) : 0;
}

int dr_trusted_read(const struct dr_trusted_options *options, bool record, const struct dr_log *log,
                    struct dr_trusted *ret_trusted, struct dr_err *err)
{
    struct dr_bundle_trust *trust = &ret_trusted->trust;

    if (check_options(options, err) < 0)
        return -1;
    if ((options->pubkeys.count > 0 ? read_pubkeys(options, ret_trusted, err)
                                    : read_folder(options, ret_trusted, err)) < 0 ||
        set_threshold(options->threshold, trust, err) < 0)
        return -1;
    trust->now = time(NULL);
    trust->ignore_clock = options->ignore_clock;
    trust->media = options->media.item;
    trust->media_count = options->media.count;
    trust->log = log;
    if (options->channel)
        trust->channel = options->channel;
    if (!trust->channel)
        return 0;
    ret_trusted->state.first_import = options->first_import;
    ret_trusted->state.allow_downgrade = options->allow_downgrade;
    trust->state = &ret_trusted->state;
    return dr_state_open(&ret_trusted->state, options->state_dir, record, err);
}

int dr_trusted_read_keys(const struct dr_list *files, struct dr_trusted *ret_trusted,
                         struct dr_err *err)
{
    struct dr_trusted_options options = DR_TRUSTED_OPTIONS_INIT;

    options.pubkeys = *files;
    return dr_trusted_read(&options, false, NULL, ret_trusted, err);
}

int dr_trusted_record(struct dr_trusted *trusted, struct dr_err *err)
{
    return trusted->trust.state ? dr_state_record(&trusted->state, time(NULL), err) : 0;
}

void dr_trusted_release(struct dr_trusted *trusted)
{
    for (size_t i = 0; i < DR_LIST_MAX; i++)
        dr_key_free(trusted->keys[i]);
    dr_trust_folder_release(&trusted->folder);
    dr_state_release(&trusted->state);
}
