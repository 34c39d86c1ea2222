/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_TARGET_H
#define DROVER_MIRROR_TARGET_H

/*
 * One registry of a run, from its name on the command line to its report. Several are independent of each other: what
 * fails in one is kept in it, and the others go on.
 */

#include <stdbool.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pace.h"
#include "lib/registry/registry.h"
#include "mirror/audit/destination.h"
#include "mirror/audit/receipt.h"
#include "mirror/journal.h"
#include "mirror/plan.h"
#include "mirror/push.h"

struct dr_mirror_target {
    const char *name; /* as on the command line */
    struct dr_destination destination;
    struct dr_registry *registry;
    struct dr_log log;
    struct dr_mirror_plan plan;
    struct dr_requires requires;
    struct dr_mirror_journal journal;
    struct dr_mirror_push push; /* what was done */
    struct dr_err failure;      /* DR_OK: none so far */
    double seconds;             /* that the push took */
};

/* What all registries of a run share. Borrowed. */
struct dr_mirror_common {
    const struct dr_bundle *bundle;
    const char *path; /* the bundle's */
    const char *state_dir;
    const struct dr_destination_options *reach;
    struct dr_pace pace;
    struct dr_receipt_saved receipt; /* of the one registry, in the end */
    bool look_only;                  /* neither lock nor journal: nothing will be written */
};

void dr_mirror_target_release(struct dr_mirror_target *target);

/* Reaches it and asks what it has. Nothing is written. The result is in `failure`. */
void dr_mirror_target_survey(struct dr_mirror_target *target,
                             const struct dr_mirror_common *common);

/* Sends what is missing. The result is in `failure`. */
void dr_mirror_target_push(struct dr_mirror_target *target, const struct dr_mirror_common *common);

/* Calls `work` for each that has not failed yet: several at once, each in a thread of its own. */
void dr_mirror_targets_each(struct dr_mirror_target *targets, size_t count,
                            void (*work)(struct dr_mirror_target *target,
                                         const struct dr_mirror_common *common),
                            const struct dr_mirror_common *common);

#endif
