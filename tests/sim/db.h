/* SPDX-License-Identifier: Apache-2.0 */
// The database: typed rows, each a JSON object whose keys are the API's field names; keys that
// begin with an underscore are the simulator's own and never shown under /v1. Kept in memory,
// written as a snapshot (ibdata1: temporary file, fsync, rename) plus a redo log of changed rows
// (ib_logfile0), so that a SIGKILL loses nothing that was answered and 500 hosts don't mean a whole
// dump per change. Rows live as long as the process: pointers to them stay good.
#ifndef SIM_DB_H
#define SIM_DB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct event;

enum row_type {
    T_ACCOUNT,
    T_HOST,
    T_INSTANCE,
    T_SERVICE,
    T_ENVIRONMENT,
    T_CONSUME,
    T_EXPOSE,
    T_CERTIFICATE,
    T_CREDENTIAL,
    T_GENERIC,
    T_AGENT,
    T_TYPES
};

struct vec {
    int *items;
    int count, room;
};

enum { SLOT_PROCESS, SLOT_SIDE, SLOTS };

struct row {
    enum row_type type;
    int num;
    json_t *j;
    bool dirty;
    struct row *next_dirty;
    int project, host, service; // numbers of other rows, 0 for none; copies of fields for speed
    struct vec kids;            // host and service: their instances that are not removed
    struct event *timer[SLOTS];
    bool connected; // host: its agent really talks to this server (not what the API shows)
    void *runtime;  // instance: traffic listener
};

// Opens or creates the database in `folder`; takes the lock. 0, or -1 with the text logged.
int db_open(const char *folder);
// Everything to ibdata1; `clean` is mysqld's clean shutdown.
int db_checkpoint(bool clean);
// Appends what changed to the redo log. Called once per event, before its answer leaves the
// process.
void db_commit(void);
bool db_was_new(void);
const char *db_folder(void);

struct row *db_new(enum row_type type, int project, json_t *fields);
struct row *db_get(enum row_type type, int num);
int db_count(enum row_type type); // highest number
void db_touch(struct row *row);
json_t *db_meta(void);
void db_touch_meta(void);
void db_bump(const char *counter);
json_int_t db_counter(const char *counter);

// Fields. row_set steals the value.
const char *row_str(const struct row *row, const char *key); // "" when absent or not a string
json_int_t row_int(const struct row *row, const char *key);
bool row_true(const struct row *row, const char *key);
bool row_is_null(const struct row *row, const char *key);
void row_set(struct row *row, const char *key, json_t *value);
void row_set_str(struct row *row, const char *key, const char *value);
void row_unset(struct row *row, const char *key);
const char *row_id(const struct row *row);
bool row_gone(const struct row *row);    // removing, removed, purging or purged
bool row_removed(const struct row *row); // removed, purging or purged
bool row_state_is(const struct row *row, const char *states); // one of a comma list

int id_num(
    const char *id); // 7 of "1i7"; 0 when it is none. The letters are not looked at, as in Cattle.
void vec_add(struct vec *vec, int item);
void vec_remove(struct vec *vec, int item);
void db_link_instance(struct row *instance, int host, int service);
void db_unlink_instance(struct row *instance);

#endif
