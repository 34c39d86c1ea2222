/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/sign.h"

#include <stdio.h>
#include <unistd.h>

#include "bundle/file/reader.h"
#include "bundle/file/sums.h"
#include "bundle/inspect.h"
#include "bundle/split.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"

/* Every byte, as nobody has vouched for any of them yet. */
static int check_bytes(struct dr_bundle *bundle, const struct dr_sign_options *options,
                       const struct dr_log *log, struct dr_err *err)
{
    struct dr_progress progress;
    int done;

    dr_progress_start(&progress, log, "check", dr_bundle_about(bundle)->layer_bytes);
    done = dr_bundle_hash_layers(bundle, &progress, err);
    dr_progress_end(&progress);
    return done < 0 ? dr_err_wrap(err, "check the bundle '%s'", options->bundle) : 0;
}

static char *choose_output(const struct dr_sign_options *options, const char *id,
                           struct dr_err *err)
{
    dr_autofree char *path = options->output
                                 ? dr_text_copy(options->output, err)
                                 : dr_text_format(err, "%s.%.16s.sig", options->bundle, id);

    if (path && access(path, F_OK) == 0) {
        dr_fail(err, DR_ERR_REFUSED, "'%s' exists and is left as it is; -o names another file",
                path);
        return NULL;
    }
    return dr_steal(path);
}

static int sign(const struct dr_bundle *bundle, const struct dr_key *key, const char *path,
                struct dr_err *err)
{
    dr_auto_buf struct dr_buf list = DR_BUF_INIT(DR_SUMS_MAX);
    unsigned char signature[DR_SIGNATURE_MAX];
    size_t size;

    if (dr_bundle_load_list(bundle, &list, err) < 0 ||
        dr_key_sign(key, list.data, list.size, signature, &size, err) < 0)
        return -1;
    return dr_file_save(path, 0644, signature, size, err);
}

int dr_sign(const struct dr_sign_options *options, const struct dr_log *log, struct dr_err *err)
{
    const struct dr_bundle_trust nobody = {.unverified = true};
    dr_auto_bundle struct dr_bundle *bundle = NULL;
    dr_auto_key struct dr_key *key = NULL;
    dr_autofree char *path = NULL;
    struct dr_digest id;
    char hex[DR_DIGEST_TEXT];

    if (dr_split_refuse(options->bundle, err) < 0)
        return -1;
    bundle = dr_bundle_open(options->bundle, &nobody, err);
    if (!bundle)
        return -1;
    key = dr_key_read_private(options->key, options->ask, options->ask_context, err);
    if (!key || dr_key_id(key, &id, err) < 0)
        return -1;
    path = choose_output(options, dr_digest_hex(&id, hex), err);
    if (!path || check_bytes(bundle, options, log, err) < 0 ||
        dr_inspect_print(bundle, false, stdout, err) < 0 || sign(bundle, key, path, err) < 0)
        return -1;
    printf("\n%s  signature of %s by key %.16s\n", path, options->bundle, hex);
    if (dr_bundle_about(bundle)->free_slots == 0)
        dr_log_warn(log, "the bundle has no free slot for it; 'drover bundle --unsigned' or "
                         "--signers N leaves one");
    else
        dr_log_say(log, "next: drover attach %s %s --pubkey PUB", options->bundle, path);
    return 0;
}
