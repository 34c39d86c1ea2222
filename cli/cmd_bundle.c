/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bundle/bundle.h"
#include "bundle/capacity.h"
#include "bundle/file/channel.h"
#include "bundle/file/media.h"
#include "bundle/file/slots.h"
#include "bundle/parity/make.h"
#include "bundle/parity/protect.h"
#include "cli/commands.h"
#include "cli/pacing.h"
#include "cli/trusted.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "manifests/release.h"

/* 9999-12-31: later years do not fit the form of a time. */
#define TIME_MAX UINT64_C(253402300799)

/* SOURCE_DATE_EPOCH (reproducible-builds.org): the time that outputs carry instead of now. */
static int read_time(int64_t *ret_time, struct dr_err *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    uint64_t value;

    if (!text || !*text) {
        *ret_time = time(NULL);
        return 0;
    }
    if (dr_text_uint64(text, TIME_MAX, &value, err) < 0)
        return dr_err_wrap(err, "read SOURCE_DATE_EPOCH");
    *ret_time = (int64_t)value;
    return 0;
}

/* What the bundle says of itself, besides its images, and who signs that. */
struct label {
    const char *channel;
    uint64_t serial;     /* UNSAID: the time of creation */
    const char *expires; /* as given; NULL: never */
    char expires_at[32];
    bool unsigned_;
    uint64_t signers;
};

#define UNSAID UINT64_MAX

/* "90d" after the creation, a day (its end) or a time. */
static int read_expiry(struct label *label, int64_t created, struct dr_err *err)
{
    const char *text = label->expires;
    uint64_t span;
    int64_t when;
    char day[32];

    snprintf(day, sizeof day, "%.11sT23:59:59Z", text);
    if (dr_text_untime(text, &when) < 0 && dr_text_untime(day, &when) < 0) {
        if (dr_text_span(text, &span, err) < 0)
            return dr_fail(err, DR_ERR_USAGE,
                           "--expires is a span of time like 90d, a day like 2026-12-31 or a time "
                           "like 2026-12-31T12:00:00Z, not '%.40s'",
                           text);
        when = created + (int64_t)span;
    }
    if (when <= created || when > (int64_t)TIME_MAX)
        return dr_fail(err, DR_ERR_USAGE, "--expires %.40s is not after the bundle's creation",
                       text);
    dr_text_time(when, label->expires_at);
    return 0;
}

static int set_label(struct label *label, struct dr_bundle_options *options, struct dr_err *err)
{
    if (dr_channel_check_name(label->channel, err) < 0) {
        if (err)
            err->code = DR_ERR_USAGE;
        return dr_err_wrap(err, "--channel");
    }
    if (label->expires && read_expiry(label, options->created, err) < 0)
        return -1;
    options->channel = label->channel;
    options->serial = label->serial == UNSAID ? (uint64_t)options->created : label->serial;
    options->expires = label->expires ? label->expires_at : NULL;
    return 0;
}

static int set_signing(struct dr_bundle_options *options, const struct label *label,
                       struct dr_err *err)
{
    bool unsigned_ = label->unsigned_;
    uint64_t signers = label->signers;

    if (unsigned_ && options->key)
        return dr_fail(err, DR_ERR_USAGE,
                       "--unsigned and --key contradict each other; --key KEY --signers N signs "
                       "with one key and leaves room for others");
    if (!unsigned_ && !options->key && !options->dry_run)
        return dr_fail(err, DR_ERR_USAGE,
                       "--key FILE is needed: the private key that signs the bundle; 'drover key "
                       "new' makes one (or --unsigned, to sign it elsewhere)");
    if (unsigned_ && options->base_count > 0)
        return dr_fail(err, DR_ERR_USAGE,
                       "--base needs --key: a delta carries the signature of the whole bundle that "
                       "it stands for, which nobody can attach later");
    if (signers < 1 || signers > DR_SLOTS_MAX)
        return dr_fail(err, DR_ERR_USAGE, "--signers is a number from 1 to %d", DR_SLOTS_MAX);
    options->signers = (size_t)signers;
    return 0;
}

