/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "apply/document.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"

/* For tests: DROVER_TEST_KILL="<step>:begun" or "<step>:done" ends the process right after that entry was written, as
 * a power cut would; with ":int" behind it, as Ctrl-C does. */
static void kill_here(const char *step, const char *phase)
{
    const char *wanted = getenv("DROVER_TEST_KILL");
    size_t length = strlen(step);

    if (!wanted || strncmp(wanted, step, length) != 0 || wanted[length] != ':' ||
        !dr_text_starts(wanted + length + 1, phase))
        return;
    wanted += length + 1 + strlen(phase);
    if (!*wanted)
        kill(getpid(), SIGKILL);
    if (strcmp(wanted, ":int") == 0)
        kill(getpid(), SIGINT);
}

void dr_journal_release(struct dr_journal *journal)
{
    free(journal->folder);
    free(journal->path);
    dr_cleanup_close(&journal->lock);
    json_decref(journal->state);
    *journal = (struct dr_journal)DR_JOURNAL_INIT;
}

/* Rancher's inventory of before never changes and may be megabytes, the document is written at every instance that is
 * replaced: so while it is under way the inventory lies beside it, and the document says so. */
#define APART "inventory_apart"

static char *inventory_path(const struct dr_journal *journal, struct dr_err *err)
{
    return dr_file_join(journal->folder, "inventory.json", err);
}

static int set_apart(struct dr_journal *journal, struct dr_err *err)
{
    json_t *inventory = json_object_get(journal->state, "inventory");
    dr_autofree char *path = inventory_path(journal, err);

    if (!path)
        return -1;
    if (!json_is_object(inventory))
        return 0;
    if (dr_document_save(path, inventory, false, err) < 0)
        return -1;
    return dr_json_set(journal->state, APART, json_true(), err);
}

static int fetch_inventory(const struct dr_journal *journal, json_t *state, struct dr_err *err)
{
    dr_autofree char *path = inventory_path(journal, err);
    json_t *inventory;

    if (!path)
        return -1;
    if (!dr_json_true(state, APART))
        return 0;
    inventory = dr_document_part(path, err);
    if (!inventory)
        return dr_err_wrap(err, "read Rancher's inventory of before the upgrade");
    return dr_json_set(state, "inventory", inventory, err);
}

static int read_state(struct dr_journal *journal, struct dr_err *err)
{
    json_auto_t *state = NULL;

    if (dr_document_check_folder(journal->folder, err) < 0)
        return -1;
    if (access(journal->path, F_OK) < 0 && errno == ENOENT)
        return 0;
    state = dr_document_read(journal->path, err);
    if (!state || fetch_inventory(journal, state, err) < 0)
        return -1;
    journal->state = json_incref(state);
    return 0;
}

int dr_journal_peek(struct dr_journal *journal, const char *folder, struct dr_err *err)
{
    journal->folder = dr_text_copy(folder, err);
    journal->path = dr_file_join(folder, "apply.json", err);
    return journal->folder && journal->path ? read_state(journal, err) : -1;
}

/* A kill between the last word and the journal's putting away. */
static int put_away(struct dr_journal *journal, struct dr_err *err)
{
    const char *state = dr_json_string_or(journal->state, "state", "running");
    dr_autofree char *outcome = NULL;

    if (!journal->state || strcmp(state, "running") == 0)
        return 0;
    outcome = dr_text_copy(state, err);
    if (!outcome || dr_journal_finish(journal, outcome, NULL, err) < 0)
        return -1;
    json_decref(journal->state);
    journal->state = NULL;
    return 0;
}

int dr_journal_open(struct dr_journal *journal, const char *folder, struct dr_err *err)
{
    dr_autofree char *lock = dr_file_join(folder, "lock", err);

    if (!lock || dr_file_make_folder(folder, 0700, err) < 0 ||
        dr_document_check_folder(folder, err) < 0)
        return -1;
    if (dr_file_lock(lock, &journal->lock, err) < 0)
        return -1;
    return dr_journal_peek(journal, folder, err) < 0 ? -1 : put_away(journal, err);
}

int dr_journal_save(struct dr_journal *journal, struct dr_err *err)
{
    json_auto_t *document = NULL;

    if (!dr_json_true(journal->state, APART))
        return dr_document_save(journal->path, journal->state, true, err);
    document = json_copy(journal->state); /* shares all that it holds */
    if (!document)
        return dr_fail_memory(err);
    json_object_del(document, "inventory");
    return dr_document_save(journal->path, document, true, err);
}

