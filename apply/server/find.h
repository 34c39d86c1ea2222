/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_FIND_H
#define DROVER_APPLY_SERVER_FIND_H

/*
 * The Rancher server among an engine's containers: by the name of its image, else by what its image says of itself
 * (renamed into a private registry, or known by a bare id). Looks, changes nothing.
 *
 *     struct dr_server server = {0};
 *     dr_server_find(engine, NULL, &server, err);
 *     dr_server_check(engine, &server, err);      is it the case that drover can upgrade?
 *     dr_server_release(&server);
 */

#include <jansson.h>

#include "apply/server/database.h"
#include "lib/engine/engine.h"
#include "lib/err.h"

/* Marks what drover leaves behind for the while, so that it is not taken for a server. */
#define DR_SERVER_NEW "-upgrade-new"
#define DR_SERVER_OLD "-old"

struct dr_server {
    json_t *inspect; /* of the container */
    json_t *image;   /* inspect of the image that it runs */
};

void dr_server_release(struct dr_server *server);
#define dr_auto_server __attribute__((cleanup(dr_server_release)))

/* With `wanted` (a name or id) that one, if it is a Rancher server; else the only one that runs. None is
 * DR_ERR_ABSENT; several are DR_ERR_REFUSED, listed with name, image, ports and database. */
int dr_server_find(struct dr_engine *engine, const char *wanted, struct dr_server *ret_server,
                   struct dr_err *err);

/* One that drover can replace: running, with its database in a volume, in a folder of the host or outside, which no
 * other running container uses. Everything else is DR_ERR_REFUSED with what it is and what to do by hand. */
int dr_server_check(struct dr_engine *engine, const struct dr_server *server, struct dr_err *err);

/* The version of its image ("v1.0.1"); false: it can't be told. */
bool dr_server_version(const struct dr_server *server, char ret_version[64]);

/* The port of the host that leads to its 8080, 0: none. */
unsigned dr_server_port(const json_t *inspect);

/* "127.0.0.1:8080", or the only address that it is published at; false: it is not published. */
bool dr_server_address(const json_t *inspect, char ret_address[128]);

/* Other containers that refer to this one (links, networks, volumes) and will go on referring to the old one: their
 * names as a list. New reference. */
json_t *dr_server_dependents(struct dr_engine *engine, const json_t *inspect, struct dr_err *err);

#endif
