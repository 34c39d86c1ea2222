/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_REACHING_H
#define DROVER_CLI_REACHING_H

/* The options by which mirror and audit reach a private registry, and find a bundle's images in it. */

#include "cli/cli.h"
#include "mirror/audit/destination.h"

struct dr_reaching {
    struct dr_list maps;
    struct dr_list insecure;
    const char *ca_file;
    uint64_t rate;
};

/* Rows for a table of options. */
#define DR_REACHING_OPTIONS(reaching)                                                              \
    {"map", 0, DR_OPTION_LIST, &(reaching).maps},                                                  \
        {"ca-cert", 0, DR_OPTION_TEXT, &(reaching).ca_file},                                       \
        {"insecure-registry", 0, DR_OPTION_LIST, &(reaching).insecure},                            \
    {                                                                                              \
        "limit-rate", 0, DR_OPTION_RATE, &(reaching).rate                                          \
    }

/* Borrows. */
struct dr_destination_options dr_reaching_options(const struct dr_reaching *reaching);

/* Warns of an --insecure-registry that names none of these registries (HOST[:PORT][/PREFIX]). */
void dr_reaching_warn(const struct dr_reaching *reaching, const char *const *registries,
                      size_t count, const struct dr_log *log);

#endif
