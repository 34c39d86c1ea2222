/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_PUSH_H
#define DROVER_MIRROR_PUSH_H

/*
 * The writing half of mirror, for one registry that has been surveyed (mirror/survey.h), in an order that leaves nothing
 * half: blobs, then manifests by digest (what is below a list before it), then (when all of these are there, and what the tags were is written down) tags,
 * then everything is read back. Each step writes only what is missing, so that running it again goes on where it
 * stopped. Where nothing is missing nothing is done at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/registry/registry.h"
#include "mirror/journal.h"
#include "mirror/plan.h"
#include "mirror/requires.h"

struct dr_mirror_push {
    struct dr_registry *registry;
    const struct dr_bundle *bundle;
    const char *path; /* of the bundle, for the journal */
    struct dr_mirror_plan *plan;
    struct dr_requires *requires; /* checked; empty unless the bundle is a delta */
    struct dr_mirror_journal *journal;
    const struct dr_log *log;

    /* What was done. */
    size_t sent;
    size_t mounted;
    size_t present; /* what the survey found; and what others brought meanwhile */
    uint64_t bytes_sent;
    size_t tags_moved; /* or made */
    bool read_back;    /* false: there was nothing to do, so nothing was */
    bool *written;     /* per image: something of it was not there; owned by who made the array */
};

/* Whether a layer, config, manifest or tag is missing or other than it should be. */
bool dr_mirror_push_is_needed(const struct dr_mirror_push *push);

/* Adds the outcome of these to what was done. */
void dr_mirror_push_count(struct dr_mirror_push *push, const struct dr_blob_put *puts,
                          size_t count);

/* Errors say how far it came and what to do next. */
int dr_mirror_push_all(struct dr_mirror_push *push, struct dr_err *err);

#endif
