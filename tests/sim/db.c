/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include "base.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *prefix;
} TYPES[T_TYPES] = {
    {"account", "1a"},     {"host", "1h"},      {"instance", "1i"}, {"service", "1s"},
    {"environment", "1e"}, {"consume", "1scm"}, {"expose", "1sem"}, {"certificate", "1c"},
    {"credential", "1c"},  {"generic", "1go"},  {"agent", "1a"},
};

static struct {
    char folder[SIM_PATH_MAX];
    int lock_fd, log_fd;
    json_t *meta;
    bool meta_dirty, was_new;
    size_t log_bytes;
    struct row *dirty;
    struct {
        struct row **rows;
        int count, room;
    } table[T_TYPES];
} db = {.lock_fd = -1, .log_fd = -1};

static void *grow(void *items, int *room, size_t size)
{
    int want = *room ? *room * 2 : 16;
    void *more = realloc(items, (size_t)want * size);
    if (!more)
        abort();
    *room = want;
    return more;
}

void vec_add(struct vec *vec, int item)
{
    if (vec->count == vec->room)
        vec->items = grow(vec->items, &vec->room, sizeof *vec->items);
    vec->items[vec->count++] = item;
}

void vec_remove(struct vec *vec, int item)
{
    for (int i = 0; i < vec->count; i++) {
        if (vec->items[i] != item)
            continue;
        memmove(vec->items + i, vec->items + i + 1, (size_t)(vec->count - i - 1) * sizeof(int));
        vec->count--;
        return;
    }
}

int id_num(const char *id)
{
    if (!id || id[0] != '1' || !isalpha((unsigned char)id[1]))
        return 0;
    id++;
    while (*id >= 'a' && *id <= 'z')
        id++;
    char *end;
    long n = strtol(id, &end, 10);
    return isdigit((unsigned char)*id) && !*end && n > 0 && n < 1000000000 ? (int)n : 0;
}

// ---- fields

const char *row_str(const struct row *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row->j, key));
    return text ? text : "";
}

json_int_t row_int(const struct row *row, const char *key)
{
    return json_integer_value(json_object_get(row->j, key));
}

bool row_true(const struct row *row, const char *key)
{
    return json_is_true(json_object_get(row->j, key));
}

bool row_is_null(const struct row *row, const char *key)
{
    const json_t *value = json_object_get(row->j, key);
    return !value || json_is_null(value);
}

void row_set(struct row *row, const char *key, json_t *value)
{
    json_object_set_new(row->j, key, value);
    db_touch(row);
}

void row_set_str(struct row *row, const char *key, const char *value)
{
    row_set(row, key, value ? json_string(value) : json_null());
}

void row_unset(struct row *row, const char *key)
{
    if (json_object_del(row->j, key) == 0)
        db_touch(row);
}

const char *row_id(const struct row *row)
{
    return row_str(row, "id");
}

bool row_state_is(const struct row *row, const char *states)
{
    const char *state = row_str(row, "state");
    size_t size = strlen(state);
    while (states && size) {
        if (!strncmp(states, state, size) && (states[size] == ',' || !states[size]))
            return true;
        states = strchr(states, ',');
        states = states ? states + 1 : NULL;
    }
    return false;
}

bool row_gone(const struct row *row)
{
    return row_state_is(row, "removing,removed,purging,purged");
}

bool row_removed(const struct row *row)
{
    return row_state_is(row, "removed,purging,purged");
}

// ---- rows

int db_count(enum row_type type)
{
    return db.table[type].count;
}

struct row *db_get(enum row_type type, int num)
{
    return num > 0 && num <= db.table[type].count ? db.table[type].rows[num] : NULL;
}

void db_touch(struct row *row)
{
    if (row->dirty)
        return;
    row->dirty = true;
    row->next_dirty = db.dirty;
    db.dirty = row;
}

