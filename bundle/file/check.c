/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/file/check.h"

#include "lib/text.h"

int dr_bundle_advise_damage(const struct dr_bundle *bundle, struct dr_err *err)
{
    if (dr_bundle_volumes(bundle) || !err || (err->code != DR_ERR_VERIFY && err->code != DR_ERR_IO))
        return -1;
    return dr_err_advise(err, "where there is parity 'drover repair' restores it, else have it "
                              "carried again");
}

int dr_bundle_check_layers(struct dr_bundle *bundle, const char *path, bool say,
                           const struct dr_log *log, struct dr_err *err)
{
    const struct dr_bundle_about *about = dr_bundle_about(bundle);
    struct dr_progress progress;
    char size[16];
    char took[16];
    int done;

    dr_progress_start(&progress, log, "verify", about->layer_bytes);
    done = dr_bundle_hash_layers(bundle, &progress, err);
    dr_text_seconds(dr_progress_seconds(&progress), took);
    dr_progress_end(&progress);
    if (done < 0 && dr_bundle_advise_damage(bundle, err) < 0)
        return dr_err_wrap(err, "verify the bundle '%s'", path);
    dr_text_size(about->bytes, size);
    if (say)
        dr_log_say(log, "verified %s: signature and every byte, %s in %s", path, size, took);
    return 0;
}
