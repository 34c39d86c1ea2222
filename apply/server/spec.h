/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_SPEC_H
#define DROVER_APPLY_SERVER_SPEC_H

/*
 * From the old container to the new one: what the user configured is carried over, what the old image configured
 * is not (the new image brings its own). Engines show both mixed in an inspected container, so every field is
 * compared with the old image's. Pure functions on JSON: nothing is asked of an engine.
 *
 *     json_auto_t *spec = dr_spec_make(&input, err);
 *     dr_docker_create(engine, name, json_object_get(spec, "body"), id, warnings, err);
 *     for each of spec["connect"]: dr_docker_connect(...)      engines before API 1.44
 *     json_auto_t *created = dr_docker_inspect(engine, id, err);
 *     dr_spec_guard(&input, spec, created, image, err)            before anything is stopped
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

struct dr_spec_input {
    const json_t *inspect;        /* of the old container */
    const json_t *image;          /* inspect of the image that it runs */
    const char *reference;        /* the new image, as the engine is asked for it */
    const char *const *variables; /* "NAME=value" to set or replace; ended by NULL */
    const char *data_container;   /* takes volumes from this one too; NULL: none */
    const char *folder; /* the database moves into this folder of the host; NULL: it stays */
    const json_t *gone; /* entries of VolumesFrom whose container is no more; may be NULL */
    unsigned api;       /* minor of the version that both requests are made in */
};

/* {"body": for the create call, restart policy "no",
 *  "connect": [{"network", "endpoint"}], networks to join after creation,
 *  "notes": ["..."] what was left out or changed and might surprise}. New reference; NULL when memory is out. */
json_t *dr_spec_make(const struct dr_spec_input *input, struct dr_err *err);

/* Proves on the created, never started container that it has what the old one had: the same volume or folder at
 * every destination, the image `image_id`, ports, networks, links, none of the old image's version variables, all
 * of `variables`, restart policy "no". DR_ERR_PROOF names the first thing that is not so. */
int dr_spec_guard(const struct dr_spec_input *input, const json_t *created, const json_t *new_image,
                  struct dr_err *err);

/* Takes away what an inspected HostConfig mounts where the database lies, and binds `source` (a folder of the host, or a
 * volume's name) there instead. */
int dr_spec_mount_database(json_t *host, const char *source, struct dr_err *err);

/* Does the old container have a volume that its own settings would not bring back? An image's VOLUME and
 * `-v /path` make such anonymous ones: they need a data container. `sources` holds the inspected containers of
 * its VolumesFrom that still exist. */
bool dr_spec_needs_data(const json_t *inspect, const json_t *sources);

#endif