/* "begun" for people, "begun_at" (seconds since the epoch) for the report. */
static int stamp(json_t *object, const char *key, const char *exact, struct dr_err *err)
{
    struct timespec time;
    char now[32];

    clock_gettime(CLOCK_REALTIME, &time);
    dr_text_time(time.tv_sec, now);
    if (dr_json_set(object, key, json_string(now), err) < 0)
        return -1;
    return dr_json_set(object, exact, json_real((double)time.tv_sec + (double)time.tv_nsec / 1e9),
                       err);
}

static int add_run(struct dr_journal *journal, struct dr_err *err)
{
    json_t *runs = json_object_get(journal->state, "runs");
    json_t *run = json_object();

    if (!runs) {
        runs = json_array();
        if (dr_json_set(journal->state, "runs", runs, err) < 0) {
            json_decref(run);
            return -1;
        }
    }
    if (dr_json_append(runs, run, err) < 0)
        return -1;
    return stamp(run, "begun", "begun_at", err);
}

int dr_journal_run_begun(struct dr_journal *journal, struct dr_err *err)
{
    return add_run(journal, err) < 0 ? -1 : dr_journal_save(journal, err);
}

int dr_journal_run_ended(struct dr_journal *journal, const char *why, struct dr_err *err)
{
    const json_t *runs = json_object_get(journal->state, "runs");
    json_t *run = json_array_get(runs, json_array_size(runs) - 1);

    if (!run)
        return 0;
    if (stamp(run, "ended", "ended_at", err) < 0 ||
        dr_json_set(run, "why", json_string(why), err) < 0)
        return -1;
    return dr_journal_save(journal, err);
}

int dr_journal_start(struct dr_journal *journal, json_t *state, struct dr_err *err)
{
    char now[32];

    dr_text_time(time(NULL), now);
    json_decref(journal->state);
    journal->state = state;
    if (dr_json_set(state, "format", json_integer(DR_DOCUMENT_FORMAT), err) < 0 ||
        dr_json_set(state, "started", json_string(now), err) < 0 ||
        dr_json_set(state, "state", json_string("running"), err) < 0 ||
        dr_json_set(state, "steps", json_object(), err) < 0 || add_run(journal, err) < 0 ||
        set_apart(journal, err) < 0 || dr_journal_save(journal, err) < 0)
        return -1;
    kill_here("journal", "begun");
    return 0;
}

static json_t *entry(const struct dr_journal *journal, const char *step)
{
    return dr_json_at(journal->state, "steps", step, NULL);
}

int dr_journal_step_begun(struct dr_journal *journal, const char *step, struct dr_err *err)
{
    json_t *steps = json_object_get(journal->state, "steps");

    if ((!entry(journal, step) && dr_json_set(steps, step, json_object(), err) < 0) ||
        stamp(entry(journal, step), "begun", "begun_at", err) < 0)
        return -1;
    /* What is interrupted by it is interrupted since the first try. */
    if (!json_object_get(entry(journal, step), "first_at") &&
        json_object_set(entry(journal, step), "first_at",
                        json_object_get(entry(journal, step), "begun_at")) < 0)
        return dr_fail_memory(err);
    json_object_del(entry(journal, step), "done");
    json_object_del(entry(journal, step), "done_at");
    if (dr_journal_save(journal, err) < 0)
        return -1;
    kill_here(step, "begun");
    return 0;
}

int dr_journal_step_done(struct dr_journal *journal, const char *step, double seconds,
                         struct dr_err *err)
{
    json_t *steps = json_object_get(journal->state, "steps");

    if ((!entry(journal, step) && dr_json_set(steps, step, json_object(), err) < 0) ||
        stamp(entry(journal, step), "done", "done_at", err) < 0 ||
        dr_json_set(entry(journal, step), "seconds", json_real(seconds), err) < 0 ||
        dr_journal_save(journal, err) < 0)
        return -1;
    kill_here(step, "done");
    return 0;
}

int dr_journal_step_forget(struct dr_journal *journal, const char *step, struct dr_err *err)
{
    if (!entry(journal, step))
        return 0;
    json_object_del(json_object_get(journal->state, "steps"), step);
    return dr_journal_save(journal, err);
}

bool dr_journal_is_begun(const struct dr_journal *journal, const char *step)
{
    return json_object_get(entry(journal, step), "begun") != NULL;
}

bool dr_journal_is_done(const struct dr_journal *journal, const char *step)
{
    return json_object_get(entry(journal, step), "done") != NULL;
}

int dr_journal_finish(struct dr_journal *journal, const char *outcome, char **ret_path,
                      struct dr_err *err)
{
    dr_autofree char *name = NULL;
    dr_autofree char *path = NULL;
    dr_autofree char *apart = NULL;
    char started[32];

