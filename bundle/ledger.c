/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle/part.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/wait.h"

#define FORMAT 1
#define JOURNAL_MAX ((size_t)16 << 20)
#define FLUSH_SECONDS 5
#define DRAFT ".new"

/* ---- what was left */

static void say_why(struct dr_past *past, const char *why)
{
    if (dr_text_put(past->why, sizeof past->why, why) < 0)
        dr_text_put(past->why, sizeof past->why, "its journal can't be read");
}

/* The first thing in which two runs differ, in words. */
static void say_difference(struct dr_past *past, const json_t *then, const json_t *now)
{
    char words[256];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        if (json_equal(value, json_object_get(then, key)))
            continue;
        snprintf(words, sizeof words, "it was begun with other arguments (%.100s)", key);
        say_why(past, words);
        return;
    }
    say_why(past, "it was begun with other arguments");
}

void dr_past_read(const char *path, const json_t *asked, struct dr_past *ret_past)
{
    struct dr_err why = DR_ERR_INIT;
    json_auto_t *journal = NULL;
    json_t *then = NULL;

    *ret_past = (struct dr_past)DR_PAST_INIT;
    if (access(path, F_OK) < 0)
        return;
    journal = dr_json_read(path, JOURNAL_MAX, &why);
    if (!journal || dr_json_int_or(journal, "drover_journal", 0) != FORMAT ||
        dr_json_get_uint64(journal, "total", &ret_past->total, NULL) < 0 ||
        dr_json_get_object(journal, "asked", &then, NULL) < 0) {
        say_why(ret_past, "its journal can't be read");
        return;
    }
    if (!json_equal(then, asked)) {
        say_difference(ret_past, then, asked);
        return;
    }
    ret_past->journal = json_incref(journal);
    ret_past->slice = (uint64_t)dr_json_int_or(journal, "slice", 0);
    ret_past->renaming = (uint64_t)dr_json_int_or(journal, "renaming", 0);
}

void dr_past_release(struct dr_past *past)
{
    json_decref(past->journal);
    *past = (struct dr_past)DR_PAST_INIT;
}

bool dr_past_digest(const struct dr_past *past, const char *reference, struct dr_digest *ret_digest)
{
    const char *text = dr_json_string_or(json_object_get(past->journal, "images"), reference, "");

    return dr_digest_parse(text, ret_digest, NULL) == 0;
}

uint64_t dr_past_done(const struct dr_past *past, const struct dr_digest *digest, uint64_t offset,
                      uint64_t size)
{
    const json_t *layers = json_object_get(past->journal, "layers");
    char text[DR_DIGEST_TEXT];
    const json_t *layer = json_object_get(layers, dr_digest_text(digest, text));
    int64_t done = dr_json_int_or(layer, "done", 0);

    if (dr_json_int_or(layer, "offset", -1) != (int64_t)offset ||
        dr_json_int_or(layer, "size", -1) != (int64_t)size || done < 0 || (uint64_t)done > size)
        return 0;
    return (uint64_t)done;
}

/* ---- what is written */

uint64_t dr_ledger_done(const struct dr_ledger *ledger)
{
    uint64_t done = 0;

    for (size_t i = 0; i < ledger->count; i++)
        done += atomic_load_explicit(&ledger->layers[i].done, memory_order_relaxed);
    return done;
}

/* How it stands now, which is not on the disk yet. New reference. */
static json_t *snapshot(const struct dr_ledger *ledger)
{
    json_auto_t *journal = json_copy(ledger->journal);
    json_t *layers = json_object();

    if (json_object_set_new(journal, "layers", layers) < 0)
        return NULL;
    for (size_t i = 0; i < ledger->count; i++) {
        struct dr_ledger_layer *layer = &ledger->layers[i];
        uint64_t done = atomic_load_explicit(&layer->done, memory_order_relaxed);
        char text[DR_DIGEST_TEXT];

        if (json_object_set_new(layers, dr_digest_text(&layer->digest, text),
                                json_pack("{s:I, s:I, s:I}", "offset", (json_int_t)layer->offset,
                                          "size", (json_int_t)layer->size, "done",
                                          (json_int_t)done)) < 0)
            return NULL;
    }
    return json_incref(journal);
}

