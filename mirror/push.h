/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_MIRROR_PUSH_H
#define DROVER_MIRROR_PUSH_H

/*
 * The writing half of mirror, in an order that leaves nothing half: blobs, then manifests by digest,
 * then (when all of these are there) tags, then everything is read back. Each step asks first and
 * writes only what is missing, so that running it again goes on where it stopped.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle/file/reader.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/registry/registry.h"
#include "mirror/plan.h"

struct dr_mirror_push {
    struct dr_registry *registry;
    const struct dr_bundle *bundle;
    struct dr_mirror_plan *plan;
    const struct dr_log *log;

    /* What was done. */
    size_t sent;
    size_t mounted;
    size_t present;
    uint64_t bytes_sent;
    size_t tags_moved; /* or made */
    bool *written;     /* per image: something of it was not there; owned by who made the array */
};

/* Errors say how far it came and what to do next. */
int dr_mirror_push_all(struct dr_mirror_push *push, struct dr_err *err);

#endif
