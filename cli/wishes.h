/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_WISHES_H
#define DROVER_CLI_WISHES_H

/*
 * The options of `drover apply` for its Rancher half: --pinned, --parallel, --recreate, --skip-host, --host-order,
 * --only, --rancher-keys.
 *
 *     dr_auto_wishes struct dr_wishes wishes = {.parallel = 0};
 *     ... the option table points into it ...
 *     dr_wishes_read(&wishes, &options, err);      options borrows from it
 */

#include "apply/apply.h"
#include "cli/cli.h"

struct dr_wishes {
    struct dr_list skip_hosts;
    const char *host_order; /* file, or names with commas between */
    const char *pinned;
    const char *only;
    const char *keys_file;
    uint64_t parallel;
    bool recreate;
    json_t *skip_array; /* owned */
    json_t *order_array;
};

/* Rows of a command's option table. */
#define DR_WISHES_OPTIONS(wishes)                                                                  \
    {"rancher-keys", 0, DR_OPTION_TEXT, &(wishes).keys_file},                                      \
        {"skip-host", 0, DR_OPTION_LIST, &(wishes).skip_hosts},                                    \
        {"host-order", 0, DR_OPTION_TEXT, &(wishes).host_order},                                   \
        {"pinned", 0, DR_OPTION_TEXT, &(wishes).pinned},                                           \
        {"parallel", 0, DR_OPTION_NUMBER, &(wishes).parallel},                                     \
        {"recreate", 0, DR_OPTION_FLAG, &(wishes).recreate},                                       \
    {                                                                                              \
        "only", 0, DR_OPTION_TEXT, &(wishes).only                                                  \
    }

int dr_wishes_read(struct dr_wishes *wishes, struct dr_apply_options *options, struct dr_err *err);

void dr_wishes_release(struct dr_wishes *wishes);
#define dr_auto_wishes __attribute__((cleanup(dr_wishes_release)))

#endif
