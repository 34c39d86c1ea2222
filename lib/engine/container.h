/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_CONTAINER_H
#define DROVER_LIB_ENGINE_CONTAINER_H

/*
 * Containers of an engine. Documents are the engine's own JSON (Engine API, ContainerInspect and ContainerCreate);
 * `id` is an id or a name. Results are new references; NULL or -1 is failure, DR_ERR_ABSENT when there is no
 * such container. The functions are named after the docker command's verbs (Rancher has containers of its own).
 *
 * There is no way here to remove a volume: dr_docker_remove() never asks for it.
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/buf.h"
#include "lib/engine/engine.h"
#include "lib/err.h"
#include "lib/http/http.h"

/* 64 hex digits and a NUL. */
#define DR_CONTAINER_ID 65

json_t *dr_docker_inspect(struct dr_engine *engine, const char *id, struct dr_err *err);

/* The same where absence is an answer: 0 and NULL. */
int dr_docker_find(struct dr_engine *engine, const char *id, json_t **ret_inspect,
                   struct dr_err *err);

/* All of them, running or not, inspected one by one (a list's own names can be link aliases and its images bare
 * ids). Those that vanish meanwhile are left out. */
json_t *dr_docker_inspect_all(struct dr_engine *engine, struct dr_err *err);

/* Name of an inspected container without the slash. Borrowed. */
const char *dr_docker_name(const json_t *inspect);

/* It was never started: State.StartedAt is the year 1. */
bool dr_docker_is_new(const json_t *inspect);
bool dr_docker_is_running(const json_t *inspect);

/* When it last ended, as the engine writes it; another time for each end. Borrowed. */
const char *dr_docker_finished_at(const json_t *inspect);

/* The name of its restart policy; "no" where there is none, which engines write as "" too. Borrowed. */
const char *dr_docker_policy(const json_t *inspect);

/* The engine starts it again when it ends by itself. */
bool dr_docker_comes_back(const json_t *inspect);

/* The entry of Mounts at `destination`, with or without a slash at its end. Borrowed; NULL: none. */
json_t *dr_docker_mount(const json_t *inspect, const char *destination);

/* A name that is taken is DR_ERR_ENGINE. What the engine warns of is appended to `warnings` (a list, may be
 * NULL) as text. */
int dr_docker_create(struct dr_engine *engine, const char *name, const json_t *body,
                     char ret_id[DR_CONTAINER_ID], json_t *warnings, struct dr_err *err);

/* To one more network, before the start; `endpoint` is an EndpointSettings. */
int dr_docker_connect(struct dr_engine *engine, const char *network, const char *id,
                      const json_t *endpoint, struct dr_err *err);

/* One that runs already is success. */
int dr_docker_start(struct dr_engine *engine, const char *id, struct dr_err *err);

/* Asks it to end and kills it after `seconds`; returns when it has ended. One that does not run is success. */
int dr_docker_stop(struct dr_engine *engine, const char *id, unsigned seconds, struct dr_err *err);

int dr_docker_rename(struct dr_engine *engine, const char *id, const char *name,
                     struct dr_err *err);

/* Sets the policy ({"Name", "MaximumRetryCount"}) and reads it back, since API 1.22 says yes and does nothing:
 * then DR_ERR_ENGINE. */
int dr_docker_set_restart(struct dr_engine *engine, const char *id, const json_t *policy,
                          struct dr_err *err);

/* A stopped one. Its volumes stay. */
int dr_docker_remove(struct dr_engine *engine, const char *id, struct dr_err *err);

/* Runs a command (`argv` ends with NULL) inside and waits for its end. What it wrote, both streams together, is
 * appended to `ret_output` (what goes beyond its ceiling is dropped). `ret_status` is its exit status, -1 when that
 * could not be learned any more, as after a command that ends the container. */
int dr_docker_exec(struct dr_engine *engine, const char *id, const char *const *argv,
                   struct dr_buf *ret_output, int *ret_status, struct dr_err *err);

/* The last `lines` lines of what it wrote since `since` (seconds since the epoch; 0: ever), appended to
 * `ret_output`; what goes beyond its ceiling is dropped. */
int dr_docker_logs(struct dr_engine *engine, const char *id, unsigned lines, int64_t since,
                   struct dr_buf *ret_output, struct dr_err *err);

/* The folder or file at `path` as a tar, whose names begin with its last component. The container is locked while
 * this runs: ask nothing else of it in `sink`. Can be broken off by a wanted stop. */
int dr_docker_archive(struct dr_engine *engine, const char *id, const char *path,
                      dr_http_sink_fn *sink, void *context, struct dr_err *err);

#endif
