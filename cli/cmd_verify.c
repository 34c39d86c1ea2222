/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundle/file/reader.h"
#include "bundle/file/stream.h"
#include "bundle/inspect.h"
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
    char size[16];
    size_t count;

    dr_bundle_images(bundle, &count);
    dr_text_size(about->bytes, size);
    printf("%s: good: signed by ", path);
    print_signers(&about->signers);
    printf(", %s%s%zu image%s, %s, every byte checked; created %s\n",
           about->release ? about->release : "", about->release ? ", " : "", count,
           count == 1 ? "" : "s", size, about->created);
    dr_delta_print(about->delta, stdout);
}

static int verify(const char *path, const struct dr_trusted *trusted, bool json,
                  const struct dr_log *log, struct dr_err *err)
{
    bool stream = strcmp(path, "-") == 0;
    dr_auto_bundle struct dr_bundle *bundle =
        stream ? dr_bundle_open_stream(STDIN_FILENO, &trusted->trust, err)
               : dr_bundle_open(path, &trusted->trust, err);
    struct dr_progress progress;
    int done;

    if (!bundle)
        return -1;
    dr_progress_start(&progress, log, "verify", dr_bundle_about(bundle)->layer_bytes);
    done = stream ? dr_stream_check(bundle, &progress, log, err)
                  : dr_bundle_hash_layers(bundle, &progress, err);
    dr_progress_end(&progress);
    if (done < 0)
        return dr_err_wrap(err, "verify the bundle '%s'", path);
    if (json)
        return dr_inspect_print(bundle, true, stdout, err);
    print_line(bundle, path);
    return 0;
}

int dr_cmd_verify(int argc, char **argv, struct dr_err *err)
{
    dr_auto_trusted struct dr_trusted trusted = DR_TRUSTED_INIT;
    struct dr_trusted_options whom = DR_TRUSTED_OPTIONS_INIT;
    struct dr_list words = {.count = 0};
    dr_auto_common struct dr_common common = {.help = false};
    bool json = false;
    const struct dr_option table[] = {
        DR_TRUSTED_OPTIONS(whom),
        {"state-dir", 0, DR_OPTION_TEXT, &whom.state_dir},
        {"json", 0, DR_OPTION_FLAG, &json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    if (dr_options_read(argc, argv, table, 1, 1, &words, &common, err) < 0)
        return -1;
    if (common.help)
        return 0;
    if (dr_trusted_read(&whom, false, &common.log, &trusted, err) < 0)
        return -1;
    return verify(words.item[0], &trusted, json, &common.log, err);
}