static struct row *place(enum row_type type, int num, json_t *fields)
{
    while (db.table[type].room <= num) {
        int before = db.table[type].room;
        db.table[type].rows = grow(db.table[type].rows, &db.table[type].room, sizeof(struct row *));
        memset(db.table[type].rows + before, 0,
               (size_t)(db.table[type].room - before) * sizeof(struct row *));
    }
    struct row *row = db.table[type].rows[num];
    if (!row) {
        row = calloc(1, sizeof *row);
        if (!row)
            abort();
        db.table[type].rows[num] = row;
    }
    json_decref(row->j);
    row->type = type;
    row->num = num;
    row->j = fields;
    if (num > db.table[type].count)
        db.table[type].count = num;
    return row;
}

struct row *db_new(enum row_type type, int project, json_t *fields)
{
    int num = db.table[type].count + 1;
    // Real numbers never start at one for what a user sees: the first project is 1a5.
    if (type == T_ACCOUNT && num < 5)
        num = 5;
    struct row *row = place(type, num, fields);
    row->project = project;
    char id[32], uuid[37], when[32];
    snprintf(id, sizeof id, "%s%d", TYPES[type].prefix, num);
    int64_t now = sim_now_ms();
    sim_iso(now, when);
    row_set_str(row, "id", id);
    if (row_is_null(row, "uuid")) {
        sim_uuid(uuid);
        row_set_str(row, "uuid", uuid);
    }
    row_set_str(row, "created", when);
    row_set(row, "createdTS", json_integer(now));
    static const char *const nulls[] = {"name", "description", "removed", "removeTime"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (row_is_null(row, nulls[i]))
            row_set(row, nulls[i], json_null());
    if (project) {
        snprintf(id, sizeof id, "1a%d", project);
        row_set_str(row, "accountId", id);
    }
    return row;
}

void db_link_instance(struct row *instance, int host, int service)
{
    struct row *h = db_get(T_HOST, host), *s = db_get(T_SERVICE, service);
    if (h && instance->host != host)
        vec_add(&h->kids, instance->num);
    if (s && instance->service != service)
        vec_add(&s->kids, instance->num);
    instance->host = h ? host : instance->host;
    instance->service = s ? service : instance->service;
}

// The numbers stay on the row (the API goes on showing hostId of a removed container).
void db_unlink_instance(struct row *instance)
{
    struct row *h = db_get(T_HOST, instance->host), *s = db_get(T_SERVICE, instance->service);
    if (h)
        vec_remove(&h->kids, instance->num);
    if (s)
        vec_remove(&s->kids, instance->num);
}

// ---- counters and the rest of meta

json_t *db_meta(void)
{
    return db.meta;
}

void db_touch_meta(void)
{
    db.meta_dirty = true;
}

json_int_t db_counter(const char *counter)
{
    return json_integer_value(json_object_get(json_object_get(db.meta, "counters"), counter));
}

void db_bump(const char *counter)
{
    json_t *counters = json_object_get(db.meta, "counters");
    json_object_set_new(counters, counter, json_integer(db_counter(counter) + 1));
    db_touch_meta();
}

// ---- files

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static void log_line(const char *type, int num, json_t *value)
{
    json_t *line = json_pack("{s:s, s:i, s:O}", "t", type, "n", num, "j", value);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return;
    size_t size = strlen(text);
    text[size] = '\n'; // the NUL's place; length is passed on
    if (write_all(db.log_fd, text, size + 1))
        sim_log("ERROR", "write ib_logfile0: %s", strerror(errno));
    db.log_bytes += size + 1;
    free(text);
}

void db_commit(void)
{
    if (!db.dirty && !db.meta_dirty)
        return;
    json_object_set_new(db.meta, "commits",
                        json_integer(json_integer_value(json_object_get(db.meta, "commits")) + 1));
    while (db.dirty) {
        struct row *row = db.dirty;
        db.dirty = row->next_dirty;
        row->dirty = false;
        if (db.log_fd >= 0)
            log_line(TYPES[row->type].name, row->num, row->j);
    }
    db.meta_dirty = false;
    if (db.log_fd >= 0)
        log_line("meta", 0, db.meta);
    if (db.log_bytes > ((size_t)32 << 20))
        db_checkpoint(false);
}

static json_t *dump_all(void)
{
    json_t *tables = json_object();
    for (int t = 0; t < T_TYPES; t++) {
        json_t *rows = json_array();
        for (int n = 1; n <= db.table[t].count; n++)
            if (db.table[t].rows[n])
                json_array_append_new(rows, json_pack("[i, O]", n, db.table[t].rows[n]->j));
        json_object_set_new(tables, TYPES[t].name, rows);
    }
    return json_pack("{s:O, s:o}", "meta", db.meta, "tables", tables);
}

// Takes the lock on an open ibdata1 and makes sure that it is still the file of that name: a
// checkpoint of the other server may have renamed a new one over it in between.
static int lock_file(int fd, const char *path)
{
    if (flock(fd, LOCK_EX | LOCK_NB))
        return -1;
    struct stat mine, named;
    if (fstat(fd, &mine) || stat(path, &named) || mine.st_ino != named.st_ino) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

static int open_log(bool truncate)
{
    char path[SIM_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/ib_logfile0", db.folder);
    if (db.log_fd < 0)
        db.log_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0660);
    if (db.log_fd < 0)
        return -1;
    if (truncate && ftruncate(db.log_fd, 0))
        return -1;
    if (truncate)
        db.log_bytes = 0;
    sim_own(path, 0660);
    return 0;
}

static int write_snapshot(const char *path, const char *temporary, json_t *all)
{
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    if (fd < 0)
        return -1;
    char *text = json_dumps(all, JSON_COMPACT);
    bool ok = text && !write_all(fd, text, strlen(text)) && !fsync(fd) &&
              !flock(fd, LOCK_EX | LOCK_NB) && !rename(temporary, path);
    free(text);
    if (!ok) {
        close(fd);
        return -1;
    }
    sim_own(path, 0660);
    if (db.lock_fd >= 0)
        close(db.lock_fd);
    db.lock_fd = fd;
    return 0;
}

int db_checkpoint(bool clean)
{
    char path[SIM_PATH_MAX + 16], temporary[SIM_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/ibdata1", db.folder);
    snprintf(temporary, sizeof temporary, "%s/#ibdata1", db.folder);
    json_object_set_new(db.meta, "clean", json_boolean(clean));
    // The generation ties a redo log to its snapshot: lines of an older one are not replayed.
    json_int_t generation = json_integer_value(json_object_get(db.meta, "generation")) + 1;
    json_object_set_new(db.meta, "generation", json_integer(generation));
    json_t *all = dump_all();
    int failed = write_snapshot(path, temporary, all);
    json_decref(all);
    if (failed || open_log(true)) {
        sim_log("ERROR", "checkpoint of %s: %s", path, strerror(errno));
        return -1;
    }
    int folder = open(db.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    return 0;
}

static void restore_row(struct row *row)
{
    row->project = row->type == T_ACCOUNT ? 0 : id_num(row_str(row, "accountId"));
    if (row->type == T_INSTANCE && !row_removed(row))
        db_link_instance(row, id_num(row_str(row, "hostId")), id_num(row_str(row, "_service")));
    else if (row->type == T_INSTANCE) {
        row->host = id_num(row_str(row, "hostId"));
        row->service = id_num(row_str(row, "_service"));
    }
}

static void load_row(const char *type, int num, json_t *fields)
{
    for (int t = 0; t < T_TYPES; t++)
        if (!strcmp(type, TYPES[t].name) && num > 0 && num < 100000000 && json_is_object(fields))
            place((enum row_type)t, num, json_incref(fields));
}

// A torn last line is what a crash leaves; everything before it counts.
static void replay_log(void)
{
    char path[SIM_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/ib_logfile0", db.folder);
    char *data = sim_read_file(path, NULL);
    for (char *line = data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        json_t *entry = json_loads(line, 0, NULL);
        const char *type = NULL;
        int num = 0;
        json_t *fields = NULL;
        if (!entry || json_unpack(entry, "{s:s, s:i, s:o}", "t", &type, "n", &num, "j", &fields)) {
            json_decref(entry);
            break;
        }
        if (!strcmp(type, "meta")) {
            if (json_integer_value(json_object_get(fields, "generation")) ==
                json_integer_value(json_object_get(db.meta, "generation"))) {
                json_decref(db.meta);
                db.meta = json_incref(fields);
            }
        } else {
            load_row(type, num, fields);
        }
        json_decref(entry);
    }
    free(data);
}

static int load_snapshot(const char *path)
{
    json_error_t error;
    json_t *all = json_load_file(path, 0, &error);
    json_t *meta = json_object_get(all, "meta"), *tables = json_object_get(all, "tables");
    if (!json_is_object(meta) || !json_is_object(tables)) {
        json_decref(all);
        return -1;
    }
    db.meta = json_incref(meta);
    const char *type;
    json_t *rows, *pair;
    size_t i;
    json_object_foreach(tables, type, rows) json_array_foreach(rows, i, pair)
        load_row(type, (int)json_integer_value(json_array_get(pair, 0)), json_array_get(pair, 1));
    json_decref(all);
    return 0;
}

// Rows that only have to survive: a copy that lost something shows it.
static json_t *canary(void)
{
    json_t *rows = json_array();
    for (int i = 0; i < 16; i++) {
        char uuid[37];
        sim_uuid(uuid);
        json_array_append_new(rows, json_string(uuid));
    }
    return rows;
}

static void new_meta(void)
{
    db.was_new = true;
    db.meta = json_pack("{s:b, s:i, s:i, s:o, s:{}, s:{}, s:{}, s:{s:b, s:[]}}", "clean", 1,
                        "schema", 0, "commits", 0, "canary", canary(), "counters", "settings",
                        "faults", "access", "enabled", 0, "keys");
}

static void note_second_server(void)
{
    char path[SIM_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/sim-concurrent", db.folder);
    FILE *f = fopen(path, "ae");
    if (f) {
        fprintf(f, "%lld\n", (long long)sim_now_ms());
        fclose(f);
    }
    sim_mysql_log("InnoDB: Unable to lock ./ibdata1, error: 11");
    sim_mysql_log("InnoDB: Check that you do not already have another mysqld process");
    sim_log("ERROR", "InnoDB: Unable to lock ./ibdata1, error: 11");
}

static int make_folders(void)
{
    char path[SIM_PATH_MAX + 16];
    static const char *const names[] = {"", "/mysql", "/cattle"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", db.folder, names[i]);
        if (sim_mkdirs(path))
            return -1;
        sim_own(path, 0700);
    }
    return 0;
}

const char *db_folder(void)
{
    return db.folder;
}

bool db_was_new(void)
{
    return db.was_new;
}

static int take_lock(const char *path)
{
    db.lock_fd = open(path, O_RDWR | O_CLOEXEC);
    if (db.lock_fd >= 0 && lock_file(db.lock_fd, path)) {
        note_second_server();
        return -1;
    }
    return 0;
}

int db_open(const char *folder)
{
    snprintf(db.folder, sizeof db.folder, "%s", folder);
    char path[SIM_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/mysql", folder);
    struct stat st;
    // As mysql.sh does it: no mysql folder, no questions, a brand-new empty database.
    bool empty = stat(path, &st) != 0;
    snprintf(path, sizeof path, "%s/ibdata1", folder);
    if (take_lock(path))
        return -1;
    if (empty || db.lock_fd < 0) {
        if (make_folders())
            return sim_log("ERROR", "create %s: %s", folder, strerror(errno)), -1;
        new_meta();
    } else if (load_snapshot(path)) {
        sim_mysql_log("InnoDB: Error: ibdata1 is corrupted");
        sim_log("ERROR", "InnoDB: %s is corrupted", path);
        return -1;
    } else {
        replay_log();
    }
    for (int t = 0; t < T_TYPES; t++)
        for (int n = 1; n <= db.table[t].count; n++)
            if (db.table[t].rows[n])
                restore_row(db.table[t].rows[n]);
    return 0;
}
