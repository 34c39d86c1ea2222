/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/check.h"
#include "bundle/file/media.h"
#include "bundle/file/reader.h"
#include "bundle/file/stream.h"
#include "bundle/file/volumes.h"
#include "bundle/inspect.h"
#include "bundle/parity/alone.h"
#include "bundle/verify.h"
#include "cli/commands.h"
#include "cli/trusted.h"
#include "lib/text.h"

/* "key 0123456789abcdef", "keys ... and ...". */
static void print_signers(const struct dr_signers *signers)
{
    char hex[DR_DIGEST_TEXT];

    printf("key%s ", signers->count > 1 ? "s" : "");
    for (size_t i = 0; i < signers->count; i++)
        printf("%s%.16s", i ? " and " : "", dr_digest_hex(&signers->ids[i], hex));
}

static void print_line(const struct dr_bundle *bundle, const char *path)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    const struct dr_volumes *volumes = dr_bundle_volumes(bundle);
    char size[16];
    size_t count;

    dr_bundle_images(bundle, &count);
    dr_text_size(about->bytes, size);
    dr_text_print(path, stdout);
    printf(": good: signed by ");
    print_signers(&about->signers);
    printf(", %s%s%zu image%s, %s", about->release ? about->release : "",
           about->release ? ", " : "", count, count == 1 ? "" : "s", size);
    if (volumes)
        printf(" in %llu volumes", (unsigned long long)dr_volumes_set(volumes)->count);
    printf(", every byte checked; created %s\n", about->created);
    dr_delta_print(about->delta, stdout);
}

/* `ret_whole` false: all was printed that there is to say. */
static int check(struct dr_bundle *bundle, bool stream, const struct dr_verify_options *options,
                 bool *ret_whole, struct dr_err *err)
{
    struct dr_progress progress;
    int done;

    *ret_whole = true;
    if (dr_bundle_volumes(bundle))
        return dr_verify_volumes(bundle, options, ret_whole, err);
    dr_progress_start(&progress, options->log, "verify", dr_bundle_about(bundle)->layer_bytes);
    done = stream ? dr_stream_check(bundle, &progress, options->log, err)
                  : dr_bundle_hash_layers(bundle, &progress, err);
    dr_progress_end(&progress);
    return done < 0 && !stream ? dr_bundle_advise_damage(bundle, err) : done;
}

static int verify(const char *path, const struct dr_trusted *trusted,
                  const struct dr_verify_options *options, struct dr_err *err)
{
    bool stream = strcmp(path, "-") == 0;
    dr_auto_bundle struct dr_bundle *bundle =
        stream ? dr_bundle_open_stream(STDIN_FILENO, &trusted->trust, err)
               : dr_bundle_open(path, &trusted->trust, err);
    bool whole;

    if (!bundle)
        return -1;
    if (options->alone && !dr_bundle_volumes(bundle))
        return dr_fail(err, DR_ERR_USAGE, "--alone is for volumes, and '%s' is none", path);
    if (check(bundle, stream, options, &whole, err) < 0)
        return dr_err_wrap(err, "verify the bundle '%s'", path);
    if (!whole)
        return 0;
    if (options->json)
        return dr_inspect_print(bundle, true, stdout, err);
    print_line(bundle, path);
    return 0;
}

/* Parity files, one or several: each for itself. */
static int verify_parity(const struct dr_list *words, const struct dr_trusted *trusted,
                         const struct dr_verify_options *options, struct dr_err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *path = words->item[i];

        if (!dr_parity_is_at(path))
            return dr_fail(
                err, DR_ERR_USAGE,
                "'%s' is a parity file and '%s' is none: verify them one after the other",
                words->item[0], path);
        if (dr_parity_check_alone(path, &trusted->trust, options->json, stdout, options->log, err) <
            0)
            return -1;
    }
    return 0;
}

int dr_cmd_verify(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    struct dr_verify_options options = {.log = &common.log};
    bool wait = false;
    bool parity;
    const struct dr_option table[] = {
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"alone", 0, DR_OPTION_FLAG, &options.alone},
        {"wait-for-media", 0, DR_OPTION_FLAG, &wait},
        {"json", 0, DR_OPTION_FLAG, &options.json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, DR_LIST_MAX, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    parity = dr_parity_is_at(words.item[0]);
    if (!parity && dr_trusted_volumes(&whom, &words, 1, err) < 0)
        return -1;
    if (dr_trusted_read(&whom, false, &common.log, &trusted, err) < 0)
        return -1;
    if (parity)
        return verify_parity(&words, &trusted, &options, err);
    wait = wait && strcmp(words.item[0], "-") != 0 && !dr_media_is_file(words.item[0]);
    return wait ? dr_verify_media(words.item[0], &trusted.trust, &options, err)
                : verify(words.item[0], &trusted, &options, err);
}
