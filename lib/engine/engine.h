/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_LIB_ENGINE_ENGINE_H
#define DROVER_LIB_ENGINE_ENGINE_H

/*
 * A client of one Docker engine (Engine API v1.22 to v1.51): where it is, which version both speak, and the
 * conversation that the nouns beside this header (container.h, image.h, storage.h) have with it.
 *
 *     dr_auto_engine struct dr_engine *engine = dr_engine_new(&options, err);
 *     json_auto_t *server = dr_docker_inspect(engine, "rancher", err);
 *
 * Not there (404) is DR_ERR_ABSENT; everything else that the engine refuses is DR_ERR_ENGINE with the engine's
 * own words; no answer is DR_ERR_NET. What changes the engine's state is not broken off when a stop is wanted;
 * reading and pulling is.
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

/* The oldest API that drover speaks (Docker 1.10), and the newest: v1.51 still shows Config.MacAddress. Both
 * minors of major version 1. */
#define DR_ENGINE_API_MIN 22u
#define DR_ENGINE_API_MAX 51u

struct dr_engine;

/* As the docker command takes them from the environment; dr_engine_options_from_environment() does so too. */
struct dr_engine_options {
    const char
        *host; /* DOCKER_HOST: unix:///path or tcp://host:port; NULL or "": the usual socket */
    const char
        *cert_path;  /* DOCKER_CERT_PATH: folder of ca.pem, cert.pem, key.pem; NULL: ~/.docker */
    bool tls_verify; /* DOCKER_TLS_VERIFY is set and not empty: TLS, both sides verified */
};

/* Borrowed from the environment. */
struct dr_engine_options dr_engine_options_from_environment(void);

/* Reaches the engine and agrees on a version: the lower of its newest and ours. An engine that is too old or
 * takes no version of ours is DR_ERR_REFUSED. NULL on failure. */
struct dr_engine *dr_engine_new(const struct dr_engine_options *options, struct dr_err *err);
void dr_engine_free(struct dr_engine *engine);
static inline void dr_cleanup_engine(struct dr_engine **engine)
{
    dr_engine_free(*engine);
}
#define dr_auto_engine __attribute__((cleanup(dr_cleanup_engine)))

/* The agreed version's minor: 41 for v1.41. */
unsigned dr_engine_api(const struct dr_engine *engine);

/* The engine's own version as it tells it ("20.10.24"). Borrowed. */
const char *dr_engine_version(const struct dr_engine *engine);

/* Where it is, for people. Borrowed. */
const char *dr_engine_host(const struct dr_engine *engine);

/* It is reached through a socket of this machine, so its volumes are (but for exotic set-ups) folders here. */
bool dr_engine_local(const struct dr_engine *engine);

#endif
