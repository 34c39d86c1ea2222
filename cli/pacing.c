/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pacing.h"

int dr_pacing_check(struct dr_pace *pace, bool plans, uint64_t limit, struct dr_err *err)
{
    if (!plans && (pace->line || pace->read))
        return dr_fail(err, DR_ERR_USAGE,
                       "%s is for --dry-run, which tells how long it would take at that speed%s",
                       pace->line ? "--line-rate" : "--read-rate",
                       pace->line ? "; --limit-rate limits a run to one" : "");
    if (plans && limit && (!pace->line || pace->line > limit))
        pace->line = limit;
    return 0;
}