/* Each volume is signed when it is complete, and has no place for another signature. */
static int set_split(struct dr_bundle_options *options, const char *split, struct dr_err *err)
{
    if (!split)
        return 0;
    if (options->pipe)
        return dr_fail(err, DR_ERR_USAGE,
                       "--split makes files, and -o - is a pipe: name what they begin with by -o");
    if (!options->key && !options->dry_run)
        return dr_fail(err, DR_ERR_USAGE,
                       "--split needs --key: every volume ends with a signature of its own, which "
                       "nobody can attach later");
    if (options->signers > 1)
        return dr_fail(err, DR_ERR_USAGE,
                       "--split leaves no room for further signatures, since every volume says "
                       "what was signed: make the bundle in one file and attach them to that");
    if (options->output && dr_text_ends(options->output, "/"))
        return dr_fail(err, DR_ERR_USAGE,
                       "-o '%s' is a folder: volumes are called after a name in it, NAME.001 and "
                       "so on",
                       options->output);
    return dr_capacity_read(split, &options->split, err) < 0 ? dr_err_wrap(err, "--split") : 0;
}

/* Into a pipe; `spool` is a folder for a bundle that has to be made before (NULL: none). */
static int set_pipe(struct dr_bundle_options *options, const char *spool, char **ret_path,
                    struct dr_err *err)
{
    options->pipe = options->output && strcmp(options->output, "-") == 0;
    if (spool && !options->pipe)
        return dr_fail(err, DR_ERR_USAGE, "--spool-dir goes with -o -");
    if (!options->pipe)
        return 0;
    options->output = NULL;
    if (options->dry_run)
        return 0;
    if (options->json)
        return dr_fail(err, DR_ERR_USAGE,
                       "with -o - stdout is the bundle: --json has no place there; 'drover verify "
                       "- --json' tells it on the other side");
    if (isatty(STDOUT_FILENO))
        return dr_fail(err, DR_ERR_USAGE,
                       "a bundle is nothing for a terminal: name a file by -o, "
                       "or pipe it into something");
    if (!spool)
        return 0;
    *ret_path = dr_text_format(err, "%s/drover-%ld.bundle.tar", spool, (long)getpid());
    options->output = *ret_path;
    return *ret_path ? 0 : -1;
}

static int check_output(const struct dr_bundle_options *options, struct dr_err *err)
{
    const char *output = options->output;

    if (!output && (options->dry_run || options->pipe))
        return 0;
    if (!output || !*output)
        return dr_fail(err, DR_ERR_USAGE, "-o FILE is needed: where the bundle goes");
    return 0;
}

static int read_parity(const char *text, struct dr_bundle_options *options, struct dr_err *err)
{
    if (!text)
        return 0;
    if (options->pipe)
        return dr_fail(err, DR_ERR_USAGE,
                       "--parity makes a file beside the bundle's, and -o - makes none: 'drover "
                       "parity' makes it where the bundle ends up");
    if (!options->key && !options->dry_run)
        return dr_fail(err, DR_ERR_USAGE,
                       "--parity needs --key: parity is signed too; 'drover parity' makes it of a "
                       "bundle that was signed elsewhere");
    if (dr_protect_read_percent(text, &options->parity, err) < 0)
        return -1;
    return options->dry_run
               ? 0
               : dr_parity_check_free(options->output, options->split > 0, options->replace, err);
}