/* dr_file_save() has drafts of random names, of which each kill would leave one. */
static int save(const char *path, const char *text, struct dr_err *err)
{
    dr_autofree char *draft = dr_text_format(err, "%s" DRAFT, path);
    dr_autoclose int fd = -1;

    if (!draft)
        return -1;
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return dr_fail_errno(err, DR_ERR_IO, "create '%s'", draft);
    if (dr_file_pwrite(fd, text, strlen(text), 0, draft, err) < 0)
        return -1;
    if (fsync(fd) < 0 || rename(draft, path) < 0)
        return dr_fail_errno(err, DR_ERR_IO, "flush '%s' to the disk", draft);
    return dr_file_sync_folder(path, err);
}

static int flush(const struct dr_ledger *ledger, struct dr_err *err)
{
    json_auto_t *journal = snapshot(ledger);
    dr_autofree char *text = journal ? dr_json_text(journal, false, err) : NULL;

    if (!journal)
        return dr_fail_memory(err);
    if (!text)
        return -1;
    if (dr_pieces_flush(&ledger->part->pieces, err) < 0)
        return -1;
    return save(ledger->part->journal, text, err);
}

/* A journal that can't be written costs the next run time, and this one nothing. */
static void flush_or_tell(struct dr_ledger *ledger)
{
    struct dr_err why = DR_ERR_INIT;

    if (flush(ledger, &why) == 0 || ledger->failed)
        return;
    ledger->failed = true;
    dr_log_warn(ledger->log, "'%s' can't be written, so a later run would begin anew: %s",
                ledger->part->journal, why.text);
}

static void *keep_journal(void *context)
{
    struct dr_ledger *ledger = context;

    pthread_mutex_lock(&ledger->mutex);
    while (!ledger->ending) {
        double pause = dr_scaled(FLUSH_SECONDS);
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)pause;
        until.tv_nsec += (long)((pause - (double)(time_t)pause) * 1e9);
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        while (!ledger->ending &&
               pthread_cond_timedwait(&ledger->wake, &ledger->mutex, &until) != ETIMEDOUT)
            continue;
        if (ledger->ending)
            break;
        pthread_mutex_unlock(&ledger->mutex);
        flush_or_tell(ledger);
        pthread_mutex_lock(&ledger->mutex);
    }
    pthread_mutex_unlock(&ledger->mutex);
    return NULL;
}

int dr_ledger_renaming(const char *path, uint64_t volumes, struct dr_err *err)
{
    json_auto_t *journal = dr_json_read(path, JOURNAL_MAX, err);
    dr_autofree char *text = NULL;

    if (!journal || dr_json_set(journal, "renaming", json_integer((json_int_t)volumes), err) < 0)
        return -1;
    text = dr_json_text(journal, false, err);
    return text ? save(path, text, err) : -1;
}

void dr_ledger_remove(const char *path)
{
    dr_autofree char *draft = dr_text_format(NULL, "%s" DRAFT, path);

    unlink(path);
    if (draft)
        unlink(draft);
}

int dr_ledger_begin(struct dr_ledger *ledger, const struct dr_part *part, const json_t *asked,
                    const json_t *images, uint64_t total, struct dr_ledger_layer *layers,
                    size_t count, const struct dr_log *log, struct dr_err *err)
{
    *ledger = (struct dr_ledger){.part = part, .layers = layers, .count = count, .log = log};
    ledger->journal = json_pack("{s:i, s:O, s:O, s:I}", "drover_journal", FORMAT, "asked", asked,
                                "images", images, "total", (json_int_t)total);
    if (!ledger->journal)
        return dr_fail_memory(err);
    if (part->split && dr_json_set(ledger->journal, "slice",
                                   json_integer((json_int_t)part->pieces.slice), err) < 0)
        return -1;
    if (flush(ledger, err) < 0)
        return -1;
    pthread_mutex_init(&ledger->mutex, NULL);
    pthread_cond_init(&ledger->wake, NULL);
    if (pthread_create(&ledger->thread, NULL, keep_journal, ledger) != 0)
        return dr_fail(err, DR_ERR_INTERNAL, "start a thread for '%s'", part->journal);
    ledger->running = true;
    return 0;
}

void dr_ledger_end(struct dr_ledger *ledger)
{
    if (ledger->running) {
        pthread_mutex_lock(&ledger->mutex);
        ledger->ending = true;
        pthread_cond_signal(&ledger->wake);
        pthread_mutex_unlock(&ledger->mutex);
        pthread_join(ledger->thread, NULL);
        ledger->running = false;
        pthread_cond_destroy(&ledger->wake);
        pthread_mutex_destroy(&ledger->mutex);
        flush_or_tell(ledger);
    }
    json_decref(ledger->journal);
    ledger->journal = NULL;
}
