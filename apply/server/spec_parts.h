/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_SPEC_PARTS_H
#define DROVER_APPLY_SERVER_SPEC_PARTS_H

/*
 * The three parts of a new container's description, for spec.c: each adds its fields to `body` and says in `notes`
 * what might surprise.
 */

#include <jansson.h>
#include <stdbool.h>

#include "apply/server/spec.h"

int dr_spec_add_config(const struct dr_spec_input *input, json_t *body, json_t *notes,
                       struct dr_err *err);
int dr_spec_add_host(const struct dr_spec_input *input, json_t *body, json_t *notes,
                     struct dr_err *err);
int dr_spec_add_networks(const struct dr_spec_input *input, json_t *body, json_t *connect,
                         struct dr_err *err);

/* Variables that belong to an image and decide which version a server takes itself for: they must never come from
 * an older one. `assignment` is "NAME=value". */
bool dr_spec_is_version_variable(const char *assignment);

/* The same NAME in "NAME=value" (or "NAME") twice. */
bool dr_spec_same_variable(const char *a, const char *b);

/* The value of NAME in a list of "NAME=value"; NULL: not there. Borrowed. */
const char *dr_spec_variable(const json_t *env, const char *name);

/* Is an equal value in the list? */
bool dr_spec_contains(const json_t *list, const json_t *wanted);

/* DR_SERVER_DATABASE, with or without slashes at its end, or a mode behind a colon. */
bool dr_spec_is_database(const char *place);

/* A field as it is, where there is one. */
int dr_spec_copy(json_t *to, const json_t *from, const char *key, struct dr_err *err);

/* The mode of HostConfig; "" is "default". Borrowed. */
const char *dr_spec_network_mode(const json_t *inspect);

/* null, missing, [], {} and "" are all "nothing": images may leave out what containers spell out. */
bool dr_spec_is_empty(const json_t *value);

/* json_equal() but for that. */
bool dr_spec_same(const json_t *a, const json_t *b);

#endif
