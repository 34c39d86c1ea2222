/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_FORECAST_H
#define DROVER_MIRROR_FORECAST_H

/* What a run would do to a registry that has been surveyed (`mirror --dry-run`), and how long it would take. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pace.h"
#include "mirror/target.h"

/* Blobs are layers and configs. */
struct dr_mirror_forecast {
    size_t send;
    uint64_t send_bytes;
    size_t
        mount; /* from other repositories; a registry that refuses it gets them sent, but for what a delta lacks */
    uint64_t mount_bytes;
    size_t tags; /* to be written */
    uint64_t
        read_bytes; /* of the bundle: all of it to verify it, then again what is sent; 0: nothing is sent */
};

struct dr_mirror_forecast dr_mirror_foresee(const struct dr_mirror_target *target);

/* Through the target's log. */
void dr_mirror_forecast_say(const struct dr_mirror_target *target, const struct dr_pace *pace);

/* Owned; NULL: no memory. */
json_t *dr_mirror_forecast_json(const struct dr_mirror_target *target, const struct dr_pace *pace);

#endif
