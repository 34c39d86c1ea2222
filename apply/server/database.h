/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_APPLY_SERVER_DATABASE_H
#define DROVER_APPLY_SERVER_DATABASE_H

/*
 * Where a Rancher server has its database: read off its inspected container. The server starts a MySQL of its own
 * unless a variable or a link names another one; losing either starts a brand-new, empty Rancher without a word, and
 * so does another volume at DR_SERVER_DATABASE.
 */

#include <jansson.h>
#include <stdbool.h>

#include "lib/engine/engine.h"
#include "lib/err.h"

/* Where the server's own MySQL has its files, inside. */
#define DR_SERVER_DATABASE "/var/lib/mysql"

enum dr_database_kind {
    DR_DATABASE_NONE,     /* in the container's own layer: it can't be carried over */
    DR_DATABASE_VOLUME,   /* a volume of the engine */
    DR_DATABASE_FOLDER,   /* a folder of the engine's host */
    DR_DATABASE_EXTERNAL, /* not this container's */
};

enum dr_database_kind dr_database_kind(const json_t *inspect);

/* "volume", "folder", "external"; "none". */
const char *dr_database_kind_name(enum dr_database_kind kind);

/* The container's only word for its external database is a link: engines from 29 on no longer make variables of links,
 * and a container that is created there needs them spelled out. */
bool dr_database_is_by_link(const json_t *inspect);

/* For people, and to compare: the volume's name, the folder's path, "host:port/name", "container db, by a link". */
void dr_database_place(const json_t *inspect, char ret_place[256]);

/* Two inspected containers have the same volume or folder at DR_SERVER_DATABASE. */
bool dr_database_same_files(const json_t *a, const json_t *b);

/* No other running container works on it, whether it has the same files or names the same external one: else
 * DR_ERR_REFUSED with both names. `except` (an id) is left out too; may be NULL. */
int dr_database_alone(struct dr_engine *engine, const json_t *inspect, const char *except,
                      struct dr_err *err);

/* A folder of this machine holds a MySQL of Rancher's. A second one in its mysql/, which `docker cp` into a folder that
 * exists leaves behind, is DR_ERR_REFUSED: one of the two is not what the operator thinks. One that can't be looked
 * into is success. */
int dr_database_check_folder(const char *folder, struct dr_err *err);

#endif
