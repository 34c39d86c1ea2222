/* SPDX-License-Identifier: Apache-2.0 */
// One request under /v1. api.c finds out who asks and for what, list.c and write.c answer, render.c
// makes resources out of rows. Answers are values: `api_reply` sends, and every path sends exactly
// once.
#ifndef SIM_API_H
#define SIM_API_H

#include "db.h"

#include <event2/keyvalq_struct.h>

struct evhttp_request;

enum role { ROLE_ADMIN, ROLE_PROJECT };
enum { MAX_PARTS = 8 };

struct api_type {
    const char *name, *plural;
    enum row_type table;
    bool subtypes;       // the collection holds every row of the table, whatever its type
    const char *project; // methods: c r u d for a project's role
    const char *admin;   // the same at the admin's root
    const char *columns; // besides the common ones; nothing else filters
    const char *actions;
    const char *creatable; // fields that a create takes, for the schema
};

struct api {
    struct evhttp_request *request;
    const char *method;
    char *parts[MAX_PARTS]; // after /v1, and after /projects/<pid> where that is only a prefix
    int count;
    struct evkeyvalq query;
    json_t *body;
    enum role role;
    bool superadmin;
    int project;     // 0: every environment (the admin's root)
    char base[400];  // http://host/v1 or http://host/v1/projects/1a5
    char root[300];  // http://host/v1
    const char *key; // public part of the key, for the log
    char path[600];
};

extern const struct api_type API_TYPES[];
const struct api_type *api_type_by_plural(const char *plural); // any case, plural or singular
const struct api_type *api_type_of(const struct row *row);
bool api_may(const struct api *api, const struct api_type *type, char what);
bool api_is_column(const struct api *api, const struct api_type *type, const char *name);
bool api_sees(const struct api *api, const struct row *row);

void api_reply(struct api *api, int status, json_t *body); // steals body
void api_error(struct api *api, int status, const char *code, const char *message,
               const char *field);
const char *api_query(const struct api *api, const char *name); // NULL when absent

json_t *render_row(const struct api *api, const struct row *row);
json_t *render_collection(const struct api *api, const char *type, json_t *data);
bool action_allowed(const struct row *row, const char *action);

// type may be NULL for a mix; `only` filters further, may be NULL.
typedef bool list_filter_fn(const struct row *row, const void *arg);
void list_reply(struct api *api, const struct api_type *type, list_filter_fn *only,
                const void *arg);
bool row_listed(const struct row *row);

void write_create(struct api *api, const struct api_type *type);
void write_update(struct api *api, struct row *row);
void write_delete(struct api *api, struct row *row);
void write_action(struct api *api, struct row *row, const char *action);

void special_settings(struct api *api);
bool special_handles(struct api *api); // haconfigs, databasechangeloglocks, configitemstatuses, ...
void schema_reply(struct api *api);

// The evhttp callbacks.
void api_handle(struct evhttp_request *request, void *arg);
void sim_handle(struct evhttp_request *request); // /sim/...
void requests_open(void);
void requests_note(struct evhttp_request *request, const char *path, const char *key, int project,
                   int status, int64_t started);

// Listener, for the fault apiRestart.
void server_listen(void);
void server_pause(double seconds);
bool server_is_paused(void);

#endif
