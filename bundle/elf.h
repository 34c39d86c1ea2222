/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_BUNDLE_ELF_H
#define DROVER_BUNDLE_ELF_H

/* What an executable for Linux says of itself (ELF, System V gABI chapters 4 and 5): as much as is needed to know on
 * which hosts it starts. */

#include <stdbool.h>

#include "lib/err.h"

struct dr_elf {
    const char *architecture; /* as `uname -m` calls it; a constant */
    bool dynamic; /* it names an interpreter (PT_INTERP): it needs libraries of its host */
};

/* DR_ERR_FORMAT: not an executable, or for an architecture that drover is not built for (32 bits, big endian).
 * `what` is its name, for errors. */
int dr_elf_read(int fd, const char *what, struct dr_elf *ret_elf, struct dr_err *err);

#endif