    dr_text_stamp(dr_json_string_or(journal->state, "started", "unknown"), started);
    name = dr_text_format(err, "apply-%s-%s.json", started, outcome);
    path = name ? dr_file_join(journal->folder, name, err) : NULL;
    apart = inventory_path(journal, err);
    /* Put away as one document again. */
    json_object_del(journal->state, APART);
    if (!path || !apart || dr_json_set(journal->state, "state", json_string(outcome), err) < 0 ||
        stamp(journal->state, "ended", "ended_at", err) < 0 || dr_journal_save(journal, err) < 0)
        return -1;
    if (rename(journal->path, path) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", journal->path, path);
    unlink(apart);
    if (ret_path)
        *ret_path = dr_steal(path);
    return dr_file_sync_folder(journal->path, err);
}

bool dr_journal_has_server(const json_t *state)
{
    return dr_json_true(json_object_get(state, "server"), "needed");
}

/* "apply-<when it began>-<outcome>.json"; one that changed nothing does not count. */
static bool is_put_away(const char *name)
{
    return dr_text_starts(name, "apply-") && dr_text_ends(name, ".json") &&
           !dr_text_ends(name, "-undone.json");
}

/* The newest that is older than `than` (NULL: of all), or NULL in `ret_name`. */
static int find_before(const struct dr_journal *journal, const char *than, char **ret_name,
                       struct dr_err *err)
{
    DIR *folder = opendir(journal->folder);
    dr_autofree char *newest = NULL;
    const struct dirent *entry;

    if (!folder && errno != ENOENT)
        return dr_fail_errno(err, DR_ERR_IO, "look into the folder '%s'", journal->folder);
    while (folder && (entry = readdir(folder))) {
        if (!is_put_away(entry->d_name) || (than && strcmp(entry->d_name, than) >= 0) ||
            (newest && strcmp(entry->d_name, newest) < 0))
            continue;
        free(newest);
        newest = strdup(entry->d_name);
    }
    if (folder)
        closedir(folder);
    *ret_name = dr_steal(newest);
    return 0;
}

int dr_journal_last(const struct dr_journal *journal, dr_journal_fits_fn *fits, char **ret_path,
                    json_t **ret_state, struct dr_err *err)
{
    dr_autofree char *name = NULL;

    *ret_path = NULL;
    *ret_state = NULL;
    for (;;) {
        char *older = NULL;
        dr_autofree char *path = NULL;
        json_auto_t *state = NULL;

        if (find_before(journal, name, &older, err) < 0)
            return -1;
        free(name);
        name = older;
        if (!name)
            return 0;
        path = dr_file_join(journal->folder, name, err);
        state = path ? dr_document_read(path, err) : NULL;
        if (!state)
            return -1;
        if (fits && !fits(state))
            continue;
        *ret_path = dr_steal(path);
        *ret_state = json_incref(state);
        return 0;
    }
}

static int add_copy(const struct dr_journal *journal, const char *name, json_t *copies,
                    struct dr_err *err)
{
    dr_autofree char *path = dr_file_join(journal->folder, name, err);
    json_auto_t *state = path ? dr_document_read(path, NULL) : NULL;
    const char *file = dr_json_string_or(json_object_get(state, "backup"), "file", NULL);

    if (!path)
        return -1;
    return file ? dr_json_set(copies, file, json_true(), err) : 0;
}

json_t *dr_journal_copies(const struct dr_journal *journal, struct dr_err *err)
{
    DIR *folder = opendir(journal->folder);
    json_auto_t *copies = json_object();
    const struct dirent *entry;
    int done = 0;

    if (!folder) {
        dr_fail_errno(err, DR_ERR_IO, "look into the folder '%s'", journal->folder);
        return NULL;
    }
    while (done == 0 && (entry = readdir(folder))) {
        if (dr_text_starts(entry->d_name, "apply-") && dr_text_ends(entry->d_name, ".json"))
            done = add_copy(journal, entry->d_name, copies, err);
    }
    closedir(folder);
    return done == 0 ? json_incref(copies) : NULL;
}

int dr_journal_reopen(struct dr_journal *journal, const char *path, json_t *state,
                      struct dr_err *err)
{
    json_decref(journal->state);
    journal->state = state;
    if (rename(path, journal->path) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "rename '%s' to '%s'", path, journal->path);
    /* Until it says "running", a drover that finds it there puts it back. */
    if (dr_json_set(state, "state", json_string("running"), err) < 0)
        return -1;
    return dr_journal_save(journal, err);
}

bool dr_journal_is_locked(const struct dr_journal *journal)
{
    dr_autofree char *path = dr_file_join(journal->folder, "lock", NULL);
    dr_autoclose int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}