static bool is_one_file(const char *one, const char *other)
{
    struct stat a;
    struct stat b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* --force would replace it by the bundle, and there may be no other copy. */
static int check_not_key(const char *output, const char *key, struct dr_err *err)
{
    if (is_one_file(output, key))
        return dr_fail(err, DR_ERR_USAGE, "the bundle can't go to '%s': that is the private key",
                       output);
    return 0;
}

static int check_places(const struct dr_bundle_options *options, struct dr_err *err)
{
    if (options->from && options->hub_mirror)
        return dr_fail(
            err, DR_ERR_USAGE,
            "--from and --hub-mirror contradict each other: nothing comes from docker.io "
            "with --from");
    return options->key && options->output ? check_not_key(options->output, options->key, err) : 0;
}

/* A base that its own delta replaced would be lost, and the delta could not be merged any more. */
static int check_not_base(const char *output, const char *base, struct dr_err *err)
{
    size_t length = strlen(output);
    bool is_volume =
        strncmp(base, output, length) == 0 && strlen(base) == length + 4 && dr_media_is_named(base);

    if (!is_volume && !is_one_file(output, base))
        return 0;
    return dr_fail(err, DR_ERR_REFUSED,
                   "'%s' is a base, which the new bundle would replace; -o names another file",
                   base);
}

/* The bundles that this one builds on, and who may have signed them. */
static int read_bases(const struct dr_list *bases, const struct dr_list *files,
                      struct dr_trusted *trusted, struct dr_bundle_options *options,
                      struct dr_err *err)
{
    options->bases = bases->item;
    options->base_count = bases->count;
    for (size_t i = 0; options->output && i < bases->count; i++) {
        if (check_not_base(options->output, bases->item[i], err) < 0)
            return -1;
    }
    if (files->count == 0 || (files->is_set && options->base_count == 0 && !options->remake))
        return 0;
    if (options->base_count == 0 && !options->remake)
        return dr_fail(err, DR_ERR_USAGE,
                       "--pubkey says whose bundles --base may name, and there is no --base");
    if (dr_trusted_read_keys(files, trusted, err) < 0)
        return -1;
    options->base_keys = trusted->trust.keys;
    options->base_key_count = trusted->trust.key_count;
    return 0;
}

/* What may be given several times. */
struct lists {
    struct dr_list words, groups, insecure, bases, pubkeys, tools;
};

/* Everything that it needs to know is in the volume that is named. */
static int check_remake(const struct dr_bundle_options *options, const struct lists *lists,
                        struct dr_err *err)
{
    bool more = lists->words.count > 0 || lists->groups.count > 0 || lists->bases.count > 0 ||
                options->wish.file || options->split || options->parity || options->dry_run ||
                options->pipe;

    if (check_places(options, err) < 0)
        return -1;
    if (!options->remake && !options->like)
        return 0;
    if (!options->remake || !options->like)
        return dr_fail(err, DR_ERR_USAGE,
                       "--remake N and --like VOLUME belong together: which volume is to be made "
                       "again, and another one of its set, or what is left of it");
    if (more)
        return dr_fail(err, DR_ERR_USAGE,
                       "--remake goes with -o, --key, --pubkey and where to fetch from: what the "
                       "bundle is, and how it is split, the volume at --like says");
    if (!options->key)
        return dr_fail(err, DR_ERR_USAGE, "--remake needs --key: the volume's label is signed");
    return 0;
}

/* The first word may be a release; every other is an image. */
static void set_wish(struct dr_wish *wish, const struct lists *lists)
{
    const struct dr_list *words = &lists->words;
    size_t releases = words->count > 0 && dr_release_is_name(words->item[0]) ? 1 : 0;

    wish->release = releases ? words->item[0] : NULL;
    wish->images = words->item + releases;
    wish->image_count = words->count - releases;
    wish->groups = lists->groups.item;
    wish->group_count = lists->groups.count;
}

static void set_lists(struct dr_bundle_options *options, const struct lists *lists,
                      const char *passphrase_file)
{
    options->ask_context = (void *)(uintptr_t)passphrase_file;
    set_wish(&options->wish, lists);
    options->tools = lists->tools.item;
    options->tool_count = lists->tools.count;
    options->insecure = lists->insecure.item;
    options->insecure_count = lists->insecure.count;
}

static int set_platform(struct dr_bundle_options *options, const char *platform, struct dr_err *err)
{
    options->platform_named = platform != NULL;
    return dr_platform_parse(platform ? platform : DR_PLATFORM_DEFAULT, &options->platform, err) < 0
               ? dr_err_wrap(err, "--platform")
               : 0;
}

int dr_cmd_bundle(int argc, char **argv, struct dr_err *err)
{
    struct dr_bundle_options options = {.ask = dr_ask_passphrase};
    const char *passphrase_file = NULL;
    const char *platform = NULL;
    const char *split = NULL;
    const char *spool = NULL;
    const char *parity = NULL;
    dr_autofree char *spooled = NULL;
    struct label label = {.channel = DR_CHANNEL_DEFAULT, .serial = UNSAID, .signers = 1};
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct lists lists = {.words = {.count = 0}};
    dr_auto_common struct dr_common common = {.help = false};
    const struct dr_option table[] = {
        {"output", 'o', DR_OPTION_TEXT, &options.output},
        {"file", 'f', DR_OPTION_TEXT, &options.wish.file},
        {"with", 0, DR_OPTION_LIST, &lists.groups},
        {"platform", 0, DR_OPTION_TEXT, &platform},
        {"all-platforms", 0, DR_OPTION_FLAG, &options.all_platforms},
        {"key", 0, DR_OPTION_TEXT, &options.key},
        {"passphrase-file", 0, DR_OPTION_TEXT, &passphrase_file},
        {"unsigned", 0, DR_OPTION_FLAG, &label.unsigned_},
        {"base", 0, DR_OPTION_LIST, &lists.bases},
        {"pubkey", 0, DR_OPTION_LIST, &lists.pubkeys},
        {"signers", 0, DR_OPTION_NUMBER, &label.signers},
        {"channel", 0, DR_OPTION_TEXT, &label.channel},
        {"serial", 0, DR_OPTION_NUMBER, &label.serial},
        {"expires", 0, DR_OPTION_TEXT, &label.expires},
        {"from", 0, DR_OPTION_TEXT, &options.from},
        {"hub-mirror", 0, DR_OPTION_TEXT, &options.hub_mirror},
        {"limit-rate", 0, DR_OPTION_RATE, &options.rate},
        {"split", 0, DR_OPTION_TEXT, &split},
        {"remake", 0, DR_OPTION_NUMBER, &options.remake},
        {"like", 0, DR_OPTION_TEXT, &options.like},
        {"spool-dir", 0, DR_OPTION_TEXT, &spool},
        {"parity", 0, DR_OPTION_TEXT, &parity},
        {"fresh", 0, DR_OPTION_FLAG, &options.fresh},
        {"ca-cert", 0, DR_OPTION_TEXT, &options.ca_file},
        {"insecure-registry", 0, DR_OPTION_LIST, &lists.insecure},
        {"with-tool", 0, DR_OPTION_OPTIONAL, &lists.tools},
        {"dynamic-tool", 0, DR_OPTION_FLAG, &options.dynamic_tool},
        {"dry-run", 0, DR_OPTION_FLAG, &options.dry_run},
        DR_PACING_OPTIONS(options.pace),
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {"force", 0, DR_OPTION_FLAG, &options.replace},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 0, DR_LIST_MAX, &lists.words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_pacing_check(&options.pace, options.dry_run, options.rate, err) < 0 ||
        read_bases(&lists.bases, &lists.pubkeys, &trusted, &options, err) < 0 ||
        set_pipe(&options, spool, &spooled, err) < 0 || check_output(&options, err) < 0 ||
        read_time(&options.created, err) < 0 || set_signing(&options, &label, err) < 0 ||
        set_split(&options, split, err) < 0 || read_parity(parity, &options, err) < 0 ||
        set_label(&label, &options, err) < 0 || set_platform(&options, platform, err) < 0 ||
        check_places(&options, err) < 0 || check_remake(&options, &lists, err) < 0)
        return -1;
    set_lists(&options, &lists, passphrase_file);
    return dr_bundle_run(&options, &common.log, err);
}
