/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_REPORT_H
#define DROVER_MIRROR_REPORT_H

/* What a run did, registry by registry: a summary through the log, results on stdout. */

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "mirror/target.h"

/* Of those that did not fail. `planned`: nothing was written, the words are of what would be. */
void dr_mirror_report_lines(const struct dr_mirror_target *targets, size_t count, bool planned,
                            const struct dr_mirror_common *common);

/* Of all, the failed ones with their error. */
int dr_mirror_report_json(const struct dr_mirror_target *targets, size_t count, bool planned,
                          const struct dr_mirror_common *common, struct dr_err *err);

#endif
