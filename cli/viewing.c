/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/viewing.h"

#include <stdint.h>

int dr_viewing_read(int argc, char **argv, size_t count, struct dr_viewing *ret_viewing,
                    struct dr_err *err)
{
    struct dr_list pubkeys = {.count = 0};
    const struct dr_option table[] = {
        {"media", 0, DR_OPTION_LIST, &ret_viewing->media},
        {"pubkey", 0, DR_OPTION_LIST, &pubkeys},
        {"json", 0, DR_OPTION_FLAG, &ret_viewing->json},
        {NULL, 0, DR_OPTION_FLAG, NULL},
    };

    ret_viewing->trust = (struct dr_bundle_trust){.unverified = true, .now = INT64_MIN};
    if (dr_options_read(argc, argv, table, count, count, &ret_viewing->bundles,
                        &ret_viewing->common, err) < 0)
        return -1;
    if (!ret_viewing->common.help && pubkeys.count > 0) {
        if (dr_trusted_read_keys(&pubkeys, &ret_viewing->trusted, err) < 0)
            return -1;
        ret_viewing->trust = ret_viewing->trusted.trust;
    }
    ret_viewing->trust.media = ret_viewing->media.item;
    ret_viewing->trust.media_count = ret_viewing->media.count;
    return 0;
}

void dr_viewing_release(struct dr_viewing *viewing)
{
    dr_trusted_release(&viewing->trusted);
    dr_common_release(&viewing->common);
}
