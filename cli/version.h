/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_CLI_VERSION_H
#define DROVER_CLI_VERSION_H

/* `drover --version [--json]`: drover's own version (CMakeLists.txt) and those of the libraries that it runs with, which
 * an ordinary build finds on the machine and the portable one carries. */

#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"

int dr_version_print(FILE *out, bool json, struct dr_err *err);

#endif
